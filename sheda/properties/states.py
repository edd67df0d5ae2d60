"""The two lives of a property: whether it is on the market (`status`) and whether it is shown (`listing_state`)."""

from sheda.core.states import Machine, Move
from sheda.properties.events import (
    PropertyArchived,
    PropertyLet,
    PropertyPaused,
    PropertyPublished,
    PropertyReturned,
    PropertySold,
)

STATUS = Machine(
    "status",
    ("available", "rented", "sold"),
    (
        Move("rent_out", ("available",), "rented", "ASY", "Let", PropertyLet, button=False),
        Move("sell", ("available",), "sold", "ASY", "Sold", PropertySold, button=False),
        Move("return", ("rented",), "available", "CASY", "Back on the market", event=PropertyReturned, button=False),
    ),
)
"""Moves only with contracts: the actor is whoever moves the contract."""

LISTING = Machine(
    "listing_state",
    ("draft", "published", "paused", "archived"),
    (
        Move("publish", ("draft", "paused"), "published", "ASY", "Publish", event=PropertyPublished, reason="office", confirm="Clients can see it and ask for viewings."),
        Move("pause", ("published",), "paused", "ASY", "Pause", event=PropertyPaused, reason="office", confirm="It leaves the search; viewings that are set stay."),
        Move("keep", ("published",), "published", "ASY", "Still available", reason="office", confirm="It counts as looked at today.", button=False),
        Move("archive", ("draft", "published", "paused"), "archived", "ASY", "Archive", event=PropertyArchived, reason="office", confirm="It leaves the search for good, and its open viewings are cancelled."),
    ),
)  # fmt: skip
