"""Viewings as iCalendar (RFC 5545): invitations in mails (RFC 6047), and the private feed of an agent's calendar.

A viewing that was moved is the same event as the one before it: one UID for the chain of `replaces_id`, and a SEQUENCE
that rises with every state of every link, so that a late mail never undoes a newer one. Moments are written in Lagos
time, whoever reads them: it has no summer time, whose rules programs read differently.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import UTC, timedelta
from email.utils import parseaddr
from typing import Any

from flask import current_app
from icalendar import Calendar, Event, Timezone, vCalAddress, vDuration, vText
from sqlalchemy import delete, exists, literal, select
from sqlalchemy.orm import aliased, joinedload

from sheda.accounts.models import User
from sheda.appointments.models import Appointment, CalendarFeed
from sheda.core import clock
from sheda.core.access import select_visible
from sheda.core.actor import Actor, Role
from sheda.core.db import advisory_lock, db, flush
from sheda.core.errors import NotFound
from sheda.core.states import History

PRODID = "-//Sheda//Viewings//EN"

RANKS = {"pending": 0, "confirmed": 1, "completed": 1, "no_show": 1, "rejected": 2, "canceled": 2, "expired": 2}
"""How far each state raises the SEQUENCE within one link of a chain."""

STATUSES = {0: "TENTATIVE", 1: "CONFIRMED", 2: "CANCELLED"}

SHOWN_STATES = ("pending", "confirmed", "completed", "no_show")
SHOWN_BACK = timedelta(days=60)
"""How far back a feed reaches; forward, bookings have a horizon of their own."""

REFRESH = timedelta(hours=1)

Chain = list[int]


# ── Invitations ──────────────────────────────────────────────────────────────────────────────────────────────────────


def invitation(viewing: Appointment, *, to: User) -> tuple[str, bytes] | None:
    """Return what a person's calendar must be told of a viewing: REQUEST or CANCEL, and the file; None for nothing.

    A request that moves a confirmed viewing is noted as tentative. Only what was sent is called off, and what was
    moved meanwhile is not: its successor speaks for it.
    """
    chain = _chains([viewing.id])[viewing.id]
    rank, sent = RANKS[viewing.status], _was_confirmed(chain)
    if rank == 0 and not sent:
        return None
    if rank > 1 and (not sent or _is_replaced(viewing)):
        return None
    method = "CANCEL" if rank > 1 else "REQUEST"
    event = _event(viewing, chain)
    name, address = parseaddr(current_app.config["MAIL_FROM"])
    event.add("organizer", _address(address, name or "Sheda"))
    attendee = _address(to.email, to.get_full_name())
    attendee.params.update(
        {"CUTYPE": "INDIVIDUAL", "ROLE": "REQ-PARTICIPANT", "PARTSTAT": "ACCEPTED" if rank else "TENTATIVE"}
    )
    attendee.params["RSVP"] = "FALSE"
    event.add("attendee", attendee)
    return method, _file([event], method=method)


def _was_confirmed(chain: Chain) -> bool:
    of_these = History.subject_type == Appointment.__tablename__, History.subject_id.in_(chain)
    return bool(db.session.scalar(select(exists().where(*of_these, History.to_state == "confirmed"))))


def _is_replaced(viewing: Appointment) -> bool:
    return bool(db.session.scalar(select(exists().where(Appointment.replaces_id == viewing.id))))


def _chains(ids: Iterable[int]) -> dict[int, Chain]:
    """Return for each viewing its own id and those of the viewings it replaced, back to the first one."""
    model, older = Appointment, aliased(Appointment)
    first = select(model.id.label("last"), model.id.label("id"), model.replaces_id, literal(0).label("step"))
    chain = first.where(model.id.in_(list(ids))).cte("chain", recursive=True)
    before = select(chain.c.last, older.id, older.replaces_id, chain.c.step + 1).join(
        older, older.id == chain.c.replaces_id
    )
    chain = chain.union_all(before)
    found: dict[int, Chain] = {}
    for last, row_id in db.session.execute(select(chain.c.last, chain.c.id).order_by(chain.c.last, chain.c.step)):
        found.setdefault(last, []).append(row_id)
    return found


def _event(viewing: Appointment, chain: Chain) -> Event:
    rank, home = RANKS[viewing.status], viewing.subject
    agent, client = (_line(person.get_full_name()) for person in (viewing.agent, viewing.client))
    event = Event()
    event.add("uid", f"viewing-{chain[-1]}@{current_app.config['MAIL_DOMAIN']}")
    event.add("sequence", 3 * (len(chain) - 1) + rank)
    event.add("dtstamp", viewing.updated_at.astimezone(UTC).replace(microsecond=0))
    event.add("last-modified", viewing.updated_at.astimezone(UTC).replace(microsecond=0))
    event.add("dtstart", viewing.starts_at.astimezone(clock.LAGOS))
    event.add("dtend", viewing.ends_at.astimezone(clock.LAGOS))
    event.add("summary", f"Viewing: {_line(home.title)} ({home.reference})")
    event.add("location", _line(home.location))
    event.add("description", f"{agent} (agent) shows the home to {client} (client).")
    event.add("status", STATUSES[rank])
    event.add("transp", "OPAQUE")
    return event


def _file(events: list[Event], **about: Any) -> bytes:
    calendar = Calendar()
    for name, value in {"prodid": PRODID, "version": "2.0", **about}.items():
        calendar.add(name.replace("_", "-"), value)
    calendar.add_component(Timezone.from_tzid(clock.LAGOS.key))
    for event in events:
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _address(address: str, name: str) -> vCalAddress:
    found = vCalAddress(f"mailto:{address}")
    found.params["CN"] = _line(name).replace('"', "'")
    return found


def _line(text: str) -> str:
    return " ".join(text.split())


# ── The feed ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def find_feed(actor: Actor) -> CalendarFeed | None:
    """Return the actor's own feed, if he has one."""
    return db.session.scalars(select_visible(actor, CalendarFeed)).one_or_none()


