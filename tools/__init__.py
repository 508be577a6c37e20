"""Commands that `make` runs for those who work on the project."""
