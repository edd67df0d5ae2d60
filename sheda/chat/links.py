"""Links in messages: for whom they may be followed, and how they are written."""

import re
from typing import Any

from markupsafe import Markup, escape
from sqlalchemy import ColumnElement, and_, exists, or_, select

from sheda.appointments.models import Appointment
from sheda.chat.models import Conversation, Message
from sheda.contracts.models import Contract
from sheda.core.actor import Actor
from sheda.core.db import db

KNOWN_BY = ("confirmed", "completed", "no_show")
"""States of a viewing on which both sides have agreed."""

_ADDRESS = re.compile(r"https?://[^\s<>\"'`{}|\\^\[\]]{3,2000}", re.IGNORECASE)
_ENDS = ".,;:!?)"


def trusted_from(actor: Actor, other: int) -> int | None:
    """Return the id of the message from which on the other's links may be followed; None while he is a stranger.

    A stranger is whoever has no agreed viewing and no contract with the actor; and what he wrote before the actor ever
    answered stays a stranger's.
    """
    me = actor.user_id
    viewed = exists().where(_between(Appointment, me, other), Appointment.status.in_(KNOWN_BY))
    known = or_(viewed, exists().where(_between(Contract, me, other)))
    pair = Conversation.low_id == min(me, other), Conversation.high_id == max(me, other)
    answered = (
        select(Message.id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(*pair, Message.sender_id == me, known)
        .order_by(Message.conversation_id, Message.id)
        .limit(1)
    )
    return db.session.scalar(answered)


def _between(model: Any, one: int, other: int) -> ColumnElement[bool]:
    return or_(
        and_(model.client_id == one, model.agent_id == other), and_(model.client_id == other, model.agent_id == one)
    )


def written(text: str, *, with_links: bool) -> Markup:
    """Return a message as a page shows it, its web addresses as links where they may be followed."""
    if not with_links:
        return escape(text)
    pieces, end = [], 0
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip(_ENDS)
        if "@" in address.split("/")[2]:
            continue  # a name before the host is there to look like another host
        pieces.append(escape(text[end : found.start()]))
        pieces.append(
            Markup('<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>').format(address, address)
        )
        end = found.start() + len(address)
    return Markup("").join([*pieces, escape(text[end:])])
