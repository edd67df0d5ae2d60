"""What the states, kinds, fees, amenities and rules of listings are called on pages: every label in one place."""

WORDS = {
    "available": "Available",
    "under_offer": "Under offer",
    "rented": "Let",
    "sold": "Sold",
    "draft": "Draft",
    "published": "Live",
    "paused": "Paused",
    "archived": "Archived",
}
KINDS = (
    ("apartment", "Flat"),
    ("house", "House"),
    ("duplex", "Duplex"),
    ("land", "Land"),
    ("shortlet", "Short let"),
    ("shared_apartment", "Shared flat"),
    ("office", "Office"),
    ("shop", "Shop"),
)
PERIODS = (("year", "Year"), ("month", "Month"), ("week", "Week"), ("night", "Night"))
FEE_WORDS = {
    "agency": "Agency fee",
    "legal": "Legal fee",
    "agreement": "Agreement fee",
    "caution": "Caution deposit",
    "service_charge": "Service charge",
    "other": "Other fee",
}
FLAG_WORDS = {
    "prepaid_meter": "Prepaid meter",
    "running_water": "Running water",
    "air_condition": "Air conditioning",
    "pop_ceiling": "POP ceiling",
    "floor_tiles": "Floor tiles",
    "wifi": "Wi-Fi",
}
AMENITY_WORDS = {
    "borehole": "Borehole",
    "generator": "Generator",
    "solar": "Solar power",
    "security": "Guarded",
    "cctv": "CCTV",
    "gated_estate": "Gated estate",
    "parking": "Parking",
    "fitted_kitchen": "Fitted kitchen",
    "wardrobe": "Wardrobes",
    "balcony": "Balcony",
    "bq": "Boys’ quarters",
    "elevator": "Lift",
    "swimming_pool": "Swimming pool",
    "gym": "Gym",
    "playground": "Playground",
}
RULE_WORDS = {
    "pets_allowed": "Pets allowed",
    "no_pets": "No pets",
    "no_smoking": "No smoking",
    "no_parties": "No parties",
    "no_subletting": "No subletting",
    "no_business_use": "No business use",
    "business_use_allowed": "Business use allowed",
}
"""What goes in a home, kept among its amenities: clients filter by both alike."""


def amenity_words(code: str) -> str:
    """Name an amenity or a rule; one that somebody else's program wrote is called by its code in words."""
    known = {**FLAG_WORDS, **AMENITY_WORDS, **RULE_WORDS, "furnished": "Furnished"}
    return known.get(code) or code.replace("_", " ").capitalize()
