"""The properties room."""
