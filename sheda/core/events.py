"""News that must travel to rooms on the right: facts in the past tense, and who reacts to them."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Reaction = Callable[[Any], None]
Answers = Mapping[str, Any]
"""What was read for those who react, by their questions."""

_reactions: dict[type["Event"], tuple[Reaction, ...]] = {}


@dataclass(frozen=True)
class Event:
    """Something that has happened; subclasses name it in the past tense and carry what reactions need."""


class Asking:
    """A reaction that must know something first: whoever emits the event can read it along with what he reads himself.

    `question` is an SQL expression whose value is JSON, about the agent, for whose id `{agent}` stands. The reaction is
    given the answer; None when nobody has read it, and it must ask by itself.
    """

    def __init__(self, question: str, react: Callable[[Any, Any], None]) -> None:
        self.question, self._react = question, react
        functools.update_wrapper(self, react)

    def __call__(self, event: Any) -> None:
        """React with the answer that the event brings."""
        self._react(event, event.answers.get(self.question))


def asking(question: str) -> Callable[[Callable[[Any, Any], None]], Asking]:
    """Make the decorated function a reaction that is given the answer to a question; see `Asking`."""
    return lambda react: Asking(question, react)


def questions_of(kind: type[Event]) -> tuple[str, ...]:
    """Return what those who react to a kind of event must know first."""
    return tuple(one.question for one in reactions_to(kind) if isinstance(one, Asking))


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
