"""News about viewings."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sheda.core.events import Answers
from sheda.core.states import Moved


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a viewing takes place and who meets there, for those who speak of it; names are first, last, user name."""

    title: str
    reference: str
    location: str
    zone: ZoneInfo
    agent: tuple[str | None, str | None, str]
    client: tuple[str | None, str | None, str]


@dataclass(frozen=True)
class AppointmentBooked(Moved):
    """A client has asked for a viewing."""

    scene: Scene | None = field(default=None, compare=False)
    answers: Answers = field(default_factory=dict, compare=False)


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
