"""Which conversations are there for you: your own, whoever you are; and to staff what was reported to them."""

from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, true

from sheda.chat.models import Attachment, Block, Conversation, Message, QuickReply, Report
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


@row_rule(Attachment)
def own_attachments(actor: Actor) -> ColumnElement[bool]:
    """Return the files that the actor has uploaded or was sent; the office sees others only through a report."""
    return _own(actor, Attachment.owner_id, Attachment.receiver_id)


@row_rule(QuickReply)
def own_replies(actor: Actor) -> ColumnElement[bool]:
    """Return the actor's quick replies."""
    return _own(actor, QuickReply.user_id)


@row_rule(Report)
def reports_to_decide(actor: Actor) -> ColumnElement[bool]:
    """Return what the office decides, never a report by or about the actor himself; to others what they reported."""
    if not actor.is_office:
        return _own(actor, Report.reporter_id)
    return and_(Report.reporter_id != actor.id, Report.reported_id != actor.id) if actor.id is not None else true()
