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
from sqlalchemy import exists, or_, select

from sheda.accounts.models import Role, User
from sheda.appointments.models import Appointment
from sheda.chat import reads, services
from sheda.chat.access import own_conversations
from sheda.chat.models import Conversation
from sheda.chat.schemas import LONGEST_MESSAGE, SendMessage
from sheda.core import clock, files, limits, widgets
from sheda.core.access import find_visible, select_visible, visible_to
from sheda.core.actor import Actor, current_actor
from sheda.core.actor import Role as ActorRole
from sheda.core.db import db
from sheda.core.errors import NotFound
from sheda.core.forms import checked
from sheda.core.views import counts, deal_href, perform, row_id, sent, turned_away, waits, way_back
from sheda.core.widgets import Card, Section
from sheda.properties.models import Property

CHATS_SHOWN = 50
MESSAGES_SHOWN = 100
SHOWN_AT_HOME = 5
POLL = 10
"""Seconds until an open inbox looks for news."""

QUICK_REPLIES = (
    "Yes, it is still available.",
    "When would you like to see it? Please choose a time in the app.",
    "I will check and write today.",
    "Thank you. I will call you shortly.",
)
WORDS = {
    "draft": "Draft",
    "published": "Live",
    "paused": "Paused",
    "archived": "Archived",
    "under_offer": "Under offer",
    "rented": "Let",
    "sold": "Sold",
}


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
            "poll": POLL,
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
        if not (actor.is_office or _knows(actor, other)):
            raise NotFound
        found = json.loads(reads.history(actor, other, limit=MESSAGES_SHOWN))["result"]
        person = db.session.get_one(User, other)
        return {
            "name": person.get_full_name(),
            "phone": person.phone if actor.is_office or _deal(actor, other) else None,
            "card": _card(actor, other, next((one["property_id"] for one in found if one["property_id"]), None)),
            "quick": QUICK_REPLIES,
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


def _knows(actor: Actor, other: int) -> bool:
    """Tell whether the actor may read somebody's name: they have spoken, they have a deal, or he is no client."""
    low, high = services.pair(actor.user_id, other)
    known = or_(
        exists().where(own_conversations(actor), Conversation.low_id == low, Conversation.high_id == high),
        exists().where(visible_to(actor, Appointment), Appointment.client_id == other),
        exists().where(User.id == other, User.active, ~User.roles.any(Role.name == ActorRole.CLIENT.value)),
    )
    return bool(db.session.scalar(select(known)))


def _deal(actor: Actor, other: int, home: int | None = None) -> Appointment | None:
    """Return the last viewing that the actor has with somebody, of one home or of any."""
    viewed = select_visible(actor, Appointment).where(Appointment.client_id == other)
    viewed = viewed if home is None else viewed.where(Appointment.property_id == home)
    found: Appointment | None = db.session.scalars(viewed.order_by(Appointment.id.desc()).limit(1)).one_or_none()
    return found


def _card(actor: Actor, other: int, home: int | None) -> dict[str, Any] | None:
    """Describe the home that a conversation is about, as far as it is there for the actor."""
    subject = find_visible(actor, Property, home)
    if subject is None:
        return None
    viewed = _deal(actor, other, subject.id)
    cover = next((image for image in subject.images if image.is_cover and image.status == "ready"), None)
    state = subject.listing_state if subject.listing_state != "published" else subject.status
    state = "under_offer" if subject.is_under_offer else "published" if state == "available" else state
    return {
        "title": subject.title,
        "reference": widgets.reference(subject.reference),
        "badge": widgets.badge(state, WORDS),
        "cover": files.url(files.rendition_key(cover.key, "card")) if cover else "",
        "facts": [
            ("Price", widgets.money(subject.price, subject.currency, subject.period or "")),
            ("To move in", widgets.money(subject.price + sum(fee.amount for fee in subject.fees), subject.currency)),
            ("Place", subject.location),
        ],
        "href": f"/admin/properties/show/{subject.id}" if actor.is_office or subject.agent_id == actor.id else "",
        "deal": deal_href(viewed) if viewed else "",
    }


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


counts("ChatView")(reads.unread_messages)
