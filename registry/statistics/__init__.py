"""How much is pulled, pushed and kept, day by day."""
