"""Viewings, hours and free times over HTTP."""

from datetime import date, timedelta
from typing import Any

from sheda.appointments import calendars, hours, schemas, services, slots
from sheda.appointments.ground import Booking
from sheda.appointments.models import Appointment, AvailabilityException, AvailabilityHours
from sheda.appointments.states import APPOINTMENT
from sheda.core import clock
from sheda.core.access import RowScopedInterface, get_visible, select_visible
from sheda.core.actor import Actor
from sheda.core.api import Answer, RoomApi, ServiceApi, endpoint
from sheda.core.paging import Key, Page, PageQuery, moment, page_of
from sheda.properties.models import Property

SORT_KEYS = {
    "newest": (Key(Appointment.id, "id"),),
    "scheduled_at": (
        Key(Appointment.starts_at, "starts_at", descending=False, parse=moment),
        Key(Appointment.id, "id", descending=False),
    ),
    "-scheduled_at": (Key(Appointment.starts_at, "starts_at", parse=moment), Key(Appointment.id, "id")),
}


class AppointmentApi(RoomApi):
    """Viewings."""

    resource_name = "appointments"
    datamodel = RowScopedInterface(Appointment)
    class_permission_name = "Appointment"
    machine = APPOINTMENT
    list_columns = [
        "id", "property_id", "agent_id", "client_id", "starts_at", "ends_at", "status", "expires_at", "note",
        "replaces_id", "created_at",
    ]  # fmt: skip
    search_columns = ["id", "property_id", "agent_id", "client_id", "starts_at", "ends_at", "status", "created_at"]
    order_columns = ["id", "starts_at", "created_at"]

    def lock_subject(self, _model: type[Any], row_id: int) -> None:
        """Lock a viewing behind its property."""
        services.hold(row_id)

    def representation(self, actor: Actor, *ids: int) -> Appointment:
        """Return the viewing as GET does."""
        return get_visible(actor, Appointment, ids[0])

    @endpoint(
        "POST", "/", may="create", body=schemas.BookBody, answer=schemas.AppointmentAnswer, status=201, idempotent=True,
        named=(("property_id", lambda actor, row_id: get_visible(actor, Property, row_id)),),
    )  # fmt: skip
    def book(self, actor: Actor, *, body: dict[str, Any]) -> Answer:
        """Ask for a viewing. The agent has until expires_at to answer; until then the time is held."""
        return _made(services.book(actor, body.pop("property_id"), **body))

    @endpoint("GET", "/", may="list", lists=True, query=schemas.AppointmentsQuery, answer=schemas.AppointmentAnswer)
    def list_own(self, actor: Actor, *, query: dict[str, Any]) -> Page:
        """List one's own viewings; staff see all."""
        statement = select_visible(actor, Appointment)
        if query["status"]:
            statement = statement.where(Appointment.status.in_(query["status"]))
        if query["property_id"]:
            statement = statement.where(Appointment.property_id == query["property_id"])
        return page_of(statement, SORT_KEYS[query["sort"]], **query)

    @endpoint("GET", "/<pk>", may="read", subject=Appointment, answer=schemas.AppointmentAnswer, etag=True)
    def read(self, actor: Actor, pk: int) -> Appointment:
        """Show one viewing."""
        return get_visible(actor, Appointment, pk)

    @endpoint(
        "PATCH", "/<pk>/confirm", may="confirm", subject=Appointment, move="confirm", body=schemas.DecideBody,
        answer=schemas.AppointmentAnswer, etag=True,
    )  # fmt: skip
    def confirm(self, actor: Actor, pk: int, *, body: dict[str, Any]) -> Appointment:
        """Accept a request, or decline it with a reason. Repeating the same decision changes nothing."""
        decide = services.reject if body["decision"] == "reject" else services.confirm
        return decide(actor, pk, reason=body["reason"])

    @endpoint(
        "PATCH", "/<pk>/reject", may="reject", subject=Appointment, move="reject", body=schemas.ReasonBody,
        answer=schemas.AppointmentAnswer, etag=True,
    )  # fmt: skip
    def reject(self, actor: Actor, pk: int, *, body: dict[str, Any]) -> Appointment:
        """Decline a request. The client reads the reason."""
        return services.reject(actor, pk, reason=body["reason"])

    @endpoint(
        "PATCH", "/<pk>/complete", may="complete", subject=Appointment, move="complete", body=schemas.ReasonBody,
        answer=schemas.AppointmentAnswer, etag=True,
    )  # fmt: skip
    def complete(self, actor: Actor, pk: int, *, body: dict[str, Any]) -> Appointment:
        """Say that the viewing took place. The client can pay from then on."""
        return services.complete(actor, pk, reason=body["reason"])

    @endpoint(
        "PATCH", "/<pk>/no-show", may="no_show", subject=Appointment, move="no_show", body=schemas.ReasonBody,
        answer=schemas.AppointmentAnswer, etag=True,
    )  # fmt: skip
    def no_show(self, actor: Actor, pk: int, *, body: dict[str, Any]) -> Appointment:
        """Say that the client did not come, from 15 minutes after the start."""
        return services.no_show(actor, pk, reason=body["reason"])

    @endpoint(
        "PATCH", "/<pk>/reschedule", may="reschedule", subject=Appointment, move="reschedule",
        body=schemas.RescheduleBody, answer=schemas.AppointmentAnswer, status=201, idempotent=True, etag=True,
    )  # fmt: skip
    def reschedule(self, actor: Actor, pk: int, *, body: dict[str, Any]) -> Answer:
        """Give the time up and ask for another in one step. The answer is the new viewing."""
        return _made(services.reschedule(actor, pk, **body))

    @endpoint(
        "DELETE", "/<pk>", may="cancel", subject=Appointment, move="cancel", body=schemas.ReasonBody,
        query=schemas.ReasonBody, answer=schemas.AppointmentAnswer, etag=True,
    )  # fmt: skip
    def cancel(self, actor: Actor, pk: int, *, body: dict[str, Any], query: dict[str, Any]) -> Appointment:
        """Call the viewing off. Its time is free again at once."""
        return services.cancel(actor, pk, reason=body["reason"] or query["reason"])


