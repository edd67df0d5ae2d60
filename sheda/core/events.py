"""News that must travel to rooms on the right: facts in the past tense, and who reacts to them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Reaction = Callable[[Any], None]

_reactions: dict[type["Event"], tuple[Reaction, ...]] = {}


@dataclass(frozen=True)
class Event:
    """Something that has happened; subclasses name it in the past tense and carry what reactions need."""


def react_with(table: Mapping[type[Event], Sequence[Reaction]]) -> None:
    """Install the table of reactions, in place of the one before."""
    _reactions.clear()
    _reactions.update({event: tuple(reactions) for event, reactions in table.items()})


def reactions_to(kind: type[Event]) -> tuple[Reaction, ...]:
    """Return who is listed for a kind of event, in the order of the table."""
    return _reactions.get(kind, ())


def emit(event: Event) -> None:
    """Let everyone react who is listed for the event, within the same transaction; a reaction's error undoes it all."""
    for reaction in reactions_to(type(event)):
        reaction(event)
