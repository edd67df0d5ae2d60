"""Which pictures a listing shows, drawn once each and then used again."""

from collections.abc import Callable
from random import Random

from PIL import Image

from sheda.demo import facades, rooms

_DRAWN: dict[str, Callable[[Random], Image.Image]] = {
    "bungalow": lambda draw: facades.draw_house(draw, floors=1, bays=draw.choice((4, 5))),
    "duplex": lambda draw: facades.draw_house(draw, floors=2, bays=draw.choice((3, 4, 5))),
    "block": lambda draw: facades.draw_house(draw, floors=draw.choice((3, 4)), bays=draw.choice((3, 4, 5))),
    "shopfront": facades.draw_shopfront,
    "plot": facades.draw_plot,
    "living_room": rooms.draw_living_room,
    "bedroom": rooms.draw_bedroom,
    "kitchen": rooms.draw_kitchen,
    "bathroom": rooms.draw_bathroom,
    "office": rooms.draw_office,
}

CAPTIONS = {
    "bungalow": "Front view",
    "duplex": "Front view",
    "block": "The building",
    "shopfront": "Street front",
    "plot": "The plot",
    "living_room": "Sitting room",
    "bedroom": "Master bedroom",
    "kitchen": "Fitted kitchen",
    "bathroom": "Bathroom",
    "office": "Inside",
}

_SHOWN = {
    "apartment": ("block", "living_room", "bedroom", "kitchen", "bathroom"),
    "house": ("bungalow", "living_room", "bedroom", "kitchen"),
    "duplex": ("duplex", "living_room", "kitchen", "bedroom", "bathroom"),
    "shortlet": ("living_room", "bedroom", "bathroom", "block"),
    "shared_apartment": ("bedroom", "kitchen", "block"),
    "office": ("block", "office"),
    "shop": ("shopfront",),
    "land": ("plot",),
}
"""Kind of property to the pictures it may have, the cover first."""

VARIANTS = 4
"""How many different pictures of each kind there are."""


def draw_picture(kind: str, variant: int, seed: int) -> Image.Image:
    """Draw one picture of a kind (a key of CAPTIONS), 1200 by 800 pixels; the same for the same arguments."""
    return _DRAWN[kind](Random(f"{seed}/{kind}/{variant}"))


def choose_pictures(draw: Random, property_type: str) -> list[tuple[str, int]]:
    """Choose the pictures of a listing as (kind, variant), the cover first."""
    kinds = _SHOWN[property_type]
    count = min(len(kinds), draw.choice((2, 3, 3, 4)))
    return [(kind, draw.randrange(VARIANTS)) for kind in kinds[:count]]