def _made(found: Booking) -> Answer:
    return Answer(found, headers={"Location": f"/api/v1/appointments/{found.id}"})


class AgentSlotsApi(ServiceApi):
    """Free times of an agent."""

    resource_name = "agents"
    class_permission_name = "Availability"

    @endpoint("GET", "/<pk>/slots", may="slots", query=schemas.SlotsQuery, answer=schemas.SlotsAnswer, flat=True)
    def slots(self, _actor: Actor, pk: int, *, query: dict[str, Any]) -> dict[str, Any]:
        """Show when an agent can be booked, on a grid of 15 minutes. A week from today when no days are named."""
        slots.check_agent(pk)
        duration = timedelta(minutes=query["duration_minutes"])
        found, time_zone = slots.free_slots(pk, query["first"], query["beyond"], duration)
        return {"result": found, "time_zone": time_zone}


class AvailabilityApi(RoomApi):
    """An agent's week."""

    resource_name = "availability"
    datamodel = RowScopedInterface(AvailabilityHours)
    class_permission_name = "Availability"
    list_columns = ["id", "weekday", "start_time", "end_time"]
    search_columns = ["id", "weekday"]
    order_columns = ["id", "weekday", "start_time"]

    def representation(self, actor: Actor, *ids: int) -> AvailabilityHours:
        """Return the stretch as changing it answers."""
        return get_visible(actor, AvailabilityHours, ids[0])

    @endpoint("GET", "/", may="list", lists=True, query=PageQuery, answer=schemas.HoursAnswer)
    def list_hours(self, actor: Actor, *, query: dict[str, Any]) -> Page:
        """List one's weekly hours. Without any, viewings are taken from 08:00 to 18:00 every day."""
        keys = (
            Key(AvailabilityHours.weekday, "weekday", descending=False),
            Key(AvailabilityHours.id, "id", descending=False),
        )
        return page_of(select_visible(actor, AvailabilityHours), keys, **query)

    @endpoint(
        "POST", "/", may="create", body=schemas.HoursBody, answer=schemas.HoursAnswer, status=201, idempotent=True
    )
    def add_hours(self, actor: Actor, *, body: dict[str, Any]) -> AvailabilityHours:
        """Add a stretch to one's week, in one's own time zone. Monday is 0."""
        return hours.add_hours(actor, **body)

    @endpoint(
        "PATCH", "/<pk>", may="update", subject=AvailabilityHours, body=schemas.HoursChanges,
        answer=schemas.HoursAnswer, etag=True,
    )  # fmt: skip
    def change_hours(self, actor: Actor, pk: int, *, body: dict[str, Any]) -> AvailabilityHours:
        """Change a stretch of one's week."""
        return hours.change_hours(actor, pk, **body)

    @endpoint(
        "DELETE", "/<pk>", may="delete", subject=AvailabilityHours, answer=schemas.HoursAnswer, status=204, etag=True
    )
    def remove_hours(self, actor: Actor, pk: int) -> None:
        """Take a stretch out of one's week."""
        hours.remove_hours(actor, pk)


