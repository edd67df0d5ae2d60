"""Viewings and working hours in the admin UI."""

from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, and_, false, func, or_, select
from sqlalchemy.orm import joinedload
from wtforms import validators

from sheda.appointments import hours, services
from sheda.appointments.models import Appointment, AvailabilityException, AvailabilityHours
from sheda.appointments.states import APPOINTMENT
from sheda.core import clock, widgets
from sheda.core.access import select_visible, visible_to
from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.core.forms import LocalDateTimeField, time_field
from sheda.core.generated import RoomView
from sheda.core.lists import Empty, RoomInterface
from sheda.core.states import Move
from sheda.core.views import counts, deal_href, view_of, waits
from sheda.core.widgets import Card, Link, Section

SHOWN_AT_HOME = 10
TIMES_OFFERED, DAYS_OFFERED = 120, 3
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

WORDS = {
    "pending": "To confirm",
    "confirmed": "Confirmed",
    "completed": "Viewed",
    "no_show": "No-show",
    "rejected": "Declined",
    "canceled": "Cancelled",
    "expired": "Lapsed",
}


class AppointmentView(RoomView):
    """Viewings: requests to confirm, what is set, and what has been."""

    datamodel = RoomInterface(Appointment)
    class_permission_name = "Appointment"
    route_base = "/admin/appointments"
    nouns = ("viewing", "viewings")
    icon = "calendar"
    machine = APPOINTMENT
    words = WORDS
    moves = {
        "confirm": services.confirm,
        "reject": services.reject,
        "complete": services.complete,
        "no_show": services.no_show,
        "reschedule": services.reschedule,
        "cancel": services.cancel,
    }
    move_fields = {
        "reschedule": {
            "requested_time": LocalDateTimeField("Another time", [validators.InputRequired("Choose a time.")]),
        },
    }
    done = {
        "confirm": "Confirmed. Both sides have been told.",
        "reject": "Declined. The client has your reason and your next free times.",
        "complete": "Viewed. “Make payment” is open to the client.",
        "no_show": "Closed: the client did not come.",
        "reschedule": "Moved. The other side has been told.",
        "cancel": "Cancelled. The other side has been told.",
    }
    list_columns = ["client", "property", "starts_at", "status", "expires_at"]
    bulk = ("confirm", "reject", "complete")
    more_columns = ("phone",)
    show_columns = ["client", "phone", "property", "starts_at", "ends_at", "status", "note", "created_at"]
    order_columns = ["starts_at", "expires_at"]
    base_order = ("starts_at", "desc")
    search_columns = ["status", "starts_at"]
    choices = {"status": tuple(WORDS.items())}
    label_columns = {
        "starts_at": "When",
        "ends_at": "Until",
        "status": "State",
        "expires_at": "Answer by",
        "created_at": "Asked",
    }
    looks = {"expires_at": "s-p3", "property": "is-long"}
    list_options = (joinedload(Appointment.client), joinedload(Appointment.subject))
    list_buttons = 3
    empty = Empty(
        "No viewing yet", "When a client asks to see one of your homes, the request appears here and on Home."
    )
    tabs = {
        "pending": ("To confirm", lambda _actor: Appointment.status == "pending"),
        "coming": ("Coming", lambda _actor: (Appointment.status == "confirmed") & (Appointment.ends_at > clock.now())),
        "past": (
            "To close",
            lambda _actor: (Appointment.status == "confirmed") & (Appointment.starts_at <= clock.now()),
        ),
        "all": ("All", lambda _actor: None),
    }
    cells = {
        "client": lambda row: row.client.get_full_name(),
        "phone": lambda row: widgets.phone(row.client.phone),
        "property": lambda row: row.subject.title,
        "expires_at": lambda row: widgets.countdown(row.expires_at) if row.status == "pending" else None,
    }

    def links(self, _actor: Actor, row: Appointment) -> list[Link]:
        """Lead to the deal."""
        return [Link("Whole deal", deal_href(row), "deal")]

    def title_of(self, row: Appointment) -> str:
        """Name a viewing by its client and home."""
        return f"{row.client.get_full_name()}, {row.subject.title}"

    def times(self, row: Appointment, name: str) -> list[tuple[str, list[tuple[str, str]]]]:
        """Offer the free times of three days when a viewing is moved."""
        if name != "reschedule":
            return []
        days: dict[str, list[tuple[str, str]]] = {}
        beyond = clock.now()
        for slot in services.times_for(row, TIMES_OFFERED):
            # The grid is finer than a viewing is long: whoever wants a time between these names it.
            if slot.starts_at >= beyond:
                local, beyond = slot.starts_at.astimezone(clock.here()), slot.ends_at
                times = days.setdefault(widgets.day_words(local.date()), [])
                times.append((f"{local:%Y-%m-%dT%H:%M}", f"{local:%H:%M}"))
        return list(days.items())[:DAYS_OFFERED]

    def possible(self, actor: Actor, row: Appointment) -> list[Move]:
        """Offer another time beside the machine's own buttons; what the clock does not allow yet is left out."""
        now = clock.now()
        found = [move for move in super().possible(actor, row) if _fits(move.name, row, now)]
        again = APPOINTMENT.moves["reschedule"]
        is_open = row.status in again.source and not row.has_begun(now)
        if is_open and APPOINTMENT.is_permitted(actor, row, again.name):
            found.insert(1, again)
        return found


