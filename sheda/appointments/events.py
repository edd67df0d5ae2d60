"""News about viewings."""

from dataclasses import dataclass

from sheda.core.states import Moved


@dataclass(frozen=True)
class AppointmentBooked(Moved):
    """A client has asked for a viewing."""


@dataclass(frozen=True)
class AppointmentConfirmed(Moved):
    """The agent takes the viewing."""


@dataclass(frozen=True)
class AppointmentRejected(Moved):
    """The agent does not take it; the reason says why."""


@dataclass(frozen=True)
class AppointmentCanceled(Moved):
    """One side has called it off, or its property has gone."""


@dataclass(frozen=True)
class AppointmentExpired(Moved):
    """Nobody answered in time."""


@dataclass(frozen=True)
class AppointmentCompleted(Moved):
    """The viewing took place."""


@dataclass(frozen=True)
class AppointmentMissed(Moved):
    """The client did not come."""
