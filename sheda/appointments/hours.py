"""An agent's own week and the days that differ from it."""

from collections.abc import Sequence
from datetime import date, time
from typing import Any

from sqlalchemy import delete, select

from sheda.appointments.models import Appointment, AvailabilityException, AvailabilityHours
from sheda.core.access import get_visible, select_visible
from sheda.core.actor import Actor, Role
from sheda.core.db import advisory_lock, db, flush
from sheda.core.errors import Conflict, InvalidInput
from sheda.core.fields import wire_moment
from sheda.profiles.events import ExportAsked, ProfileShown, WeekGiven


class HoursOverlap(Conflict):
    """Refuse hours that overlap others of the same weekday."""

    code = "hours_overlap"
    detail = "These hours overlap others of the same day. Change those instead."


def add_hours(actor: Actor, *, weekday: int, start_time: time, end_time: time) -> AvailabilityHours:
    """Add a stretch to one's week, in one's own time zone; Monday is 0. Raises InvalidInput, HoursOverlap."""
    found = AvailabilityHours(agent_id=actor.user_id, weekday=weekday, start_time=start_time, end_time=end_time)
    _check_hours(actor, found)
    db.session.add(found)
    flush()
    return found


def change_hours(actor: Actor, hours_id: int, **changes: Any) -> AvailabilityHours:
    """Change a stretch of one's week; viewings that are set stay. Raises NotFound, InvalidInput, HoursOverlap."""
    found = get_visible(actor, AvailabilityHours, hours_id)
    with db.session.no_autoflush:
        _change(found, changes)
        _check_hours(actor, found)
    flush()
    return found


def remove_hours(actor: Actor, hours_id: int) -> None:
    """Take a stretch out of one's week; viewings that are set stay. Raises NotFound."""
    db.session.delete(get_visible(actor, AvailabilityHours, hours_id))


def add_exception(
    actor: Actor, *, day: date, is_available: bool, start_time: time | None = None, end_time: time | None = None
) -> AvailabilityException:
    """Block a day or a part of it, or open a part of it beside the week's hours. Raises InvalidInput."""
    found = AvailabilityException(
        agent_id=actor.user_id, date=day, is_available=is_available, start_time=start_time, end_time=end_time
    )
    _check_exception(found)
    db.session.add(found)
    flush()
    return found


def change_exception(actor: Actor, exception_id: int, **changes: Any) -> AvailabilityException:
    """Change a day that differs; viewings that are set stay. Raises NotFound, InvalidInput."""
    found = get_visible(actor, AvailabilityException, exception_id)
    with db.session.no_autoflush:
        _change(found, changes)
        _check_exception(found)
    flush()
    return found


def remove_exception(actor: Actor, exception_id: int) -> None:
    """Let a day be like every other. Raises NotFound."""
    db.session.delete(get_visible(actor, AvailabilityException, exception_id))


def give_week(event: WeekGiven) -> None:
    """Put a whole week in place of the one before; InvalidInput on `hours` when a stretch ends early or overlaps."""
    faults = list(_faults(event.hours))
    if faults:
        raise InvalidInput(errors=faults)
    agent_id = event.actor.user_id
    advisory_lock(("agent", agent_id))
    db.session.execute(delete(AvailabilityHours).where(AvailabilityHours.agent_id == agent_id))
    db.session.add_all(AvailabilityHours(agent_id=agent_id, **one) for one in event.hours)
    flush()


def show_week(event: ProfileShown) -> None:
    """Add his weekly hours to what an agent reads of himself."""
    if event.actor.role is Role.AGENT:
        event.facts["hours"] = _week(event.actor)


def export(event: ExportAsked) -> None:
    """Add one's viewings, and an agent's hours, to what is handed out to oneself."""
    own = db.session.scalars(select_visible(event.actor, Appointment).order_by(Appointment.id))
    event.sections["appointments"] = [
        {
            "id": one.id,
            "property_id": one.property_id,
            "scheduled_at": wire_moment(one.starts_at),
            "ends_at": wire_moment(one.ends_at),
            "status": one.status,
            "note": one.note,
        }
        for one in own
        if event.actor.id in {one.client_id, one.agent_id}
    ]
    if event.actor.role is not Role.AGENT:
        return
    days = db.session.scalars(select_visible(event.actor, AvailabilityException).order_by(AvailabilityException.date))
    event.sections["availability"] = [
        {"weekday": one.weekday, "start_time": _text(one.start_time), "end_time": _text(one.end_time)}
        for one in _week(event.actor)
    ]
    event.sections["availability_exceptions"] = [
        {
            "date": one.date.isoformat(),
            "is_available": one.is_available,
            "start_time": _text(one.start_time),
            "end_time": _text(one.end_time),
        }
        for one in days
    ]


def _text(moment: time | None) -> str | None:
    return None if moment is None else f"{moment:%H:%M}"


def _week(actor: Actor) -> Sequence[AvailabilityHours]:
    in_order = (AvailabilityHours.weekday, AvailabilityHours.start_time)
    return db.session.scalars(select_visible(actor, AvailabilityHours).order_by(*in_order)).all()


def _faults(week: list[dict[str, Any]]) -> Any:
    for number, one in enumerate(week):
        if one["end_time"] <= one["start_time"]:
            yield {"field": f"hours.{number}.end_time", "message": "Name a time after the start."}
        for earlier in week[:number]:
            if (
                earlier["weekday"] == one["weekday"]
                and earlier["start_time"] < one["end_time"]
                and one["start_time"] < earlier["end_time"]
            ):
                yield {"field": f"hours.{number}", "message": "This overlaps other hours of the same day."}
                break


def _change(row: Any, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        setattr(row, name, value)


def _check_hours(actor: Actor, wished: AvailabilityHours) -> None:
    _check_order(wished.start_time, wished.end_time)
    # Two requests at once would not see each other's stretch.
    advisory_lock(("agent", actor.user_id))
    others = db.session.scalars(
        select(AvailabilityHours).where(
            AvailabilityHours.agent_id == actor.user_id,
            AvailabilityHours.weekday == wished.weekday,
            AvailabilityHours.start_time < wished.end_time,
            AvailabilityHours.end_time > wished.start_time,
        )
    )
    if any(one is not wished for one in others):
        raise HoursOverlap


def _check_exception(wished: AvailabilityException) -> None:
    if (wished.start_time is None) != (wished.end_time is None):
        missing = "start_time" if wished.start_time is None else "end_time"
        raise InvalidInput.on(missing, "Name both times, or neither for the whole day.")
    if wished.is_available and wished.start_time is None:
        raise InvalidInput.on("start_time", "Say from when to when you are available.")
    if wished.start_time is not None and wished.end_time is not None:
        _check_order(wished.start_time, wished.end_time)


def _check_order(start: time, end: time) -> None:
    if end <= start:
        raise InvalidInput.on("end_time", "Name a time after the start.")