class AvailabilityExceptionApi(RoomApi):
    """Days that differ from an agent's week."""

    resource_name = "availability_exceptions"
    route_base = "/api/v1/availability/exceptions"
    datamodel = RowScopedInterface(AvailabilityException)
    class_permission_name = "Availability"
    list_columns = ["id", "date", "is_available", "start_time", "end_time"]
    search_columns = ["id", "date", "is_available"]
    order_columns = ["id", "date"]

    def representation(self, actor: Actor, *ids: int) -> AvailabilityException:
        """Return the day as changing it answers."""
        return get_visible(actor, AvailabilityException, ids[0])

    @endpoint("GET", "/", may="list", lists=True, query=PageQuery, answer=schemas.ExceptionAnswer)
    def list_exceptions(self, actor: Actor, *, query: dict[str, Any]) -> Page:
        """List the days that differ from one's week."""
        model = AvailabilityException
        keys = (
            Key(model.date, "date", descending=False, parse=date.fromisoformat),
            Key(model.id, "id", descending=False),
        )
        return page_of(select_visible(actor, model), keys, **query)

    @endpoint(
        "POST", "/", may="create", body=schemas.ExceptionBody, answer=schemas.ExceptionAnswer, status=201,
        idempotent=True,
    )  # fmt: skip
    def add_exception(self, actor: Actor, *, body: dict[str, Any]) -> AvailabilityException:
        """Block a day or a part of it, or open a part of it beside the week's hours."""
        return hours.add_exception(actor, day=body.pop("date"), **body)

    @endpoint(
        "PATCH", "/<pk>", may="update", subject=AvailabilityException, body=schemas.ExceptionChanges,
        answer=schemas.ExceptionAnswer, etag=True,
    )  # fmt: skip
    def change_exception(self, actor: Actor, pk: int, *, body: dict[str, Any]) -> AvailabilityException:
        """Change a day that differs."""
        return hours.change_exception(actor, pk, **body)

    @endpoint(
        "DELETE", "/<pk>", may="delete", subject=AvailabilityException, answer=schemas.ExceptionAnswer, status=204,
        etag=True,
    )  # fmt: skip
    def remove_exception(self, actor: Actor, pk: int) -> None:
        """Let a day be like every other."""
        hours.remove_exception(actor, pk)


class CalendarFeedApi(ServiceApi):
    """The private address of an agent's own calendar."""

    resource_name = "users/me/calendar"
    class_permission_name = "CalendarFeed"

    @endpoint("GET", "/", may="read", answer=schemas.FeedAnswer)
    def show_feed(self, actor: Actor) -> dict[str, Any]:
        """Read whether one's calendar has a private address. The address itself is kept nowhere."""
        feed = calendars.find_feed(actor)
        return {"id": actor.id, "is_shared": feed is not None, "created_at": feed.created_at if feed else None}

    @endpoint("POST", "/", may="create", answer=schemas.NewFeedAnswer, status=201)
    def share_feed(self, actor: Actor) -> dict[str, Any]:
        """Make the private address at which Google, Apple and Outlook can subscribe to one's viewings.

        It is shown this once. An address made before is dead from now on.
        """
        return {"id": actor.id, "is_shared": True, "created_at": clock.now(), "url": calendars.share_feed(actor)}

    @endpoint("DELETE", "/", may="delete", status=204)
    def revoke_feed(self, actor: Actor) -> None:
        """Let the private address of one's calendar answer nobody any more."""
        calendars.revoke_feed(actor)


class CalendarApi(ServiceApi):
    """Calendars behind their private addresses."""

    resource_name = "calendar"
    class_permission_name = "CalendarFeed"

    @endpoint("GET", "/<token>.ics", may="subscribe", tokenless=True, words=True, etag=True, produces="text/calendar")
    def subscribe(self, _actor: Actor, token: str) -> Answer:
        """Read an agent's viewings as iCalendar. The private address is the key; a dead one is 404."""
        headers = {"Content-Disposition": 'inline; filename="sheda.ics"'}
        return Answer(calendars.read_feed(token), headers=headers, content_type="text/calendar; charset=utf-8")
