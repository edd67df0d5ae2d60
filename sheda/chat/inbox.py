"""What the inbox of the admin UI shows: the list of chats, one of them open, its messages, and the home it is about."""

import json
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from flask import url_for
from sqlalchemy import exists, or_, select

from sheda.accounts.models import Role, User
from sheda.appointments.models import Appointment
from sheda.chat import links, reads, replies, services
from sheda.chat.access import own_conversations
from sheda.chat.models import Conversation
from sheda.core import clock, widgets
from sheda.core.access import select_visible, visible_to
from sheda.core.actor import Actor
from sheda.core.actor import Role as ActorRole
from sheda.core.db import db
from sheda.core.errors import NotFound
from sheda.core.paging import write_cursor
from sheda.core.roles import granted
from sheda.core.views import deal_href

CHATS_SHOWN = 50
MESSAGES_SHOWN = 60
KB = 1024

WORDS = {
    "draft": "Draft",
    "published": "Live",
    "paused": "Paused",
    "archived": "Archived",
    "under_offer": "Under offer",
    "rented": "Let",
    "sold": "Sold",
}


def chats(actor: Actor, *, search: str = "", cursor: str | None = None, current: int | None = None) -> dict[str, Any]:
    """Return a page of the list of chats, the newest first, and where the next one is."""
    page = json.loads(reads.conversations(actor, limit=CHATS_SHOWN, cursor=cursor, search=search or None))
    more = page["next_cursor"]
    return {
        "rows": [_chat(actor, one, current, search) for one in page["result"]],
        "search": search,
        "older": url_for("ChatView.list", cursor=more, search=search or None) if more else "",
    }


def _chat(actor: Actor, one: dict[str, Any], current: int | None, search: str) -> dict[str, Any]:
    last = one.get("found") or one["last_message"]
    mine = "You: " if last["sender_id"] == actor.id else ""
    return {
        "id": one["user"]["id"],
        "name": one["user"]["name"],
        "href": url_for("ChatView.thread", pk=one["user"]["id"], search=search or None),
        "text": f"{mine}{words_of(last)[:120]}",
        "when": widgets.moment(datetime.fromisoformat(last["timestamp"])),
        "unread": one["unread_count"],
        "current": one["user"]["id"] == current,
    }


def words_of(message: dict[str, Any]) -> str:
    """Return a message in one line: its words, or the names of its files."""
    return message["message"] or ", ".join(one["name"] for one in message["attachments"])


def thread(actor: Actor, other: int, *, before: int | None = None) -> dict[str, Any]:
    """Return one conversation: with whom, about what, the latest messages or those before one; NotFound."""
    if not (actor.is_office or knows(actor, other)):
        raise NotFound
    about, phone, is_here = reads.about_with_contact(actor, other)
    found, is_more = messages(actor, other, before=before)
    home = about["property"]
    deal = _deal(actor, other, home["id"] if home else None)
    person = about["user"]
    first_name = person["name"].split(" ")[0]
    return {
        "id": other,
        "name": person["name"],
        "phone": phone if actor.is_office or deal else None,
        "card": _card(actor, home, deal) if home else None,
        "quick": [
            replies.filled(one.text, name=first_name, home=home["title"] if home else "")
            for one in replies.replies_of(actor)
        ],
        "messages": found,
        "first": found[0]["id"] if found else "",
        "last": found[-1]["id"] if found else "",
        "earlier": url_for("ChatView.thread", pk=other, before=found[0]["id"]) if is_more else "",
        "newest": url_for("ChatView.thread", pk=other) if before else "",
        "unread": about["unread_count"],
        "is_blocked": about["is_blocked"],
        "may_send": is_here and not about["is_blocked"],
        "may_block": granted(actor.role, "block", "Chat"),
    }


def messages(
    actor: Actor, other: int, *, after: int | None = None, before: int | None = None
) -> tuple[list[dict[str, Any]], bool]:
    """Return messages oldest first, the latest, those after one or those before one; whether there are more of them."""
    cursor = write_cursor([before]) if before else None
    page = json.loads(reads.history(actor, other, limit=MESSAGES_SHOWN, after_id=after, cursor=cursor))
    found = page["result"] if after is not None else page["result"][::-1]
    trusted = links.trusted_from(actor, other) if any("://" in one["message"] for one in found) else None
    shown = _bubbles(actor, found, trusted)
    if after is None and before is None:
        _mark_first_unread(actor, found, shown)
    return shown, bool(page["next_cursor"])


