"""Which rows of live news are there for you: what concerns you, your own tickets and marks."""

from typing import Any

from sqlalchemy import ColumnElement, false, or_

from sheda.core.access import row_rule
from sheda.core.actor import Actor
from sheda.live.models import Delivery, LiveEvent, Ticket


def _own(actor: Actor, *columns: Any) -> ColumnElement[bool]:
    return or_(*[column == actor.id for column in columns]) if actor.id is not None else false()


@row_rule(LiveEvent)
def own_events(actor: Actor) -> ColumnElement[bool]:
    """Return what concerns the actor."""
    return _own(actor, LiveEvent.one_id, LiveEvent.other_id)


@row_rule(Ticket)
def own_tickets(actor: Actor) -> ColumnElement[bool]:
    """Return the actor's tickets."""
    return _own(actor, Ticket.user_id)


@row_rule(Delivery)
def own_deliveries(actor: Actor) -> ColumnElement[bool]:
    """Return the marks of the actor's devices."""
    return _own(actor, Delivery.user_id)
