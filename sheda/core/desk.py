"""What staff read of Sheda itself: messages going out, runs of jobs, and the history of every record."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from flask import current_app
from flask_appbuilder.security.sqla.models import User
from markupsafe import Markup
from sqlalchemy import select

from sheda.core import clock, widgets
from sheda.core.access import get_visible
from sheda.core.actor import Actor
from sheda.core.db import after_commit, db, lock_one
from sheda.core.errors import Conflict
from sheda.core.generated import RoomView
from sheda.core.jobs import JobRun
from sheda.core.lists import Empty, RoomInterface
from sheda.core.outbox import Outbox, given_up, retry_dead
from sheda.core.states import History, Move, record
from sheda.core.timeline import told
from sheda.core.views import view_of, waits
from sheda.core.widgets import Card, Section

SHOWN_AT_HOME = 5

RETRY = Move("retry", ("dead",), "waiting", "S", "Try again", confirm="The message gets another round of tries, now.")


RUN_AGAIN = Move("retry", ("failed",), "rung", "S", "Run again", confirm="A worker runs the job now.")


def _load_people(ids: Iterable[int | None]) -> Sequence[User]:
    """Bring people into the session at once, so that naming each is no statement of its own."""
    return db.session.scalars(select(User).where(User.id.in_({one for one in ids if one}))).unique().all()


def _person(user_id: int | None) -> str:
    person = db.session.get(User, user_id) if user_id else None
    return str(person.get_full_name()) if person else "Sheda"


def _message_badge(row: Outbox) -> Markup:
    if row.sent_at:
        return widgets.badge("sent", tone="good")
    if row.dead_at:
        return widgets.badge("dead", {"dead": "Gave up"}, tone="bad")
    return widgets.badge("waiting", {"waiting": "Waits for next try" if row.attempts else "Waiting"}, tone="info")


KINDS = {
    "ab_user": ("Person", "users"),
    "properties": ("Listing", "properties"),
    "appointments": ("Viewing", "appointments"),
    "payments": ("Payment", "payments"),
    "contracts": ("Contract", "contracts"),
    "agent_verifications": ("Verification", "verifications"),
    "outbox": ("Message", "outbox"),
    "job_runs": ("Job", "jobs"),
    "chat_reports": ("Report", "reports"),
    "webhook_events": ("Gateway event", "gateway-events"),
    "hook_endpoints": ("Webhook", "webhooks"),
}
"""What a subject of history is called, and where its page is."""


def _what(row: History) -> str:
    kind, _ = KINDS.get(row.subject_type, (widgets.plain(row.subject_type), ""))
    return f"{kind} {row.subject_id}: {told(row.move).lower()}"


def _states(row: History) -> str:
    after = widgets.plain(row.to_state)
    return f"{widgets.plain(row.from_state)} → {after}" if row.from_state and row.from_state != row.to_state else after


def _record(row: History) -> Any:
    kind, place = KINDS.get(row.subject_type, ("", ""))
    if not place:
        return None
    return Markup('<a href="/admin/{}/show/{}">{} {}</a>').format(place, row.subject_id, kind, row.subject_id)


def masked(address: str) -> str:
    """Return a mail address with its name hidden but for the first letter."""
    name, _, host = address.partition("@")
    return f"{name[:1]}•••@{host}"


def retry(actor: Actor, message_id: int, *, reason: str | None = None) -> None:
    """Give a message that was given up another round of tries; a message that waits or has left stays as it is."""
    row = lock_one(Outbox, message_id)
    if row.dead_at is not None:
        retry_dead(row)
        record(actor, row, "retry", "dead", "waiting", reason=reason)


class OutboxView(RoomView):
    """The messages that leave Sheda; their contents and full addresses are shown to nobody."""

    datamodel = RoomInterface(Outbox)
    class_permission_name = "Outbox"
    route_base = "/admin/outbox"
    nouns = ("message", "messages")
    list_title = "Outbox"
    icon = "mail"
    tells_history = True
    moves = {"retry": retry}
    bulk = ("retry",)
    done = {"retry": "The message is on its way again."}
    list_columns = ["template", "channel", "to", "created_at", "state", "attempts"]
    show_columns = [
        "template",
        "channel",
        "to",
        "state",
        "attempts",
        "last_error",
        "created_at",
        "due_at",
        "sent_at",
        "message_id",
    ]
    order_columns = ["created_at", "attempts"]
    search_columns = ["template", "channel", "created_at"]
    label_columns = {
        "template": "Message",
        "channel": "By",
        "to": "To",
        "state": "State",
        "created_at": "Written",
        "attempts": "Tries",
    }
    looks = {"attempts": "s-num s-p3", "created_at": "s-p2", "channel": "s-p3"}
    empty = Empty("No message yet", "Every mail that Sheda sends is listed here, with its tries.")
    tabs = {
        "all": ("All", lambda _actor: None),
        "waiting": ("Waiting", lambda _actor: Outbox.sent_at.is_(None) & Outbox.dead_at.is_(None)),
        "dead": ("Given up", lambda _actor: given_up()),
    }
    cells = {
        "template": lambda row: widgets.plain(row.template),
        "to": lambda row: masked(_address(row)),
        "state": _message_badge,
    }

    def title_of(self, row: Outbox) -> str:
        """Name the message by its template."""
        return widgets.plain(row.template)

    def prefetch(self, rows: Sequence[Outbox]) -> Sequence[User]:
        """Load the receivers."""
        return _load_people(row.user_id for row in rows)

    def rule(self, name: str) -> Move | None:
        """Return the one thing that can be done."""
        return RETRY if name == RETRY.name else None

    def possible(self, _actor: Actor, row: Outbox) -> list[Move]:
        """Offer another try for what was given up."""
        return [RETRY] if row.dead_at else []


def _address(row: Outbox) -> str:
    return str(db.session.get_one(User, row.user_id).email)


def run_again(actor: Actor, run_id: int, *, reason: str | None = None) -> None:
    """Ask a worker to run a job again that had failures; jobs are safe to run at any time."""
    run = lock_one(JobRun, get_visible(actor, JobRun, run_id).id)
    job = current_app.extensions["jobs"].get(run.job)
    if job is None:
        raise Conflict("There is no job of this name any more.")
    record(actor, run, "retry", "failed", "rung", reason=reason)
    after_commit(job.ring)


def _run_badge(row: JobRun) -> Markup:
    if row.error:
        return widgets.badge("failed", tone="bad")
    if row.finished_at is None:
        return widgets.badge("running", tone="info")
    failed = row.tally.get("failed", 0)
    return (
        widgets.badge("rows", {"rows": f"{failed} failed"}, tone="bad")
        if failed
        else widgets.badge("done", tone="good")
    )


def _took(row: JobRun) -> str:
    seconds = ((row.finished_at or clock.now()) - row.started_at).total_seconds()
    return f"{seconds:.1f} s"


class JobRunView(RoomView):
    """The runs of jobs that were recorded or had failures."""

    datamodel = RoomInterface(JobRun)
    class_permission_name = "JobRun"
    route_base = "/admin/jobs"
    nouns = ("run", "runs")
    list_title = "Jobs"
    icon = "gear"
    tells_history = True
    moves = {"retry": run_again}
    done = {"retry": "A worker runs it now; the result appears here."}
    list_columns = ["job", "started_at", "took", "tally", "state"]
    show_columns = ["job", "started_at", "finished_at", "took", "tally", "state", "error"]
    order_columns = ["started_at"]
    search_columns = ["job", "started_at"]
    label_columns = {"started_at": "Started", "tally": "Result", "state": "State"}
    looks = {"took": "s-num s-p3", "tally": "s-p2"}
    empty = Empty("No run yet", "The daily jobs leave a line here; others only when something failed.")
    tabs = {
        "all": ("All", lambda _actor: None),
        "failed": ("Failed", lambda _actor: JobRun.has_failed()),
    }
    cells = {
        "job": lambda row: widgets.plain(row.job.replace(".", ": ")),
        "took": _took,
        "tally": lambda row: ", ".join(f"{count} {name}" for name, count in row.tally.items()) or "nothing due",
        "state": _run_badge,
    }

    def title_of(self, row: JobRun) -> str:
        """Name the run by its job."""
        return widgets.plain(row.job.replace(".", ": "))

    def rule(self, name: str) -> Move | None:
        """Return the one thing that can be done."""
        return RUN_AGAIN if name == RUN_AGAIN.name else None

    def possible(self, _actor: Actor, row: JobRun) -> list[Move]:
        """Offer another run of what failed."""
        return [RUN_AGAIN] if row.error or row.tally.get("failed") else []


class HistoryView(RoomView):
    """Every move of every record, by whom and why; nobody changes it."""

    datamodel = RoomInterface(History)
    class_permission_name = "History"
    route_base = "/admin/history"
    nouns = ("entry", "entries")
    list_title = "History"
    icon = "clock"
    list_columns = ["what", "states", "who", "reason", "at"]
    show_columns = ["record", "states", "who", "reason", "details", "at", "request_id"]
    order_columns = ["at"]
    base_order = ("id", "desc")
    search_columns = ["subject_type", "subject_id", "move", "actor_id", "request_id", "at"]
    label_columns = {
        "subject_type": "Kind",
        "subject_id": "Number",
        "actor_id": "Person's number",
        "request_id": "Request",
        "at": "When",
    }
    looks = {"reason": "is-long s-p3", "states": "s-p2"}
    cells = {
        "what": _what,
        "record": _record,
        "states": _states,
        "who": lambda row: f"{_person(row.actor_id)}, {row.actor_role.lower()}" if row.actor_id else "Sheda",
        "details": lambda row: ", ".join(f"{name}: {value}" for name, value in row.details.items()),
    }

    def title_of(self, row: History) -> str:
        """Name the entry by what happened."""
        return _what(row)

    def prefetch(self, rows: Sequence[History]) -> Sequence[User]:
        """Load those who moved."""
        return _load_people(row.actor_id for row in rows)


@waits
def failed_messages(actor: Actor) -> Section | None:
    """Show staff the messages that were given up."""
    if not actor.is_office:
        return None
    rows = db.session.execute(
        select(Outbox, User.email)
        .join(User, User.id == Outbox.user_id)
        .where(given_up())
        .order_by(Outbox.dead_at.desc())
        .limit(SHOWN_AT_HOME)
    )
    cards = [
        Card(
            "mail",
            f"{widgets.plain(row.template)} did not reach {masked(email)}",
            f"/admin/outbox/show/{row.id}",
            row.last_error or "",
            clock=widgets.waiting_since(row.dead_at),
            buttons=tuple(view_of(OutboxView).buttons(actor, row)),
        )
        for row, email in rows
    ]
    return Section("Messages given up", cards, "/admin/outbox/list/?tab=dead", rank=80)


@waits
def failed_jobs(actor: Actor) -> Section | None:
    """Show staff the jobs that failed within a day."""
    if not actor.is_office:
        return None
    since = clock.now() - timedelta(days=1)
    rows = db.session.scalars(
        select(JobRun)
        .where(JobRun.started_at > since, JobRun.has_failed())
        .order_by(JobRun.id.desc())
        .limit(SHOWN_AT_HOME)
    )
    cards = [
        Card(
            "job",
            f"{widgets.plain(row.job.replace('.', ': '))} failed",
            f"/admin/jobs/show/{row.id}",
            (row.error or "")[:200] or widgets.joined(*(f"{count} {name}" for name, count in row.tally.items())),
            clock=widgets.waiting_since(row.started_at),
        )
        for row in rows
    ]
    return Section("Jobs with failures", cards, "/admin/jobs/list/?tab=failed", rank=90)
