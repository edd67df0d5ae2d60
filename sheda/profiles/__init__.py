"""The profiles room."""