def share_feed(actor: Actor) -> str:
    """Make the private address of one's own calendar, and return it: it can be read only now. An older one is dead."""
    advisory_lock(("agent", actor.user_id))
    revoke_feed(actor)
    token = secrets.token_urlsafe(32)
    db.session.add(CalendarFeed(agent_id=actor.user_id, token_hash=_digest(token), created_at=clock.now()))
    flush()
    return f"{current_app.config['PUBLIC_URL']}/calendar/{token}.ics"


def revoke_feed(actor: Actor) -> None:
    """Let the address of one's own calendar answer nobody any more."""
    db.session.execute(delete(CalendarFeed).where(CalendarFeed.agent_id == actor.user_id))


def read_feed(token: str) -> str:
    """Return the calendar behind a private address: open and past viewings of its agent; NotFound for a dead one."""
    agent = db.session.scalars(
        select(User)
        .join(CalendarFeed, CalendarFeed.agent_id == User.id)
        .where(CalendarFeed.token_hash == _digest(token), User.active)
    ).first()
    if agent is None:
        raise NotFound
    rows = db.session.scalars(
        select_visible(Actor(agent.id, Role.AGENT), Appointment)
        .where(Appointment.status.in_(SHOWN_STATES), Appointment.ends_at > clock.now() - SHOWN_BACK)
        .options(joinedload(Appointment.subject), joinedload(Appointment.client), joinedload(Appointment.agent))
        .order_by(Appointment.starts_at, Appointment.id)
    )
    viewings = rows.unique().all()
    chains = _chains(one.id for one in viewings)
    events = [_event(one, chains[one.id]) for one in viewings]
    name, refresh = vText(f"Sheda: {_line(agent.get_full_name())}"), vDuration(REFRESH)
    refresh.params["VALUE"] = "DURATION"
    return _file(
        events, method="PUBLISH", name=name, x_wr_calname=name, x_wr_timezone=clock.LAGOS.key,
        refresh_interval=refresh, x_published_ttl="PT1H",
    ).decode()  # fmt: skip


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
