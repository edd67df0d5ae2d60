"""The verbs of a viewing. Lock order: agent and client by name, then property, then viewing.

A booking looks, is judged, and then claims, all by one statement; when somebody came between, it is done once more.
"""

from datetime import date, datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, and_, or_, select

from sheda.accounts.events import AccountClosing
from sheda.accounts.models import User
from sheda.appointments import calendars, slots
from sheda.appointments.events import AppointmentBooked
from sheda.appointments.ground import Booking, Ground, claim, look, take_turns
from sheda.appointments.models import OPEN_STATES, Appointment
from sheda.appointments.states import APPOINTMENT
from sheda.core import clock
from sheda.core.access import get_visible
from sheda.core.actor import SYSTEM, Actor
from sheda.core.clauses import together
from sheda.core.db import db, lock, lock_one, refuse_on, repeat_on
from sheda.core.errors import Conflict, InvalidInput
from sheda.core.events import emit
from sheda.core.states import IllegalMove, Move, illegal
from sheda.properties import services as properties
from sheda.properties.events import PropertyArchived
from sheda.properties.models import Property
from sheda.properties.services import PropertyUnavailable, UnderOffer

DEFAULT_MINUTES = 30

_AN_HOUR = timedelta(hours=1)


class SlotUnavailable(InvalidInput):
    """Refuse a time at which the agent takes no viewings; `suggestions` are the next three that are free."""

    code = "slot_unavailable"

    def __init__(self, suggestions: list[slots.Slot]) -> None:
        message = "The agent takes no viewings at this time. Choose a free time."
        super().__init__(
            message,
            errors=[{"field": "requested_time", "message": message}],
            suggestions=[slot.wire() for slot in suggestions],
        )


class SlotTaken(Conflict):
    """Refuse a time that another viewing of the agent overlaps; `suggestions` are the next three that are free."""

    code = "slot_taken"

    def __init__(self, suggestions: list[slots.Slot] | None = None) -> None:
        super().__init__(
            "Somebody has this time already. Choose another.",
            suggestions=[slot.wire() for slot in suggestions or []],
        )


class ClientBusy(Conflict):
    """Refuse a time at which the client has another viewing."""

    code = "client_busy"
    detail = "Another viewing of the same client is at this time. Choose another time, or cancel that one."


class TooManyOpenAppointments(Conflict):
    """Refuse one more open viewing than a client may have."""

    code = "too_many_open_appointments"
    detail = "Too many viewings are still open. Wait until one has taken place, or cancel one."


class AlreadyBooked(Conflict):
    """Refuse a second open viewing of the same property by the same client."""

    code = "already_booked"
    detail = "A viewing of this property is open already. Move it, or cancel it first."


class AppointmentBegun(Conflict):
    """Refuse to change a viewing that has begun."""

    code = "appointment_begun"
    detail = "This viewing has begun. It can no longer be changed, only closed."


CLAIMS = {
    "ex_appointments_agent": SlotTaken,
    "ex_appointments_client": ClientBusy,
    "uq_appointments_open": AlreadyBooked,
    "appointments_on_offer": PropertyUnavailable,
    "appointments_most_open": TooManyOpenAppointments,
}
"""What PostgreSQL refuses a claim with when the ground has changed since it was looked at: a second look says more."""

for _constraint, _refusal in CLAIMS.items():
    refuse_on(_constraint, _refusal)
    repeat_on(_constraint)


def book(
    actor: Actor,
    property_id: int,
    *,
    requested_time: datetime,
    duration_minutes: int = DEFAULT_MINUTES,
    note: str | None = None,
    agent_id: int | None = None,
) -> Booking:
    """Ask for a viewing of a property by its agent, who has until `expires_at` to answer.

    `duration_minutes` 15…480. Raises NotFound, InvalidInput on `agent_id`, SlotUnavailable, PropertyUnavailable,
    UnderOffer, SlotTaken, ClientBusy, TooManyOpenAppointments, AlreadyBooked.
    """
    client_id, duration = actor.user_id, timedelta(minutes=duration_minutes)
    ground = _settled(actor, property_id, client_id, requested_time, duration)
    if agent_id not in {None, ground.agent_id}:
        raise InvalidInput.on("agent_id", "Another agent looks after this property; leave this out.")
    _check_slot(ground, client_id, requested_time, duration)
    _check_subject(ground, client_id)
    _check_free(ground, client_id, requested_time, duration)
    return _claim(actor, ground, client_id, requested_time, duration, note=note)


