"""What administrators tell everybody, on every page."""