def _fits(name: str, row: Appointment, now: datetime) -> bool:
    if name in {"confirm", "cancel"}:
        return not row.has_begun(now)
    return name != "no_show" or row.has_begun(now)


class HoursView(RoomView):
    """The weekly hours in which an agent takes viewings."""

    datamodel = RoomInterface(AvailabilityHours)
    class_permission_name = "Availability"
    route_base = "/admin/hours"
    method_permission_name = {**RoomView.method_permission_name, "show": "list"}
    nouns = ("hours", "weekly hours")
    icon = "clock"
    list_columns = ["weekday", "start_time", "end_time"]
    show_columns = add_columns = edit_columns = list_columns
    base_order = ("weekday", "asc")
    choices = {"weekday": tuple((str(number), name) for number, name in enumerate(WEEKDAYS))}
    label_columns = {"weekday": "Day", "start_time": "From", "end_time": "Until"}
    add_form_extra_fields = {"start_time": time_field("From"), "end_time": time_field("Until")}
    edit_form_extra_fields = add_form_extra_fields
    cells = {
        "weekday": lambda row: WEEKDAYS[row.weekday],
        "start_time": lambda row: f"{row.start_time:%H:%M}",
        "end_time": lambda row: f"{row.end_time:%H:%M}",
    }
    empty = Empty(
        "No hours set",
        "Until you set some, clients can book 08:00 to 18:00 every day.",
        "/admin/hours/add",
        "Set hours",
    )

    def title_of(self, row: AvailabilityHours) -> str:
        """Name hours as people say them."""
        return f"{WEEKDAYS[row.weekday]} {row.start_time:%H:%M} to {row.end_time:%H:%M}"

    def create(self, actor: Actor, values: dict[str, Any]) -> AvailabilityHours:
        """Add a stretch to the week."""
        return hours.add_hours(actor, **values)

    def update(self, actor: Actor, row: AvailabilityHours, values: dict[str, Any]) -> AvailabilityHours:
        """Change a stretch of the week."""
        return hours.change_hours(actor, row.id, **values)

    def remove(self, actor: Actor, row: AvailabilityHours) -> None:
        """Take a stretch out of the week."""
        hours.remove_hours(actor, row.id)