def reschedule(
    actor: Actor,
    appointment_id: int,
    *,
    requested_time: datetime,
    duration_minutes: int | None = None,
    reason: str | None = None,
) -> Booking:
    """Give up a viewing and ask for another time in one step; return the new viewing, which `replaces_id` the old.

    It lasts as long as the old one unless `duration_minutes` (15…480) is given. Raises what `book` raises, and
    IllegalMove, AppointmentBegun, InvalidInput on `reason`.
    """
    seen = get_visible(actor, Appointment, appointment_id)
    where, client_id = seen.property_id, seen.client_id
    duration = timedelta(minutes=duration_minutes) if duration_minutes else seen.ends_at - seen.starts_at
    take_turns(where, client_id)
    ground = _settled(SYSTEM, where, client_id, requested_time, duration)
    _check_slot(ground, client_id, requested_time, duration)
    old = _hold(actor, appointment_id)
    move = APPOINTMENT.check(actor, old, "reschedule", reason=reason)
    if move is None:
        raise illegal("reschedule", old.status)
    if old.has_begun(clock.now()):
        raise AppointmentBegun
    _check_subject(ground, client_id)
    # The old row must have left its time in the database before the new one claims an overlapping one.
    _apply(actor, old, move, reason=reason)
    ground = _settled(SYSTEM, where, client_id, requested_time, duration)
    _check_free(ground, client_id, requested_time, duration)
    return _claim(actor, ground, client_id, requested_time, duration, note=old.note, replaces=old)


def confirm(actor: Actor, appointment_id: int, *, reason: str | None = None) -> Appointment:
    """Accept a request; raises IllegalMove, AppointmentBegun, PropertyUnavailable, InvalidInput on `reason`."""
    found = _hold(actor, appointment_id)
    move = APPOINTMENT.check(actor, found, "confirm", reason=reason)
    if move is None:
        return found
    if found.has_begun(clock.now()):
        raise AppointmentBegun
    if found.subject.status != "available":
        raise PropertyUnavailable
    found.expires_at = None
    return _apply(actor, found, move, reason=reason)


def reject(actor: Actor, appointment_id: int, *, reason: str | None = None) -> Appointment:
    """Decline a request, with a reason that the client reads; raises IllegalMove, InvalidInput on `reason`."""
    found = _hold(actor, appointment_id)
    move = APPOINTMENT.check(actor, found, "reject", reason=reason)
    return found if move is None else _apply(actor, found, move, reason=reason)


def cancel(actor: Actor, appointment_id: int, *, reason: str | None = None) -> Appointment:
    """Call a viewing off; its time is free at once.

    Raises IllegalMove, AppointmentBegun, InvalidInput on `reason`, and what payments refuse it with (`payment_open`).
    """
    found = _hold(actor, appointment_id)
    move = APPOINTMENT.check(actor, found, "cancel", reason=reason)
    if move is None:
        return found
    if found.has_begun(clock.now()):
        raise AppointmentBegun
    return _apply(actor, found, move, reason=reason)


def complete(actor: Actor, appointment_id: int, *, reason: str | None = None) -> Appointment:
    """Say that a viewing took place, also before its time: it may have been brought forward. Raises IllegalMove."""
    found = _hold(actor, appointment_id)
    move = APPOINTMENT.check(actor, found, "complete", reason=reason)
    return found if move is None else _apply(actor, found, move, reason=reason)


