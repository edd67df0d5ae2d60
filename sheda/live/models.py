"""What happened and to whom, tickets to open a socket, and how far each person's devices have got."""

import uuid

from sqlalchemy import BigInteger, ForeignKey, Index, PrimaryKeyConstraint, String, text
from sqlalchemy.orm import Mapped, mapped_column

from sheda.core.db import Model, Stamp, UserId


class LiveEvent(Model):
    """Something that happened, of which one or two people hear at once. Triggers write these rows, never the app.

    `xid` is the transaction that wrote it: what a reader has not seen yet is told exactly by the snapshots of two
    reads, in whatever order transactions end. `horizon` is the oldest transaction that was still running at the time.
    A log of pointers, erased after days: it has no foreign keys.
    """

    __tablename__ = "live_events"
    __table_args__ = (
        PrimaryKeyConstraint("xid", "id"),
        Index("ix_live_events_one_id", "one_id", "xid"),
        Index("ix_live_events_other_id", "other_id", "xid", postgresql_where=text("other_id IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, autoincrement=True)
    xid: Mapped[int] = mapped_column(BigInteger, server_default=text("pg_current_xact_id()::text::bigint"))
    horizon: Mapped[int] = mapped_column(
        BigInteger, server_default=text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
    )
    kind: Mapped[str] = mapped_column(String(10))
    ref_id: Mapped[int | None] = mapped_column(BigInteger)
    one_id: Mapped[int] = mapped_column(BigInteger)
    other_id: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[Stamp] = mapped_column(server_default=text("now()"))


class Ticket(Model):
    """The right to open one socket within a minute, for the session that asked; only its hash is kept."""

    __tablename__ = "live_tickets"
    __table_args__ = (Index("ix_live_tickets_expires_at", "expires_at"),)

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[UserId]
    family_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("refresh_families.id", ondelete="CASCADE"))
    expires_at: Mapped[Stamp]


class Delivery(Model):
    """Up to which message of a conversation a person's devices have said that they have it."""

    __tablename__ = "live_deliveries"

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="RESTRICT"), primary_key=True)
    message_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[Stamp]
