"""Messages between two people, and one row per conversation that its list is read from."""

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from sheda.core.db import Id, Model, Stamp, UserId


class Conversation(Model):
    """Two people's conversation; the smaller user id stands in `low_id`."""

    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint("low_id < high_id", name="order"),
        Index("uq_conversations_pair", "low_id", "high_id", unique=True),
        Index("ix_conversations_low", "low_id", "last_at"),
        Index("ix_conversations_high", "high_id", "last_at"),
    )

    id: Mapped[Id]
    low_id: Mapped[UserId]
    high_id: Mapped[UserId]
    last_message_id: Mapped[int | None]
    last_at: Mapped[Stamp]
    low_unread: Mapped[int] = mapped_column(server_default="0")
    high_unread: Mapped[int] = mapped_column(server_default="0")


class Message(Model):
    """One message, from one person to another."""

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint("sender_id <> receiver_id", name="to_another"),
        CheckConstraint("char_length(message) BETWEEN 1 AND 4000", name="length"),
        Index("ix_messages_conversation_id", "conversation_id", "id"),
        Index("uq_messages_client_msg_id", "sender_id", "client_msg_id", unique=True),
        Index("ix_messages_unread", "receiver_id", "conversation_id", postgresql_where=text("read_at IS NULL")),
    )

    id: Mapped[Id]
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="RESTRICT"))
    sender_id: Mapped[UserId]
    receiver_id: Mapped[UserId]
    property_id: Mapped[int | None] = mapped_column(ForeignKey("properties.id", ondelete="RESTRICT"))
    message: Mapped[str] = mapped_column(Text)
    client_msg_id: Mapped[uuid.UUID | None]
    created_at: Mapped[Stamp]
    read_at: Mapped[Stamp | None]


class Block(Model):
    """One person does not want to hear from another."""

    __tablename__ = "chat_blocks"
    __table_args__ = (Index("uq_chat_blocks_pair", "blocker_id", "blocked_id", unique=True),)

    id: Mapped[Id]
    blocker_id: Mapped[UserId]
    blocked_id: Mapped[UserId]
    reason: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[Stamp]
