"""What an agent's days hold: viewings, the hours that clients can still book, and what is blocked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from sheda.accounts.models import User
from sheda.appointments import services as appointments
from sheda.appointments.models import Appointment, AvailabilityException
from sheda.core.access import select_visible, visible_to
from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.workplace.figures import ON_THE_DAY

_DAY = timedelta(days=1)
AGENTS_SHOWN = 100

Span = tuple[int, int]
"""From and until, in minutes of the day."""


@dataclass(frozen=True)
class Day:
    """One day in the agent's zone: its viewings, and from when to when clients can book."""

    date: date
    viewings: Sequence[Appointment]
    open: list[Span]
    blocks: Sequence[AvailabilityException]


@dataclass(frozen=True)
class Agenda:
    """Some days of one agent."""

    zone: ZoneInfo
    days: list[Day]

    @property
    def viewings(self) -> list[Appointment]:
        """Return the viewings of all days, in their order."""
        return [row for day in self.days for row in day.viewings]

    @property
    def blocks(self) -> list[AvailabilityException]:
        """Return what is blocked."""
        return [row for day in self.days for row in day.blocks]

    def span_of(self, row: Appointment) -> Span:
        """Return when a viewing is on, in minutes of its day."""
        start = row.starts_at.astimezone(self.zone)
        length = int((row.ends_at - row.starts_at).total_seconds() // 60)
        first = start.hour * 60 + start.minute
        return first, min(first + length, 24 * 60)


def agenda_of(actor: Actor, agent_id: int, first: date, beyond: date) -> Agenda:
    """Return an agent's days, `beyond` exclusive, in three statements; NotFound for somebody who is no agent."""
    schedule = appointments.hours_between(agent_id, first, beyond)
    zone = schedule.zone
    viewings = db.session.scalars(
        select_visible(actor, Appointment)
        .where(
            Appointment.agent_id == agent_id,
            Appointment.starts_at >= datetime.combine(first, time(), zone),
            Appointment.starts_at < datetime.combine(beyond, time(), zone),
            Appointment.status.in_(ON_THE_DAY),
        )
        .options(joinedload(Appointment.client), joinedload(Appointment.subject))
        .order_by(Appointment.starts_at, Appointment.id)
    ).all()
    blocks = db.session.scalars(
        select_visible(actor, AvailabilityException)
        .where(
            AvailabilityException.agent_id == agent_id,
            AvailabilityException.date >= first,
            AvailabilityException.date < beyond,
            AvailabilityException.is_available.is_(False),
        )
        .order_by(AvailabilityException.date, AvailabilityException.start_time)
    ).all()
    days = [first + number * _DAY for number in range((beyond - first).days)]
    return Agenda(
        zone,
        [
            Day(
                day,
                [row for row in viewings if row.starts_at.astimezone(zone).date() == day],
                [_span(start, end, day, zone) for start, end in schedule.open_on(day)],
                [row for row in blocks if row.date == day],
            )
            for day in days
        ],
    )


def _span(start: datetime, end: datetime, day: date, zone: ZoneInfo) -> Span:
    midnight = datetime.combine(day, time(), zone)

    def minutes(moment: datetime) -> int:
        # A day that ends a microsecond before midnight ends at midnight.
        return round((moment - midnight).total_seconds() / 60)

    return minutes(start), minutes(end)


def closed(spans: Sequence[Span], within: Span) -> list[Span]:
    """Return what some spans leave of a day's shown part."""
    left, at = [], within[0]
    for start, end in sorted(spans):
        if start > at:
            left.append((at, min(start, within[1])))
        at = max(at, end)
    return [*left, (at, within[1])] if at < within[1] else left


def busy_agents(actor: Actor, first: date, beyond: date, zone: ZoneInfo) -> Sequence[Any]:
    """Return whose viewings there are on some days, as (id, first name, last name, number), by name."""
    return db.session.execute(
        select(User.id, User.first_name, User.last_name, func.count().label("number"))
        .join(Appointment, Appointment.agent_id == User.id)
        .where(
            visible_to(actor, Appointment),
            Appointment.starts_at >= datetime.combine(first, time(), zone),
            Appointment.starts_at < datetime.combine(beyond, time(), zone),
            Appointment.status.in_(ON_THE_DAY),
        )
        .group_by(User.id)
        .order_by(User.first_name, User.last_name, User.id)
        .limit(AGENTS_SHOWN)
    ).all()
