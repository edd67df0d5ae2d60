"""The ground of the house: what every room stands on. It knows no room."""
