"""The inbox of the admin UI: one's conversations, one of them open, and a line to answer in."""

import json
import uuid
from datetime import datetime
from itertools import pairwise
from typing import Any

from flask import redirect, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.hooks import before_request
from flask_appbuilder.security.decorators import has_access

from sheda.accounts.models import User
from sheda.chat import reads, services
from sheda.chat.schemas import LONGEST_MESSAGE, SendMessage
from sheda.core import clock, limits, widgets
from sheda.core.actor import Actor, current_actor
from sheda.core.db import db
from sheda.core.forms import checked
from sheda.core.views import perform, row_id, sent, turned_away, waits, way_back
from sheda.core.widgets import Card, Section

CHATS_SHOWN = 50
MESSAGES_SHOWN = 100
SHOWN_AT_HOME = 5


class ChatView(BaseView):
    """The inbox: only ever one's own conversations, whoever one is."""

    route_base = "/admin/chats"
    class_permission_name = "Chat"
    default_view = "list"
    method_permission_name = {"list": "list", "thread": "read", "send": "send", "mark": "read"}

    @before_request
    def _enter(self) -> Any:
        return turned_away()

    @expose("/list/")
    @has_access
    def list(self) -> Any:
        """Show the conversations, newest first."""
        return self._page(None)

    @expose("/with/<pk>")
    @has_access
    def thread(self, pk: str) -> Any:
        """Show the conversation with one person beside the others."""
        return self._page(row_id(pk))

    @expose("/with/<pk>/send", methods=["POST"])
    @has_access
    def send(self, pk: str) -> Any:
        """Send a message; the same form sent twice is one message."""
        other, actor = row_id(pk), current_actor()
        perform(lambda: _send(actor, other))
        return redirect(way_back(url_for(f"{self.endpoint}.thread", pk=other)))

    @expose("/with/<pk>/read", methods=["POST"])
    @has_access
    def mark(self, pk: str) -> Any:
        """Mark what somebody has written as read."""
        other, actor = row_id(pk), current_actor()
        perform(lambda: services.mark_read(actor, other))
        return redirect(url_for(f"{self.endpoint}.thread", pk=other))

    def _page(self, other: int | None) -> Any:
        actor = current_actor()
        chats = json.loads(reads.conversations(actor, limit=CHATS_SHOWN))["result"]
        page = {
            "chats": [self._chat(actor, one, other) for one in chats],
            "thread": self._thread(actor, other) if other else None,
            "all": url_for(f"{self.endpoint}.list"),
        }
        return self.render_template("admin/inbox.html", title="Inbox", page=page)

    def _chat(self, actor: Actor, one: dict[str, Any], current: int | None) -> dict[str, Any]:
        last = one["last_message"]
        mine = "You: " if last["sender_id"] == actor.id else ""
        return {
            "name": one["user"]["name"],
            "href": url_for(f"{self.endpoint}.thread", pk=one["user"]["id"]),
            "text": f"{mine}{last['message'][:120]}",
            "when": widgets.moment(datetime.fromisoformat(last["timestamp"])),
            "unread": one["unread_count"],
            "current": one["user"]["id"] == current,
        }

    def _thread(self, actor: Actor, other: int) -> dict[str, Any]:
        found = json.loads(reads.history(actor, other, limit=MESSAGES_SHOWN))["result"]
        person = db.session.get_one(User, other)
        return {
            "name": person.get_full_name(),
            "messages": _messages(actor, found[::-1]),
            "unread": any(one["receiver_id"] == actor.id and not one["is_read"] for one in found),
            "may_send": person.active,
            "most": LONGEST_MESSAGE,
            "once": str(uuid.uuid4()),
            "send": url_for(f"{self.endpoint}.send", pk=other),
            "mark": url_for(f"{self.endpoint}.mark", pk=other),
        }


def _send(actor: Actor, other: int) -> None:
    body = {"receiver_id": other, "message": sent("message"), "client_msg_id": sent("client_msg_id") or None}
    values = checked(SendMessage, body)
    limits.hit("chat", str(actor.user_id))
    services.send(actor, other, values["message"], client_msg_id=values["client_msg_id"])
    services.mark_read(actor, other)


def _messages(actor: Actor, found: "list[dict[str, Any]]") -> "list[dict[str, Any]]":
    times = [datetime.fromisoformat(one["timestamp"]).astimezone(clock.LAGOS) for one in found]
    is_new_day = [True, *(before.date() != after.date() for before, after in pairwise(times))]
    return [
        {
            "text": one["message"],
            "mine": one["sender_id"] == actor.id,
            "read": one["is_read"],
            "time": f"{at:%H:%M}",
            "new_day": ("Today" if at.date() == clock.today() else widgets.day_words(at.date())) if new_day else "",
        }
        for one, at, new_day in zip(found, times, is_new_day, strict=False)
    ]


@waits
def unread_chats(actor: Actor) -> Section | None:
    """Show the conversations in which somebody waits for an answer."""
    chats = json.loads(reads.conversations(actor, limit=CHATS_SHOWN))["result"]
    cards = [
        Card(
            "chat",
            f"{one['user']['name']} wrote",
            url_for("ChatView.thread", pk=one["user"]["id"]),
            clock=widgets.waiting_since(datetime.fromisoformat(one["last_message"]["timestamp"])),
            quote=one["last_message"]["message"][:300],
        )
        for one in chats
        if one["unread_count"]
    ]
    return Section("Unread messages", cards[:SHOWN_AT_HOME], url_for("ChatView.list"), rank=50)