def no_show(actor: Actor, appointment_id: int, *, reason: str | None = None) -> Appointment:
    """Say that the client did not come, a quarter of an hour after the start at the earliest. Raises IllegalMove."""
    found = _hold(actor, appointment_id)
    move = APPOINTMENT.check(actor, found, "no_show", reason=reason)
    if move is None:
        return found
    patience: timedelta = current_app.config["NO_SHOW_AFTER"]
    if clock.now() < found.starts_at + patience:
        extra: dict[str, Any] = {"from": found.status}
        raise IllegalMove(f"Wait until {patience.seconds // 60} minutes after the start.", **extra)
    return _apply(actor, found, move, reason=reason)


def hold(appointment_id: int) -> Appointment:
    """Lock a viewing that is known to exist, behind its property: payments, which come between, may then be locked."""
    properties.lock_property(db.session.get_one(Appointment, appointment_id).property_id)
    return lock_one(Appointment, appointment_id)


def expire_if_due(appointment: Appointment) -> bool:
    """Let a locked request lapse that nobody answered in time: the one place where that is decided."""
    now = clock.now()
    if appointment.status != "pending" or appointment.expires_at is None or appointment.expires_at > now:
        return False
    _apply(SYSTEM, appointment, APPOINTMENT.moves["expire"])
    return True


def complete_if_due(appointment: Appointment) -> bool:
    """Count a locked, confirmed viewing as held when nobody has said otherwise a day after its end."""
    due = appointment.ends_at + current_app.config["COMPLETE_AFTER"]
    if appointment.status != "confirmed" or due > clock.now():
        return False
    _apply(SYSTEM, appointment, APPOINTMENT.moves["complete"])
    return True


def invitation_of(appointment: Appointment, *, to: User) -> tuple[str, bytes] | None:
    """Return what a person's calendar must be told of a viewing, with its method; see `calendars.invitation`."""
    return calendars.invitation(appointment, to=to)


def suggestions_for(appointment: Appointment) -> list[slots.Slot]:
    """Return the next three times that its agent and its client could take instead, for a mail that declines."""
    return slots.next_free(
        appointment.agent_id,
        duration=appointment.ends_at - appointment.starts_at,
        after=appointment.ends_at,
        client_id=appointment.client_id,
    )


def times_for(appointment: Appointment, count: int) -> list[slots.Slot]:
    """Return the next times that a viewing could be moved to, from an hour before its own on."""
    return slots.next_free(
        appointment.agent_id,
        duration=appointment.ends_at - appointment.starts_at,
        after=appointment.starts_at - _AN_HOUR,
        client_id=appointment.client_id,
        count=count,
    )


def hours_between(agent_id: int, first: date, beyond: date) -> slots.Schedule:
    """Return when an agent takes viewings on some days of his zone; NotFound for somebody who is no agent."""
    return slots.schedule_of(agent_id, first, beyond)


def cancel_future_for_property(subject: Property, *, keep_appointment_id: int | None = None) -> None:
    """Call off the open viewings of a locked property that have not begun, because it is let, sold or archived."""
    which = and_(Appointment.property_id == subject.id, Appointment.id != (keep_appointment_id or 0))
    _cancel_future(which, "This home is no longer on offer.")


def cancel_for_archived(event: PropertyArchived) -> None:
    """React to a listing that leaves the market for good."""
    cancel_future_for_property(event.subject)


def cancel_for_closing(event: AccountClosing) -> None:
    """React to an account that is being closed: nobody shall wait for someone who is gone."""
    user_id = event.user.id
    whose = or_(Appointment.client_id == user_id, Appointment.agent_id == user_id)
    open_there = select(Appointment.property_id).where(whose, Appointment.status.in_(OPEN_STATES))
    lock(Property, db.session.scalars(open_there))
    _cancel_future(whose, "This account was closed.")


def _cancel_future(which: ColumnElement[bool], reason: str) -> None:
    open_ones = select(Appointment.id).where(
        which, Appointment.status.in_(OPEN_STATES), Appointment.starts_at > clock.now()
    )
    for found in lock(Appointment, db.session.scalars(open_ones)):
        if found.status in OPEN_STATES and not expire_if_due(found):
            APPOINTMENT.move(SYSTEM, found, "cancel", reason=reason)
            found.updated_at = clock.now()


