"""The inbox of the admin UI: one's conversations, one of them open, and a line to answer in."""

import json
import uuid
from datetime import datetime
from typing import Any

from flask import Response, redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.security.decorators import has_access
from werkzeug.datastructures import FileStorage
from wtforms import BooleanField, SelectField, TextAreaField
from wtforms.fields import SelectChoice

from sheda.chat import attachments, blocks, inbox, reads, reports, services
from sheda.chat.attachments import MAX_BYTES, MOST_FILES
from sheda.chat.models import Attachment, Message
from sheda.chat.schemas import LONGEST_MESSAGE, LONGEST_SEARCH, NewReport, SendMessage
from sheda.core import limits, widgets
from sheda.core.access import get_visible
from sheda.core.actor import Actor, current_actor
from sheda.core.errors import NotFound
from sheda.core.fields import UNSTORABLE
from sheda.core.forms import checked, clean
from sheda.core.moves import write_form
from sheda.core.roles import granted
from sheda.core.views import (
    DeskView,
    counts,
    here,
    is_post,
    perform,
    query,
    row_id,
    sent,
    uploaded,
    waits,
    way_back,
)
from sheda.core.widgets import Card, Section

SHOWN_AT_HOME = 5
POLL = 10
"""Seconds until an open inbox looks for news, where nothing tells it."""


class ChatView(DeskView):
    """The inbox: only ever one's own conversations, whoever one is."""

    route_base = "/admin/chats"
    class_permission_name = "Chat"
    default_view = "list"
    method_permission_name = {
        "list": "list",
        "rows": "list",
        "thread": "read",
        "messages": "read",
        "mark": "read",
        "file": "read",
        "thumb": "read",
        "send": "send",
        "block": "block",
        "unblock": "block",
        "report": "report",
    }

    # ── Reading ──────────────────────────────────────────────────────────────────────────────────────

    @expose("/list/")
    @has_access
    def list(self) -> Any:
        """Show the conversations, newest first, or those that a search finds."""
        return self._page(None)

    @expose("/list/rows")
    @has_access
    def rows(self) -> Any:
        """Show the list alone, for a page that is open."""
        current = _number("current")
        return self.render_template("admin/_chats.html", chats=self._chats(current or None))

    @expose("/with/<pk>")
    @has_access
    def thread(self, pk: str) -> Any:
        """Show the conversation with one person beside the others."""
        return self._page(row_id(pk))

    @expose("/with/<pk>/messages")
    @has_access
    def messages(self, pk: str) -> Any:
        """Show the messages after one, or those before one, alone, for a page that is open."""
        other, actor = row_id(pk), current_actor()
        if not (actor.is_office or inbox.knows(actor, other)):
            raise NotFound
        before = _number("before")
        after = None if before else _number("after") or 0
        found, is_more = inbox.messages(actor, other, after=after, before=before)
        earlier = url_for(f"{self.endpoint}.thread", pk=other, before=found[0]["id"]) if before and is_more else ""
        return self.render_template("admin/_messages.html", messages=found, earlier=earlier)

    @expose("/with/<pk>/read", methods=["POST"])
    @has_access
    def mark(self, pk: str) -> Any:
        """Mark what somebody has written as read."""
        other, actor = row_id(pk), current_actor()
        perform(lambda: services.mark_read(actor, other))
        return redirect(url_for(f"{self.endpoint}.thread", pk=other))

    @expose("/file/<pk>")
    @has_access
    def file(self, pk: str) -> Response:
        """Open a file of one's own conversations."""
        return attachments.answer(get_visible(current_actor(), Attachment, row_id(pk)))

    @expose("/file/<pk>/thumb")
    @has_access
    def thumb(self, pk: str) -> Response:
        """Show a picture of one's own conversations small."""
        return attachments.answer(get_visible(current_actor(), Attachment, row_id(pk)), thumb=True)

    def _page(self, other: int | None, *, draft: str = "", status: int = 200) -> Any:
        actor = current_actor()
        thread = inbox.thread(actor, other, before=_number("before")) if other else None
        page = {
            "chats": self._chats(other),
            "thread": thread,
            "all": url_for(f"{self.endpoint}.list"),
            "poll": POLL,
            "me": actor.id,
            "most": LONGEST_MESSAGE,
            "most_files": MOST_FILES,
            "most_bytes": MAX_BYTES,
            "once": str(uuid.uuid4()),
            "draft": draft,
            "replies": url_for("QuickReplyView.list") if granted(actor.role, "list", "QuickReply") else "",
        }
        return self.render_template("admin/inbox.html", title="Inbox", page=page), status

    def _chats(self, current: int | None) -> dict[str, Any]:
        search = query().get("search", "").strip()
        search = "" if UNSTORABLE.search(search) else search[:LONGEST_SEARCH]
        return inbox.chats(current_actor(), search=search, cursor=query().get("cursor"), current=current)

    # ── Writing ──────────────────────────────────────────────────────────────────────────────────────

    @expose("/with/<pk>/send", methods=["POST"])
    @has_access
    def send(self, pk: str) -> Any:
        """Send a message with its files; the same form sent twice is one message. What is refused stays written."""
        other, actor = row_id(pk), current_actor()
        if perform(lambda: _send(actor, other)) is None:
            return self._page(other, draft=sent("message")[:LONGEST_MESSAGE], status=422)
        return redirect(way_back(url_for(f"{self.endpoint}.thread", pk=other)))

    @expose("/with/<pk>/block", methods=["GET", "POST"])
    @has_access
    def block(self, pk: str) -> Any:
        """Ask, and block somebody."""
        other, actor = row_id(pk), current_actor()
        place = url_for(f"{self.endpoint}.thread", pk=other)
        if is_post():
            perform(lambda: blocks.block(actor, other), "Blocked. Neither of you can write to the other.")
            return redirect(place)
        name = reads.about(actor, other)["user"]["name"] if inbox.knows(actor, other) else ""
        if not name:
            raise NotFound
        says = f"Neither of you can write to the other. {name} is not told; notices of viewings and payments go on."
        return self._ask(f"Block {name}", "Block", place, confirm=says, tone="no")

    @expose("/with/<pk>/unblock", methods=["POST"])
    @has_access
    def unblock(self, pk: str) -> Any:
        """Let somebody write again."""
        other, actor = row_id(pk), current_actor()
        perform(lambda: blocks.unblock(actor, other), "Unblocked. You can write to each other again.")
        return redirect(url_for(f"{self.endpoint}.thread", pk=other))

    @expose("/with/<pk>/report/<message>", methods=["GET", "POST"])
    @has_access
    def report(self, pk: str, message: str) -> Any:
        """Ask why, and show a message to the office."""
        actor, reported = current_actor(), get_visible(current_actor(), Message, row_id(message))
        place = url_for(f"{self.endpoint}.thread", pk=row_id(pk))
        form = type("ReportForm", (DynamicForm,), REPORT_FIELDS)()
        if is_post() and form.validate():
            said = {name: form[name].data for name in REPORT_FIELDS}
            done = "Reported. The office looks at it within a day and tells you."
            if write_form(form, lambda: reports.report(actor, reported.id, **checked(NewReport, said)), done):
                return redirect(place)
        says = "The office reads this message and a few around it, and nothing else of your conversation."
        return self._ask("Report this message", "Report", place, form=form, confirm=says, tone="no")

    def _ask(self, title: str, verb: str, back: str, *, confirm: str, tone: str = "", form: Any = None) -> Any:
        page = {
            "confirm": confirm,
            "fields": [form[name] for name in REPORT_FIELDS] if form is not None else [],
            "reason": None,
            "tone": tone,
            "verb": verb,
            "back": back,
            "errors": form.form_errors if form is not None else [],
            "trail": [("Inbox", url_for(f"{self.endpoint}.list")), (title, "")],
        }
        return self.render_template("admin/ask.html", title=title, action=here(), page=page)


