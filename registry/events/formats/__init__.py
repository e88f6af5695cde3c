"""The forms in which events are told: one file for each family of receivers."""