class ExceptionView(RoomView):
    """The days on which an agent's week is different."""

    datamodel = RoomInterface(AvailabilityException)
    class_permission_name = "Availability"
    route_base = "/admin/days-off"
    method_permission_name = {**RoomView.method_permission_name, "show": "list"}
    nouns = ("different day", "different days")
    list_title = "Days off"
    icon = "calendar"
    list_columns = ["date", "is_available", "start_time", "end_time"]
    show_columns = add_columns = edit_columns = list_columns
    order_columns = ["date"]
    base_order = ("date", "desc")
    label_columns = {"is_available": "Takes viewings", "start_time": "From", "end_time": "Until"}
    description_columns = {"is_available": "Leave empty to block the day, or the hours below."}
    add_form_extra_fields = {
        "start_time": time_field("From", "Leave both empty for the whole day.", needed=False),
        "end_time": time_field("Until", needed=False),
    }
    edit_form_extra_fields = add_form_extra_fields
    cells = {
        "is_available": lambda row: widgets.badge(
            "open" if row.is_available else "blocked", tone="good" if row.is_available else "off"
        ),
        "start_time": lambda row: f"{row.start_time:%H:%M}" if row.start_time else "All day",
        "end_time": lambda row: f"{row.end_time:%H:%M}" if row.end_time else None,
    }
    empty = Empty(
        "No day is different",
        "Block a holiday, or open a Saturday: clients see it at once.",
        "/admin/days-off/add",
        "Add a day",
    )

    def title_of(self, row: AvailabilityException) -> str:
        """Name the day."""
        return widgets.day_words(row.date)

    def create(self, actor: Actor, values: dict[str, Any]) -> AvailabilityException:
        """Block or open a day."""
        return hours.add_exception(actor, day=values.pop("date"), **values)

    def update(self, actor: Actor, row: AvailabilityException, values: dict[str, Any]) -> AvailabilityException:
        """Change a day that differs."""
        return hours.change_exception(actor, row.id, **values)

    def remove(self, actor: Actor, row: AvailabilityException) -> None:
        """Let the day be like every other."""
        hours.remove_exception(actor, row.id)


@counts("AppointmentView")
def unanswered(actor: Actor) -> ScalarSelect[int]:
    """Count the requests that wait for an agent's word; the office has its own list of them."""
    mine = false() if actor.is_office else visible_to(actor, Appointment)
    return select(func.count()).where(mine, Appointment.status == "pending").scalar_subquery()


@waits
def viewings_that_wait(actor: Actor) -> list[Section]:
    """Show an agent the requests that wait for an answer, the soonest to lapse first, and what is over and unclosed."""
    if actor.is_office:
        return []
    now = clock.now()
    asks = and_(Appointment.status == "pending", Appointment.expires_at > now)
    is_over = and_(Appointment.status == "confirmed", Appointment.ends_at <= now)
    rows = db.session.scalars(
        select_visible(actor, Appointment)
        .where(or_(asks, is_over))
        .options(joinedload(Appointment.client), joinedload(Appointment.subject))
        .order_by(is_over, Appointment.expires_at, Appointment.ends_at)
        .limit(2 * SHOWN_AT_HOME)
    ).all()
    view = view_of(AppointmentView)
    requests = [_request(actor, view, row) for row in rows if row.status == "pending"]
    over = [_over(actor, view, row) for row in rows if row.status == "confirmed"]
    return [
        Section("Requests to confirm", requests, view.list_href("pending"), rank=10),
        Section("Viewings to close", over, view.list_href("past"), rank=30),
    ]


def _request(actor: Actor, view: AppointmentView, row: Appointment) -> Card:
    return Card(
        "request",
        f"{row.client.get_full_name()} asks to view {row.subject.title}",
        deal_href(row),
        widgets.joined(widgets.moment(row.starts_at), widgets.length_words(row.ends_at - row.starts_at)),
        row.expires_at,
        widgets.countdown(row.expires_at),
        row.note or "",
        tuple(view.buttons(actor, row)),
    )


def _over(actor: Actor, view: AppointmentView, row: Appointment) -> Card:
    return Card(
        "request",
        f"Did {row.client.get_full_name()} come to see {row.subject.title}?",
        deal_href(row),
        widgets.moment(row.starts_at),
        buttons=tuple(view.buttons(actor, row)),
    )
