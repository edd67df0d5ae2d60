"""The outbox: what must leave Sheda after a commit. The row with its unique key is the memory; Celery is only the bell.

Each message is claimed under a short lease, sent, and marked; a worker that dies in between loses nothing, and a second
try carries the same Message-ID. Mail is one channel; rooms bring the others, which have a sweep of their own, so that a
push service that is slow holds up no mail.
"""

import json
import logging
import smtplib
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Index, String, Text, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sheda.core import clock, mail
from sheda.core.access import row_rule
from sheda.core.actor import Actor
from sheda.core.clauses import Clause, put
from sheda.core.db import Id, Model, Stamp, after_commit, db, in_transaction
from sheda.core.outbound import Unanswered

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=mail.LONGEST_SENDING + 5)
"""How long a claimed message is left to its worker: above the longest that a sending can take."""

SWEEP_WITHIN = 20.0
"""Seconds in which a sweep begins new sendings: with the last of them it ends before a task's time limit."""

MOST_ATTEMPTS = 32
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=1)
"""Tries go on for a little over a day, so that a mail server may be away for a night."""

PERMANENT = 500
"""SMTP's replies from here on mean never (RFC 5321, 4.2.1); those below mean not now, as greylisting says it."""


MAIL = "mail"


class Outbox(Model):
    """One message to one person by one channel, under a key that makes a second one impossible.

    Written by the hundred thousand in one night for people whom other rows refer to, and who are never deleted: a
    foreign key of its own would lock each of them once more.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_due", "due_at", postgresql_where=text("sent_at IS NULL AND dead_at IS NULL")),
        Index("ix_outbox_user_id", "user_id"),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(200), unique=True)
    message_id: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
    user_id: Mapped[int]
    channel: Mapped[str] = mapped_column(String(10), server_default=MAIL)
    template: Mapped[str] = mapped_column(String(60))
    context: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    created_at: Mapped[Stamp]
    due_at: Mapped[Stamp]
    claimed_until: Mapped[Stamp | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    sent_at: Mapped[Stamp | None]
    dead_at: Mapped[Stamp | None]
    last_error: Mapped[str | None] = mapped_column(Text)


POST = Clause(
    """INSERT INTO outbox (key, message_id, user_id, template, context, created_at, due_at)
 SELECT r.key, gen_random_uuid(), r.user_id, CAST(:template AS text), r.context, :now, :due_at
 FROM json_to_recordset(CAST(:mails AS json)) AS r (key text, user_id bigint, context jsonb)
 ON CONFLICT DO NOTHING"""
)
"""Mails, however many, are one value of one statement."""


SIGNAL = Clause(
    """INSERT INTO outbox (key, message_id, user_id, channel, template, context, created_at, due_at)
 SELECT r.key, gen_random_uuid(), r.user_id, r.channel, CAST(:template AS text), r.context, :now, r.due_at
 FROM json_to_recordset(CAST(:signals AS json))
  AS r (key text, user_id bigint, channel text, context jsonb, due_at timestamptz)
 ON CONFLICT DO NOTHING"""
)
"""Messages by other channels, likewise."""


@row_rule(Outbox)
def _outbox_rows(actor: Actor) -> Any:
    return Outbox.id.is_not(None) if actor.is_office else Outbox.id.is_(None)


Preparer = Callable[[Outbox], mail.Extras]
_preparers: dict[str, Preparer] = {}
_bells: list[Callable[[], None]] = []
_signal_bells: list[Callable[[], None]] = []


class Carrier(Protocol):
    """What brings messages to people by one channel other than mail."""

    def prepare(self, row: Outbox) -> Any:
        """Make, within the transaction that claims the row, what `send` takes. Undeliverable stops it for good."""

    def send(self, parcel: Any) -> None:
        """Send it, outside of any transaction. Undeliverable stops it for good, OSError for now."""


_carriers: dict[str, Carrier] = {}


def carry(channel: str, carrier: Carrier) -> None:
    """Register what brings the messages of a channel."""
    _carriers[channel] = carrier


def prepares(template: str) -> Callable[[Preparer], Preparer]:
    """Register what must be made at the moment of sending and kept nowhere: one-time codes, attachments."""

    def register(preparer: Preparer) -> Preparer:
        _preparers[template] = preparer
        return preparer

    return register


def ring_with(bell: Callable[[], None], signals: Callable[[], None] | None = None) -> None:
    """Install the bells that wake a worker after a commit: that of mails, and that of all other channels."""
    _bells[:] = [bell]
    _signal_bells[:] = [signals] if signals else []


def post_mail(
    user_id: int, template: str, *, key: str, context: dict[str, Any] | None = None, due_at: datetime | None = None
) -> bool:
    """Put a mail into the outbox, within the caller's transaction; False when the key has been used before."""
    return post_mails(template, [(user_id, key, context or {})], due_at=due_at) == 1


def post_mails(
    template: str, mails: Iterable[tuple[int, str, dict[str, Any]]], *, due_at: datetime | None = None
) -> int:
    """Put mails (to whom, key, context) into the outbox by one statement; how many of their keys were new.

    Where many are posted at once, let a context name its rows, and let the preparer of the template find the words.
    """
    rows = [{"user_id": user_id, "key": key, "context": context} for user_id, key, context in mails]
    if not rows:
        return 0
    now = clock.now()
    return put(POST, then=_ring, template=template, now=now, due_at=due_at or now, mails=json.dumps(rows))


@dataclass(frozen=True, slots=True)
class Signal:
    """A message by another channel than mail: to whom, under which key, what it says, and when it may leave."""

    user_id: int
    channel: str
    key: str
    context: dict[str, Any]
    due_at: datetime


