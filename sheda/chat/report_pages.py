"""Reports in the admin UI: the only way by which staff read a conversation, and each reading is written down."""

from typing import Any

from flask import Response, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from sqlalchemy import ScalarSelect
from sqlalchemy.orm import joinedload

from sheda.chat import attachments, inbox, reports
from sheda.chat.models import Message, Report
from sheda.chat.states import REPORT
from sheda.core import widgets
from sheda.core.access import select_visible
from sheda.core.actor import Actor, current_actor
from sheda.core.db import db, in_transaction
from sheda.core.generated import RoomView
from sheda.core.lists import Empty, RoomInterface
from sheda.core.views import counts, row_id, waits
from sheda.core.widgets import Card, Link, Section

SHOWN_AT_HOME = 10


class ReportView(RoomView):
    """Messages that people showed to the office."""

    datamodel = RoomInterface(Report)
    class_permission_name = "Report"
    route_base = "/admin/reports"
    method_permission_name = {**RoomView.method_permission_name, "file": "read"}
    show_template = "admin/report_show.html"
    nouns = ("report", "reports")
    list_title = "Reported messages"
    icon = "flag"
    machine = REPORT
    words = {"open": "To look at", "resolved": "Settled", "dismissed": "Nothing wrong"}
    moves = {"warn": reports.warn, "resolve": reports.resolve, "dismiss": reports.dismiss}
    done = {
        "warn": "The sender has your words, and whoever reported it is told.",
        "resolve": "Closed; whoever reported it is told.",
        "dismiss": "Closed; whoever reported it is told that you looked at it.",
    }
    list_columns = ["reason", "reported", "reporter", "due_at", "status"]
    show_columns = ["reason", "note", "reported", "reporter", "created_at", "decided_at"]
    order_columns = ["due_at"]
    base_order = ("id", "desc")
    search_columns = ["status", "reason", "created_at"]
    choices = {"status": tuple(words.items()), "reason": tuple(reports.REASON_WORDS.items())}
    label_columns = {
        "reported": "Written by",
        "reporter": "Reported by",
        "due_at": "Look at it by",
        "status": "State",
        "note": "They say",
        "created_at": "Reported",
        "decided_at": "Decided",
    }
    looks = {"reporter": "s-p2", "due_at": "s-p2"}
    list_options = (joinedload(Report.reporter), joinedload(Report.reported))
    empty = Empty("Nothing was reported", "When somebody reports a message, it waits here and on Home.")
    tabs = {
        "open": ("To look at", lambda _actor: Report.status == "open"),
        "all": ("All", lambda _actor: None),
    }
    cells = {
        "reason": lambda row: reports.REASON_WORDS[row.reason],
        "reported": lambda row: row.reported.get_full_name(),
        "reporter": lambda row: row.reporter.get_full_name(),
        "due_at": lambda row: widgets.countdown(row.due_at) if row.status == "open" else None,
    }

    def own_routes(self) -> tuple[str, ...]:
        """Add the files of a reported thread."""
        return ("file",)

    def title_of(self, row: Report) -> str:
        """Name a report by whom it is about."""
        return f"Message of {row.reported.get_full_name()}"

    def links(self, _actor: Actor, row: Report) -> list[Link]:
        """Lead to what can be done about a person."""
        return [Link(row.reported.get_full_name(), url_for("UserView.show", pk=row.reported_id), "user")]

    def extras(self, actor: Actor, row: Report) -> dict[str, Any]:
        """Show the message and what stands around it; who reads it is written down first."""
        names = {row.reporter_id: row.reporter.get_full_name(), row.reported_id: row.reported.get_full_name()}
        return {
            "messages": in_transaction(
                lambda: [self._message(row, one, names[one.sender_id]) for one in reports.read_thread(actor, row)]
            )
        }

    def _message(self, row: Report, one: Message, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "text": one.message,
            "files": [self._file(row, file) for file in one.attachments or ()],
            "when": widgets.moment(one.created_at),
            "is_reported": one.id == row.message_id,
            "is_theirs": one.sender_id == row.reported_id,
        }

    def _file(self, row: Report, one: dict[str, Any]) -> dict[str, Any]:
        is_picture = one["content_type"].startswith("image/")
        place = {"pk": row.id, "number": one["id"]}
        return {
            "name": one["name"],
            "size": inbox.size_words(one["size"]),
            "href": url_for(f"{self.endpoint}.file", **place),
            "is_picture": is_picture,
        }

    @expose("/file/<pk>/<number>")
    @has_access
    def file(self, pk: str, number: str) -> Response:
        """Open a file of a reported thread; who reads it is written down."""
        row, actor = self.row(pk), current_actor()
        return attachments.answer(in_transaction(lambda: reports.read_file(actor, row, row_id(number))))


@counts("ReportView")
def undecided(actor: Actor) -> ScalarSelect[int]:
    """Count the open reports that the actor may decide."""
    return reports.open_reports(actor)


@waits
def reports_to_decide(actor: Actor) -> Section | None:
    """Show staff what people reported, the soonest due first; what it says is read on its own page."""
    if not actor.is_office:
        return None
    rows = db.session.scalars(
        select_visible(actor, Report)
        .where(Report.status == "open")
        .options(joinedload(Report.reporter), joinedload(Report.reported))
        .order_by(Report.due_at)
        .limit(SHOWN_AT_HOME)
    )
    cards = [
        Card(
            "flag",
            f"{row.reporter.get_full_name()} reported a message of {row.reported.get_full_name()}",
            url_for("ReportView.show", pk=row.id),
            reports.REASON_WORDS[row.reason],
            row.due_at,
            widgets.countdown(row.due_at),
        )
        for row in rows
    ]
    return Section("Reported messages", cards, url_for("ReportView.list", tab="open"), rank=30)