REPORT_FIELDS = {
    "reason": SelectField(
        "What is wrong with it?", choices=[SelectChoice(*one) for one in reports.REASON_WORDS.items()]
    ),
    "note": TextAreaField("Anything we should know", [clean], description="Only the office reads it."),
    "block": BooleanField("Block them, too"),
}


def _number(name: str) -> int | None:
    """Read an id that this address asks about; None for none and for what is no id."""
    try:
        return row_id(query().get(name, ""))
    except (NotFound, ValueError):
        return None


def _send(actor: Actor, other: int) -> bool:
    body = {"receiver_id": other, "message": sent("message"), "client_msg_id": sent("client_msg_id") or None}
    chosen = uploaded("files")
    values = checked(SendMessage, body | ({"attachment_ids": [1]} if chosen else {}))
    limits.hit("chat", str(actor.user_id))
    attachments.check_number([*range(len(chosen))])
    kept = [attachments.store(actor, _bytes(one), one.filename or "", field="files").id for one in chosen]
    services.send(actor, other, values["message"], client_msg_id=values["client_msg_id"], attachment_ids=kept)
    services.mark_read(actor, other)
    return True


def _bytes(chosen: FileStorage) -> bytes:
    # A transaction that is repeated reads its files again.
    chosen.stream.seek(0)
    return chosen.stream.read(MAX_BYTES + 1)


@waits
def unread_chats(actor: Actor) -> Section | None:
    """Show the conversations in which somebody waits for an answer."""
    chats = json.loads(reads.conversations(actor, limit=inbox.CHATS_SHOWN))["result"]
    cards = [
        Card(
            "chat",
            f"{one['user']['name']} wrote",
            url_for("ChatView.thread", pk=one["user"]["id"]),
            clock=widgets.waiting_since(datetime.fromisoformat(one["last_message"]["timestamp"])),
            quote=inbox.words_of(one["last_message"])[:300],
        )
        for one in chats
        if one["unread_count"]
    ]
    return Section("Unread messages", cards[:SHOWN_AT_HOME], url_for("ChatView.list"), rank=50)


counts("ChatView")(reads.unread_messages)