def post_signals(template: str, signals: Sequence[Signal]) -> int:
    """Put messages by other channels into the outbox by one statement; how many of their keys were new."""
    if not signals:
        return 0
    rows = [{**asdict(one), "due_at": one.due_at.isoformat()} for one in signals]
    return put(SIGNAL, then=_ring_signals, template=template, now=clock.now(), signals=json.dumps(rows))


def _ring() -> None:
    for bell in _bells:
        bell()


def _ring_signals() -> None:
    for bell in _signal_bells:
        bell()


@dataclass(frozen=True)
class Claim:
    """A message that is this worker's to send while its lease runs.

    `letter` is None when it cannot be composed; `never` says why it never will be. Another channel's is its parcel.
    """

    row_id: int
    attempt: int
    letter: mail.Letter | None
    never: str = ""
    carrier: Carrier | None = None
    parcel: Any = None


def deliver_due(*, limit: int = 200, signals: bool = False) -> dict[str, int]:
    """Send what is due, one message at a time: mails, or with `signals` those of all other channels.

    Safe to run beside itself and to be killed at any line.
    """
    tally = {"sent": 0, "failed": 0}
    until = time.monotonic() + SWEEP_WITHIN
    for _ in range(limit):
        if time.monotonic() > until:
            break
        claim = in_transaction(_claim_signal if signals else _claim)
        if claim is None:
            return tally
        tally["sent" if _deliver(claim) else "failed"] += 1
    if not tally["failed"]:
        (_ring_signals if signals else _ring)()
    return tally


def _claim() -> Claim | None:
    row = _next(Outbox.channel == MAIL)
    if row is None:
        return None
    try:
        with db.session.begin_nested():
            preparer = _preparers.get(row.template)
            extras = preparer(row) if preparer else mail.Extras()
            letter = mail.compose(row.user_id, row.template, row.context, extras, row.message_id)
    except mail.Undeliverable as fault:
        return Claim(row.id, row.attempts, None, never=str(fault))
    except Exception:
        log.exception("mail %s (%s) cannot be composed", row.id, row.template)
        return Claim(row.id, row.attempts, None)
    return Claim(row.id, row.attempts, letter)


def _claim_signal() -> Claim | None:
    row = _next(Outbox.channel != MAIL)
    if row is None:
        return None
    carrier = _carriers.get(row.channel)
    try:
        with db.session.begin_nested():
            parcel = carrier.prepare(row) if carrier else None
    except mail.Undeliverable as fault:
        return Claim(row.id, row.attempts, None, never=str(fault))
    except Exception:
        log.exception("%s %s (%s) cannot be composed", row.channel, row.id, row.template)
        return Claim(row.id, row.attempts, None)
    return Claim(row.id, row.attempts, None, "" if carrier else "this channel is not set up", carrier, parcel)


def _next(which: ColumnElement[bool]) -> Outbox | None:
    now = clock.now()
    row = db.session.scalars(
        select(Outbox)
        .where(
            which,
            Outbox.sent_at.is_(None),
            Outbox.dead_at.is_(None),
            Outbox.due_at <= now,
            (Outbox.claimed_until.is_(None)) | (Outbox.claimed_until < now),
        )
        .order_by(Outbox.due_at, Outbox.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is not None:
        row.claimed_until, row.attempts = now + LEASE, row.attempts + 1
    return row


def _deliver(claim: Claim) -> bool:
    error: str | None = None
    final = bool(claim.never)
    if claim.never or (claim.letter is None and claim.carrier is None):
        error = claim.never or "cannot be composed; see the log"
    else:
        try:
            _hand_over(claim)
        except mail.Undeliverable as fault:
            error, final = str(fault), True
        except smtplib.SMTPRecipientsRefused as fault:
            codes = [code for code, _ in fault.recipients.values()]
            error = f"the mail server refuses the address ({', '.join(map(str, codes))})"
            final = bool(codes) and min(codes) >= PERMANENT
        except smtplib.SMTPResponseException as fault:
            error = f"{type(fault).__name__} {fault.smtp_code}"
        except OSError as fault:
            error = str(fault) if isinstance(fault, Unanswered) else type(fault).__name__
        except Exception as fault:
            log.exception("mail %s cannot be sent", claim.row_id)
            error = type(fault).__name__
    in_transaction(lambda: _mark(claim, error, final=final))
    return error is None


def _hand_over(claim: Claim) -> None:
    if claim.carrier is not None:
        claim.carrier.send(claim.parcel)
    elif claim.letter is not None:
        mail.send(claim.letter)


def _mark(claim: Claim, error: str | None, *, final: bool) -> None:
    row, now = db.session.get_one(Outbox, claim.row_id, with_for_update=True), clock.now()
    if error is None:
        row.sent_at, row.claimed_until, row.last_error, row.dead_at = row.sent_at or now, None, None, None
        return
    log.warning("mail %s was not sent at try %s: %s", row.id, claim.attempt, error)
    if row.sent_at is not None or row.attempts != claim.attempt:
        return  # another worker has taken it since the lease ran out
    row.claimed_until, row.last_error = None, error
    if final or row.attempts >= MOST_ATTEMPTS:
        row.dead_at = now
    row.due_at = now + min(FIRST_PAUSE * 2 ** min(row.attempts - 1, 12), LONGEST_PAUSE)


def given_up() -> ColumnElement[bool]:
    """Return the condition of what staff must look at: mails given up; that a device is gone is nobody's fault."""
    return Outbox.dead_at.is_not(None) & (Outbox.channel == MAIL)


def retry_dead(row: Outbox) -> None:
    """Give a message another round of tries, now."""
    row.dead_at, row.last_error, row.attempts, row.due_at, row.claimed_until = None, None, 0, clock.now(), None
    after_commit(_ring if row.channel == MAIL else _ring_signals)
