"""Reports: a message shown to the office by its receiver, and the only way by which staff read a conversation."""

from datetime import timedelta

from sqlalchemy import ScalarSelect, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from sheda.chat import blocks
from sheda.chat.access import reports_to_decide
from sheda.chat.events import MessageReported
from sheda.chat.models import Attachment, Message, Report
from sheda.chat.states import REPORT
from sheda.core import clock
from sheda.core.access import get_visible
from sheda.core.actor import Actor
from sheda.core.db import db, lock
from sheda.core.errors import InvalidInput, NotFound
from sheda.core.events import emit
from sheda.core.states import record

DECIDE_WITHIN = timedelta(hours=24)
"""When the office should have looked at a report."""

REASON_WORDS = {
    "spam": "Advertising or spam",
    "fraud": "Fraud, or money asked for outside Sheda",
    "harassment": "Threats or insults",
    "indecent": "Indecent words or pictures",
    "other": "Something else",
}

BEFORE, AFTER = 10, 5
"""How many messages around a reported one are shown to staff, none of them younger than the report."""


def report(
    actor: Actor, message_id: int, *, reason: str, note: str | None = None, block: bool = False
) -> tuple[Report, bool]:
    """Show a message that one has received to the office; a second time answers the first report, and False.

    Raises NotFound for a message that is not one's own, InvalidInput for one that one has written oneself.
    """
    message = get_visible(actor, Message, message_id)
    if message.receiver_id != actor.user_id:
        raise InvalidInput.on("message_id", "Report a message that was written to you.")
    now = clock.now()
    made = insert(Report).values(
        message_id=message.id, reporter_id=actor.user_id, reported_id=message.sender_id, reason=reason,
        note=note or None, due_at=now + DECIDE_WITHIN, created_at=now,
    )  # fmt: skip
    made = made.on_conflict_do_nothing(index_elements=["message_id", "reporter_id"])
    is_new = db.session.scalar(made.returning(Report.id)) is not None
    found = db.session.scalars(
        select(Report).where(Report.message_id == message.id, Report.reporter_id == actor.user_id)
    ).one()
    if is_new:
        REPORT.begin(actor, found, move="report")
        emit(MessageReported(found, actor, reason))
    if block:
        blocks.block(actor, message.sender_id, reason="reported")
    return found, is_new


def warn(actor: Actor, report_id: int, *, reason: str | None = None) -> Report:
    """Warn the sender of a reported message in words, and close the report."""
    return _decide(actor, report_id, "warn", reason)


def resolve(actor: Actor, report_id: int, *, reason: str | None = None) -> Report:
    """Close a report about which something was done elsewhere."""
    return _decide(actor, report_id, "resolve", reason)


def dismiss(actor: Actor, report_id: int, *, reason: str | None = None) -> Report:
    """Close a report about which there is nothing to do."""
    return _decide(actor, report_id, "dismiss", reason)


def _decide(actor: Actor, report_id: int, move: str, reason: str | None) -> Report:
    lock(Report, [report_id])
    found = get_visible(actor, Report, report_id)
    if REPORT.check(actor, found, move, reason=reason) is not None:
        found.decided_at = clock.now()
        REPORT.apply(actor, found, REPORT.moves[move], reason=reason)
    return found


def read_thread(actor: Actor, found: Report, what: str = "thread") -> list[Message]:
    """Return the reported message among those around it, oldest first, and write down who reads it.

    Nothing that was written after the report is among them.
    """
    record(actor, found, "read", found.status, found.status, details={"what": what})
    reported = db.session.get_one(Message, found.message_id)
    around = select(Message).where(
        Message.conversation_id == reported.conversation_id, Message.created_at <= found.created_at
    )
    before = db.session.scalars(around.where(Message.id <= reported.id).order_by(Message.id.desc()).limit(BEFORE + 1))
    later = db.session.scalars(around.where(Message.id > reported.id).order_by(Message.id).limit(AFTER))
    return [*reversed(before.all()), *later.all()]


def read_file(actor: Actor, found: Report, file_id: int) -> Attachment:
    """Return a file of a reported thread, and write down who reads it; NotFound for any other."""
    shown = {one.id for one in read_thread(actor, found, f"file {file_id}")}
    stored = db.session.get(Attachment, file_id)
    if stored is None or stored.message_id not in shown:
        raise NotFound
    return stored


def open_reports(actor: Actor) -> ScalarSelect[int]:
    """Return the number of open reports that the actor may decide, as an expression for a larger statement."""
    found = select(func.count()).where(Report.status == "open", reports_to_decide(actor), literal(actor.is_office))
    return found.scalar_subquery()
