"""Which conversations are there for you: your own, whoever you are."""

from typing import Any

from sqlalchemy import ColumnElement, false, or_

from sheda.chat.models import Block, Conversation, Message
from sheda.core.access import row_rule
from sheda.core.actor import Actor


def _own(actor: Actor, *columns: Any) -> ColumnElement[bool]:
    return or_(*[column == actor.id for column in columns]) if actor.id is not None else false()


@row_rule(Conversation)
def own_conversations(actor: Actor) -> ColumnElement[bool]:
    """Return the conversations that the actor takes part in."""
    return _own(actor, Conversation.low_id, Conversation.high_id)


@row_rule(Message)
def own_messages(actor: Actor) -> ColumnElement[bool]:
    """Return the messages that the actor sent or was sent."""
    return _own(actor, Message.sender_id, Message.receiver_id)


@row_rule(Block)
def own_blocks(actor: Actor) -> ColumnElement[bool]:
    """Return the blocks that the actor has made; nobody is told that he is blocked."""
    return _own(actor, Block.blocker_id)
