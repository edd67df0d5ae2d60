"""The tests, laid out as the house is: a folder a room, against a real PostgreSQL and a real Valkey."""