def _hold(actor: Actor, appointment_id: int) -> Appointment:
    """Return a viewing of the actor's, locked, and closed when its time is up; NotFound when there is none."""
    get_visible(actor, Appointment, appointment_id)
    found = hold(appointment_id)
    if not expire_if_due(found):
        complete_if_due(found)
    return found


def _apply(actor: Actor, appointment: Appointment, move: Move, *, reason: str | None = None) -> Appointment:
    appointment.updated_at = clock.now()
    APPOINTMENT.apply(actor, appointment, move, reason=reason)
    return appointment


def _settled(actor: Actor, property_id: int, client_id: int, starts_at: datetime, duration: timedelta) -> Ground:
    """Return the ground of a booking, after letting those rivals lapse whose time is up; NotFound as `look`.

    Only where there are any a transaction begins, in which the turns are taken before they are locked.
    """
    earliest, latest = slots.window()
    # A time that nobody can book is refused all the same; arithmetic on the year 9999 is not.
    asked = min(max(starts_at, earliest), latest)
    ground = look(actor, property_id, client_id, asked, duration)
    due = [rival.id for rival in ground.rivals if rival.is_due]
    if not due:
        return ground
    take_turns(property_id, client_id)
    for found in lock(Appointment, due):
        expire_if_due(found)
    return look(actor, property_id, client_id, asked, duration)


def _check_slot(ground: Ground, client_id: int, starts_at: datetime, duration: timedelta) -> None:
    if slots.is_on_offer(ground.schedule, starts_at, duration):
        return
    wished = ground.agent_id, client_id, starts_at, duration
    raise SlotUnavailable(_suggest(*wished) if ground.is_bookable else [])


def _check_subject(ground: Ground, client_id: int) -> None:
    if ground.is_under_offer:
        raise UnderOffer
    if not ground.is_bookable or not ground.is_agent_active or ground.agent_id == client_id:
        raise PropertyUnavailable


def _check_free(ground: Ground, client_id: int, starts_at: datetime, duration: timedelta) -> None:
    own = [rival for rival in ground.rivals if rival.is_clients]
    if any(rival.is_agents and rival.overlaps for rival in ground.rivals):
        raise SlotTaken(_suggest(ground.agent_id, client_id, starts_at, duration))
    if any(rival.overlaps for rival in own):
        raise ClientBusy
    if len(own) >= current_app.config["OPEN_VIEWINGS"]:
        raise TooManyOpenAppointments
    if any(rival.is_there for rival in own):
        raise AlreadyBooked


def _suggest(agent_id: int, client_id: int, after: datetime, duration: timedelta) -> list[slots.Slot]:
    return slots.next_free(agent_id, duration=duration, after=after, client_id=client_id)


def _claim(
    actor: Actor,
    ground: Ground,
    client_id: int,
    starts_at: datetime,
    duration: timedelta,
    *,
    note: str | None,
    replaces: Appointment | None = None,
) -> Booking:
    now, settings = clock.now(), current_app.config
    found = Booking(
        id=ground.next_id,
        property_id=ground.property_id,
        agent_id=ground.agent_id,
        client_id=client_id,
        starts_at=starts_at,
        ends_at=starts_at + duration,
        expires_at=min(now + settings["ANSWER_WITHIN"], starts_at - settings["ANSWER_BEFORE"]),
        note=note,
        replaces_id=replaces.id if replaces else None,
        created_at=now,
        updated_at=now,
    )
    details: dict[str, Any] = {"replaces_id": replaces.id} if replaces else {}
    with together():
        claim(found, settings["OPEN_VIEWINGS"])
        APPOINTMENT.begin(actor, found, move="book", **details)
        emit(AppointmentBooked(found, actor, scene=ground.scene, answers=ground.answers))
    return found
