"""The outbox: what must leave Sheda after a commit. The row with its unique key is the memory; Celery is only the bell.

Each message is claimed under a short lease, sent, and marked; a worker that dies in between loses nothing, and a second
try carries the same Message-ID.
"""

import logging
import smtplib
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from sheda.core import clock, mail
from sheda.core.access import row_rule
from sheda.core.actor import Actor
from sheda.core.db import Id, Model, Stamp, after_commit, db, in_transaction

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
"""How long a claimed message is left to its worker: above the two SMTP time-outs that a sending can take."""

MOST_ATTEMPTS = 12
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=1)


class Outbox(Model):
    """One message to one person, under a key that makes a second one impossible."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_due", "due_at", postgresql_where=text("sent_at IS NULL AND dead_at IS NULL")),
        Index("ix_outbox_user_id", "user_id"),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(200), unique=True)
    message_id: Mapped[uuid.UUID] = mapped_column(unique=True, default=uuid.uuid4)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="RESTRICT"))
    template: Mapped[str] = mapped_column(String(60))
    context: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    created_at: Mapped[Stamp]
    due_at: Mapped[Stamp]
    claimed_until: Mapped[Stamp | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    sent_at: Mapped[Stamp | None]
    dead_at: Mapped[Stamp | None]
    last_error: Mapped[str | None] = mapped_column(Text)


@row_rule(Outbox)
def _outbox_rows(actor: Actor) -> Any:
    return Outbox.id.is_not(None) if actor.is_office else Outbox.id.is_(None)


Preparer = Callable[[Outbox], mail.Extras]
_preparers: dict[str, Preparer] = {}
_bells: list[Callable[[], None]] = []


def prepares(template: str) -> Callable[[Preparer], Preparer]:
    """Register what must be made at the moment of sending and kept nowhere: one-time codes, attachments."""

    def register(preparer: Preparer) -> Preparer:
        _preparers[template] = preparer
        return preparer

    return register


def ring_with(bell: Callable[[], None]) -> None:
    """Install the bell that wakes a worker after a commit."""
    _bells[:] = [bell]


def post_mail(
    user_id: int, template: str, *, key: str, context: dict[str, Any] | None = None, due_at: datetime | None = None
) -> bool:
    """Put a mail into the outbox, within the caller's transaction; False when the key has been used before."""
    now = clock.now()
    row = {
        "key": key,
        "message_id": uuid.uuid4(),
        "user_id": user_id,
        "template": template,
        "context": context or {},
        "created_at": now,
        "due_at": due_at or now,
    }
    written = db.session.scalar(insert(Outbox).values(**row).on_conflict_do_nothing().returning(Outbox.id))
    if written is not None:
        after_commit(_ring)
    return written is not None


def _ring() -> None:
    for bell in _bells:
        bell()


def deliver_due(*, limit: int = 200) -> dict[str, int]:
    """Send what is due, one message at a time; safe to run beside itself and to be killed at any line."""
    tally = {"sent": 0, "failed": 0}
    for _ in range(limit):
        claimed = in_transaction(_claim)
        if claimed is None:
            break
        sent = _deliver(*claimed)
        tally["sent" if sent else "failed"] += 1
    return tally


def _claim() -> tuple[int, mail.Letter | None] | None:
    now = clock.now()
    row = db.session.scalars(
        select(Outbox)
        .where(
            Outbox.sent_at.is_(None),
            Outbox.dead_at.is_(None),
            Outbox.due_at <= now,
            (Outbox.claimed_until.is_(None)) | (Outbox.claimed_until < now),
        )
        .order_by(Outbox.due_at, Outbox.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    row.claimed_until, row.attempts = now + LEASE, row.attempts + 1
    try:
        with db.session.begin_nested():
            preparer = _preparers.get(row.template)
            extras = preparer(row) if preparer else mail.Extras()
            return row.id, mail.compose(row.user_id, row.template, row.context, extras, row.message_id)
    except Exception:
        log.exception("mail %s (%s) cannot be composed", row.id, row.template)
        return row.id, None


def _deliver(row_id: int, letter: mail.Letter | None) -> bool:
    error: str | None = "cannot be composed; see the log"
    final = False
    if letter is not None:
        try:
            mail.send(letter)
            error = None
        except smtplib.SMTPRecipientsRefused:
            error, final = "the mail server refuses the address", True
        except (OSError, smtplib.SMTPException) as fault:
            error = type(fault).__name__
    in_transaction(lambda: _mark(row_id, error, final=final))
    return error is None


def _mark(row_id: int, error: str | None, *, final: bool) -> None:
    row, now = db.session.get_one(Outbox, row_id, with_for_update=True), clock.now()
    row.claimed_until, row.last_error = None, error
    if error is None:
        row.sent_at = now
        return
    log.warning("mail %s was not sent at try %s: %s", row.id, row.attempts, error)
    if final or row.attempts >= MOST_ATTEMPTS:
        row.dead_at = now
    row.due_at = now + min(FIRST_PAUSE * 2 ** (row.attempts - 1), LONGEST_PAUSE)


def retry_dead(row: Outbox) -> None:
    """Give a message another round of tries, now."""
    row.dead_at, row.last_error, row.attempts, row.due_at, row.claimed_until = None, None, 0, clock.now(), None
    after_commit(_ring)
