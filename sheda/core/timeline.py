"""What has happened to a record, oldest first, from its history rows."""

from dataclasses import dataclass
from typing import Any

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from sheda.core.db import db
from sheda.core.states import History, Machine
from sheda.core.widgets import moment, plain

LONGEST = 50

WORDS = {
    "create": "Created",
    "book": "Asked to view",
    "confirm": "Confirmed",
    "reject": "Declined",
    "cancel": "Cancelled",
    "refund": "Refund sent",
    "reschedule": "Moved to another time",
    "initiate": "Payment details shown",
    "show_account": "Account shown again",
    "declare": "Says the money is sent",
    "escalate": "Passed to staff",
    "supersede": "Home taken by another",
    "activate": "Began",
    "schedule": "Renewal waits for its day",
    "renewed": "Renewed",
    "propose_renewal": "Renewal proposed",
    "accept_renewal": "Renewal accepted",
    "notice": "Notice given",
    "terminate": "Ended early",
    "publish": "Published",
    "pause": "Paused",
    "archive": "Archived",
    "keep": "Still available",
    "expire": "Ended by its time",
    "report": "Reported",
    "read": "Read by the office",
    "register": "Joined",
    "deactivate": "Deactivated",
    "reactivate": "Reactivated",
    "unlock": "Failed sign-ins forgotten",
    "sign_out": "Signed out everywhere",
    "change_password": "Password changed",
    "delete": "Account deleted",
    "totp_on": "Two-step sign-in turned on",
    "totp_off": "Two-step sign-in turned off",
    "totp_codes": "New recovery codes",
    "reset_totp": "Two-step sign-in reset",
    "added": "Added",
    "changed": "Changed",
    "removed": "Removed",
    "retry": "Tried again",
    "submit": "Sent in",
    "withdraw": "Taken back",
    "approve": "Approved",
    "revoke": "Badge taken back",
    "lapse": "No longer holds",
    "read_document": "Paper read",
}
"""What has happened, in words; other moves are called as on their buttons."""


@dataclass(frozen=True)
class Step:
    """One move as a page shows it."""

    when: Any
    what: str
    who: str
    reason: str | None


def history_of(row: Any, machine: Machine | None) -> list[Step]:
    """Return the latest moves of a row that its reader has been shown already."""
    found = db.session.execute(
        select(History, User.first_name, User.last_name)
        .outerjoin(User, User.id == History.actor_id)
        .where(History.subject_type == row.__tablename__, History.subject_id == row.id)
        .order_by(History.id.desc())
        .limit(LONGEST)
    ).all()
    return [
        Step(
            moment(entry.at),
            _with_what(_label(entry.move, machine), entry.details.get("what")),
            f"{first or ''} {last or ''}".strip() or "Sheda",
            entry.reason,
        )
        for entry, first, last in reversed(found)
    ]


def told(move: str) -> str:
    """Return a move as it is told afterwards."""
    return WORDS.get(move) or plain(move)


def _with_what(label: str, what: Any) -> str:
    return f"{label}: {what}" if what else label


def _label(name: str, machine: Machine | None) -> str:
    move = machine.moves.get(name) if machine else None
    return WORDS.get(name) or (move.label if move else plain(name))
