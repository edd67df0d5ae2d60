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


def emit(event: Event) -> None:
    """Let everyone react who is listed for the event, within the same transaction; a reaction's error undoes it all."""
    for reaction in _reactions.get(type(event), ()):
        reaction(event)
