"""The appointments room."""
