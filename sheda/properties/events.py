"""News about listings."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sheda.core.events import Event
from sheda.core.states import Moved


@dataclass(frozen=True)
class PropertyPublished(Moved):
    """A listing is shown to everybody, as a new one or again."""


@dataclass(frozen=True)
class PropertyPaused(Moved):
    """A listing is shown to nobody for a while."""


@dataclass(frozen=True)
class PropertyLet(Moved):
    """A property is let."""


@dataclass(frozen=True)
class PropertySold(Moved):
    """A property is sold."""


@dataclass(frozen=True)
class PropertyArchived(Moved):
    """A listing was taken off the market for good."""


@dataclass(frozen=True)
class PropertyReturned(Moved):
    """A property is available again after a tenancy."""


@dataclass(frozen=True)
class TermsChanging(Event):
    """The kind, price or currency of a listing is about to change; a room on the right may refuse."""

    subject: Any


@dataclass(frozen=True)
class PriceLowered(Event):
    """A property costs less than it did, in the same currency and for the same period."""

    subject: Any
    was: Decimal


@dataclass(frozen=True)
class ImagesAccepted(Event):
    """Pictures of a listing wait for a worker."""

    subject: Any
