"""What people are told: in-app notices, and how each person wants to hear of each kind."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sheda.core.db import Id, Model, Stamp, UserId

CHANNELS = ("app", "mail")


class Notification(Model):
    """One notice to one person about one event; the key makes a second one impossible."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index("ix_notifications_user_id", "user_id", "id"),
        Index("ix_notifications_unread", "user_id", postgresql_where=text("read_at IS NULL")),
    )

    id: Mapped[Id]
    user_id: Mapped[UserId]
    key: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(String(300))
    subject_type: Mapped[str | None] = mapped_column(String(40))
    subject_id: Mapped[int | None] = mapped_column(BigInteger)
    context: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    created_at: Mapped[Stamp]
    read_at: Mapped[Stamp | None]


class Preference(Model):
    """A person's wish for one kind of notice on one channel; without a row it is on."""

    __tablename__ = "notification_preferences"
    __table_args__ = (
        CheckConstraint("channel IN ('app', 'mail')", name="channel"),
        Index("uq_notification_preferences_kind", "user_id", "kind", "channel", unique=True),
    )

    id: Mapped[Id]
    user_id: Mapped[UserId]
    kind: Mapped[str] = mapped_column(String(40))
    channel: Mapped[str] = mapped_column(String(10))
    is_on: Mapped[bool]