def _bubbles(actor: Actor, found: list[dict[str, Any]], trusted: int | None) -> list[dict[str, Any]]:
    zone = clock.here()
    times, today = [datetime.fromisoformat(one["timestamp"]).astimezone(zone) for one in found], clock.today(zone)
    is_new_day = [True, *(before.date() != after.date() for before, after in pairwise(times))]
    return [
        {
            "id": one["id"],
            "text": links.written(
                one["message"],
                with_links=one["sender_id"] == actor.id or (trusted is not None and one["id"] > trusted),
            ),
            "files": [_file(file) for file in one["attachments"]],
            "mine": one["sender_id"] == actor.id,
            "read": one["is_read"],
            "time": f"{at:%H:%M}",
            "at": at.isoformat(timespec="seconds"),
            "exact": widgets.exact_words(at),
            "day": at.date().isoformat(),
            "new_day": ("Today" if at.date() == today else widgets.day_words(at.date())) if new_day else "",
            "report": _report_href(actor, one),
        }
        for one, at, new_day in zip(found, times, is_new_day, strict=False)
    ]


def _mark_first_unread(actor: Actor, found: list[dict[str, Any]], shown: list[dict[str, Any]]) -> None:
    waiting = [place for place, one in enumerate(found) if one["receiver_id"] == actor.id and not one["is_read"]]
    if waiting:
        shown[waiting[0]]["unread"] = len(waiting)


def _report_href(actor: Actor, one: dict[str, Any]) -> str:
    if one["sender_id"] == actor.id or not granted(actor.role, "report", "Chat"):
        return ""
    return url_for("ChatView.report", pk=one["sender_id"], message=one["id"])


def _file(one: dict[str, Any]) -> dict[str, Any]:
    is_picture = one["content_type"].startswith("image/")
    # What a picture will take is known before it comes, so that nothing jumps.
    scale = min(1.0, 240 / max(one["width"], one["height"])) if is_picture else 0
    return {
        "name": one["name"],
        "href": url_for("ChatView.file", pk=one["id"]),
        "thumb": url_for("ChatView.thumb", pk=one["id"]) if is_picture else "",
        "width": round((one["width"] or 0) * scale),
        "height": round((one["height"] or 0) * scale),
        "size": size_words(one["size"]),
    }


def size_words(size: int) -> str:
    """Write the size of a file: "240 KB", "1.4 MB"."""
    return f"{max(1, round(size / KB))} KB" if size < KB * KB else f"{size / KB / KB:.1f} MB"


def knows(actor: Actor, other: int) -> bool:
    """Tell whether the actor may read somebody's name: they have spoken, they have a deal, or he is no client."""
    low, high = services.pair(actor.user_id, other)
    known = or_(
        exists().where(own_conversations(actor), Conversation.low_id == low, Conversation.high_id == high),
        exists().where(visible_to(actor, Appointment), Appointment.client_id == other),
        exists().where(User.id == other, User.active, ~User.roles.any(Role.name == ActorRole.CLIENT.value)),
    )
    return bool(db.session.scalar(select(known)))


def _deal(actor: Actor, other: int, home: int | None) -> Appointment | None:
    """Return the last viewing that the actor has with somebody, of one home before any other."""
    viewed = select_visible(actor, Appointment).where(Appointment.client_id == other)
    latest = viewed.order_by((Appointment.property_id == (home or 0)).desc(), Appointment.id.desc()).limit(1)
    return db.session.scalars(latest).one_or_none()


def _card(actor: Actor, home: dict[str, Any], deal: Appointment | None) -> dict[str, Any]:
    """Describe the home that a conversation is about."""
    state = home["listing_state"] if home["listing_state"] != "published" else home["status"]
    state = "under_offer" if home["is_under_offer"] else "published" if state == "available" else state
    is_theirs = actor.is_office or home["agent_id"] == actor.id
    return {
        "title": home["title"],
        "reference": widgets.reference(home["reference"]),
        "badge": widgets.badge(state, WORDS),
        "cover": home["cover"] or "",
        "facts": [
            ("Price", widgets.money(Decimal(home["price"]), home["currency"], home["period"] or "")),
            ("To move in", widgets.money(Decimal(home["total_move_in_cost"]), home["currency"])),
            ("Place", home["location"]),
        ],
        "href": f"/admin/properties/show/{home['id']}" if is_theirs else "",
        "deal": deal_href(deal) if deal and deal.property_id == home["id"] else "",
    }
