"""Tell people of what happened, each as he wishes and never twice, and mark what they have read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, select, update

from sheda.accounts.models import Role, User, assoc_user_role
from sheda.core import clock
from sheda.core.access import get_visible
from sheda.core.actor import Actor
from sheda.core.actor import Role as ActorRole
from sheda.core.clauses import Clause, put
from sheda.core.db import db
from sheda.core.outbox import Outbox, post_mails
from sheda.notifications import devices, signals
from sheda.notifications.access import own_notices
from sheda.notifications.models import DigestLine, Notification, Preference, QuietHours
from sheda.notifications.wishes import TEXTS, Wishes, wishes_of

LONGEST_TEXT = 300

PLAIN_WAYS = frozenset({"app", "mail"})
"""Beyond these lie people's devices and the daily mail, which need more to be known of each."""

SUBJECTS = {
    "agent_verifications": "verification",
    "ab_user": "user",
    "appointments": "appointment",
    "bank_accounts": "bank_account",
    "chat_reports": "report",
    "contracts": "contract",
    "conversations": "conversation",
    "hook_endpoints": "webhook",
    "payments": "payment",
    "properties": "property",
    "webhook_events": "gateway_event",
}


def key_of(kind: str, subject_id: int, version: str, user_id: int) -> str:
    """Return the key under which a person is told of an event once; `version` tells events of one row apart."""
    return f"{kind}:{subject_id}:{version}:{user_id}"


@dataclass(frozen=True, slots=True)
class News:
    """What is told of one subject: to each person his sentence, what the mail says, and who is its client and agent."""

    subject_id: int
    texts: Mapping[int, str]
    words: Mapping[str, Any] = field(default_factory=dict)
    client_id: int | None = None
    agent_id: int | None = None

    def side(self, user_id: int) -> str:
        """Return what a person is to the subject."""
        return {self.client_id: "client", self.agent_id: "agent"}.get(user_id, "staff")


NOTE = Clause(
    """INSERT INTO notifications (user_id, key, kind, text, subject_type, subject_id, context, created_at)
 SELECT r.user_id, r.key, CAST(:kind AS text), r.text, CAST(:subject_type AS text), r.subject_id, '{}', :now
 FROM json_to_recordset(CAST(:rows AS json)) AS r (user_id bigint, key text, text text, subject_id bigint)
 ON CONFLICT (key) DO NOTHING"""
)


def tell(
    kind: str,
    subject: Any,
    texts: Mapping[int, str],
    *,
    words: Mapping[str, Any] | None = None,
    version: str = "",
    wishes: Wishes | None = None,
) -> int:
    """Tell people of an event, each by his sentence: notice, mail and devices, as he wishes, and never twice.

    `words` is what the mail says beside; `side` in it is what the person is to the subject. Returns how many notices,
    mails and other messages are new.
    """
    parties = getattr(subject, "client_id", None), getattr(subject, "agent_id", None)
    news = [News(subject.id, texts, words or {}, *parties)]
    return tell_all(kind, subject.__tablename__, news, version=version, wishes=wishes)


def tell_all(kind: str, table: str, news: Sequence[News], *, version: str = "", wishes: Wishes | None = None) -> int:
    """Tell people of one kind of event on many subjects of a table, as `tell` does of one, in three statements.

    Whoever takes pushes, texts or a daily mail costs two or three more, however many they are.
    """
    if wishes is None:
        wishes = wishes_of(kind, {user_id for one in news for user_id in one.texts})
    subject_type = SUBJECTS[table]
    notices: list[dict[str, Any]] = []
    mails: list[tuple[int, str, dict[str, Any]]] = []
    pushed: list[tuple[str, signals.News]] = []
    lines: list[signals.News] = []
    for one in news:
        for user_id, said in sorted(one.texts.items()):
            key, side, text = key_of(kind, one.subject_id, version, user_id), one.side(user_id), _shortened(said)
            ways = wishes.ways(user_id)
            if "app" in ways:
                notices.append({"user_id": user_id, "key": key, "text": text, "subject_id": one.subject_id})
            if "mail" in ways and "digest" not in ways:
                mails.append((user_id, key, {**one.words, "side": side, "subject_id": one.subject_id}))
            if not ways <= PLAIN_WAYS:
                path = "" if side == "client" else str(one.words.get("path", ""))
                short = signals.News(user_id, key, text, subject_type, one.subject_id, path)
                lines += [short] if {"mail", "digest"} <= ways else []
                pushed += [(channel, short) for channel in ("push", *TEXTS) if channel in ways]
    return _note(kind, table, notices) + post_mails(kind, mails) + signals.send(kind, pushed, lines)


def _note(kind: str, table: str, notices: list[dict[str, Any]]) -> int:
    if not notices:
        return 0
    rows = json.dumps(notices)
    return put(NOTE, kind=kind, subject_type=SUBJECTS[table], now=clock.now(), rows=rows)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def office_ids() -> list[int]:
    """Return whom a call for the office reaches: the staff at work, or the admins where there is none."""
    people = (
        select(User.id, Role.name)
        .join(assoc_user_role, assoc_user_role.c.user_id == User.id)
        .join(Role, Role.id == assoc_user_role.c.role_id)
        .where(User.active, Role.name.in_([ActorRole.STAFF.value, ActorRole.ADMIN.value]))
        .order_by(User.id)
    )
    found = db.session.execute(people).all()
    staff = [row.id for row in found if row.name == ActorRole.STAFF.value]
    return staff or [row.id for row in found]


def forget(user_id: int) -> None:
    """Erase what somebody was told and what his mails said, and stop those that have not left: his account closes."""
    db.session.execute(delete(Notification).where(Notification.user_id == user_id))
    for model in (Preference, QuietHours, DigestLine):
        db.session.execute(delete(model).where(model.user_id == user_id))
    devices.forget_all(user_id)
    waiting = Outbox.user_id == user_id, Outbox.sent_at.is_(None), Outbox.dead_at.is_(None)
    stopped = update(Outbox).where(*waiting).values(dead_at=clock.now(), last_error="the account was deleted")
    for statement in (stopped, update(Outbox).where(Outbox.user_id == user_id).values(context={})):
        db.session.execute(statement, execution_options={"synchronize_session": False})


def mark_read(actor: Actor, notice_id: int) -> Notification:
    """Mark one's own notice as read; a second time changes nothing. Raises NotFound."""
    notice = get_visible(actor, Notification, notice_id)
    if notice.read_at is None:
        notice.read_at = clock.now()
    return notice


def mark_all_read(actor: Actor) -> int:
    """Mark all of one's notices as read; how many were not."""
    unread = update(Notification).where(own_notices(actor), Notification.read_at.is_(None))
    marked = db.session.scalars(
        unread.values(read_at=clock.now()).returning(Notification.id),
        execution_options={"synchronize_session": False},
    ).all()
    return len(marked)


def untold(kind: str, model: Any, version: str, *people: Any) -> ColumnElement[bool]:
    """Return the condition that nobody of `people` (columns of `model`) was told of this, as notice or as mail."""
    keys = [func.concat(f"{kind}:", model.id, f":{version}:", person) for person in people]
    return and_(~exists().where(Notification.key.in_(keys)), ~exists().where(Outbox.key.in_(keys)))
