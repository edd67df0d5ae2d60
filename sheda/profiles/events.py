"""News about profiles."""

from dataclasses import dataclass
from typing import Any

from sheda.core.actor import Actor
from sheda.core.events import Event
from sheda.core.states import Moved


@dataclass(frozen=True)
class BankAccountChanged(Event):
    """A bank account was added, changed or removed; its owner is told by mail, also because it may not be his doing."""

    account: Any
    change: str


@dataclass(frozen=True)
class ProfileShown(Event):
    """Somebody reads his own profile; rooms on the right add what they know of him to `facts`."""

    actor: Actor
    facts: dict[str, Any]


@dataclass(frozen=True)
class WeekGiven(Event):
    """An agent gives his weekly hours, all of them: `{weekday, start_time, end_time}` each."""

    actor: Actor
    hours: list[dict[str, Any]]


@dataclass(frozen=True)
class ExportAsked(Event):
    """Somebody asks for everything that is kept about him; rooms on the right add their sections."""

    actor: Actor
    sections: dict[str, Any]


@dataclass(frozen=True)
class VerificationSubmitted(Moved):
    """An agent has sent his papers in."""


@dataclass(frozen=True)
class VerificationDecided(Moved):
    """The office has approved an agent's papers, sent them back, or taken the badge back."""
