"""What a booking stands on: the turns it takes, all that its rules ask, and the row it writes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import ClassVar

from sheda.appointments import slots
from sheda.appointments.events import AppointmentBooked, Scene
from sheda.appointments.models import LIVE, Appointment
from sheda.core import clock
from sheda.core.access import visible_sql
from sheda.core.actor import Actor, Role
from sheda.core.clauses import Clause, put
from sheda.core.db import read, write
from sheda.core.errors import NotFound
from sheda.core.events import Answers, questions_of
from sheda.properties.models import Property
from sheda.properties.services import is_on_offer

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rival:
    """An open viewing that may stand in the way of another: of the same agent at the time, or of the same client."""

    id: int
    is_agents: bool
    is_clients: bool
    is_there: bool
    overlaps: bool
    is_due: bool


@dataclass(frozen=True, slots=True)
class Ground:
    """A property with its agent's hours, the viewings that may stand in the way of one more, and the id of that one."""

    next_id: int
    property_id: int
    agent_id: int
    is_bookable: bool
    is_under_offer: bool
    is_agent_active: bool
    scene: Scene
    schedule: slots.Schedule
    rivals: tuple[Rival, ...]
    answers: Answers


@dataclass(frozen=True, slots=True)
class Booking:
    """A viewing as it is written when it is asked for."""

    __tablename__: ClassVar[str] = Appointment.__tablename__

    id: int
    property_id: int
    agent_id: int
    client_id: int
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime
    note: str | None
    replaces_id: int | None
    created_at: datetime
    updated_at: datetime
    status: str = "pending"


def take_turns(property_id: int, client_id: int) -> None:
    """Let bookings of one agent and of one client come one after the other, and lock the property behind them.

    Of what is read from here on, nothing that a booking must be refused for comes to be until the transaction ends.
    """
    write("SELECT take_turns(:property, :client)", property=property_id, client=client_id)


def look(actor: Actor, property_id: int, client_id: int, starts_at: datetime, duration: timedelta) -> Ground:
    """Read what the rules ask of a property that is there for the actor; NotFound when it is not there.

    Without the turns it may be otherwise a moment later; `claim` finds that out.
    """
    now, days = clock.now(), starts_at.astimezone(UTC).date()
    questions = questions_of(AppointmentBooked)
    rows = read(
        _look(actor.role, questions), viewer=actor.id, property=property_id, client=client_id, now=now,
        starts=starts_at, ends=starts_at + duration, since=days - _DAY, until=days + _DAY, longest=slots.LONGEST,
    )  # fmt: skip
    if not rows:
        raise NotFound
    next_id, agent_id, listing_state, status, is_held, is_active, title, reference, location, *rest = rows[0]
    agent, client, (zone, hours, exceptions, rivals), answers = rest[:3], rest[3:6], rest[6:10], rest[10:]
    week = slots.schedule(zone, hours, exceptions)
    return Ground(
        next_id=next_id,
        property_id=property_id,
        agent_id=agent_id,
        is_bookable=is_on_offer(listing_state, status, is_held=is_held),
        is_under_offer=is_held,
        is_agent_active=is_active,
        scene=Scene(title, reference, location, week.zone, tuple(agent), tuple(client)),
        schedule=week,
        rivals=tuple(Rival(*one) for one in rivals or ()),
        answers=dict(zip(questions, answers, strict=True)),
    )


def claim(wished: Booking, most_open: int) -> None:
    """Write a viewing, at most as many open ones of its client; the refusal of whatever constraint it breaks.

    The turns are taken first. Then the property must be on offer still, and the client below `most_open`: what `look`
    has read may be out of date, and the constraints hold the rest.
    """
    put(
        _CLAIM, id=wished.id, property_id=wished.property_id, agent_id=wished.agent_id, client_id=wished.client_id,
        starts_at=wished.starts_at, ends_at=wished.ends_at, status=wished.status, expires_at=wished.expires_at,
        note=wished.note, replaces_id=wished.replaces_id, now=wished.created_at, most_open=most_open,
    )  # fmt: skip


_RIVALS = f"""(SELECT json_agg(json_build_array(r.id, r.agent_id = properties.agent_id, r.client_id = :client,
  r.property_id = :property, r.starts_at < :ends AND r.ends_at > :starts,
  r.status = 'pending' AND coalesce(r.expires_at <= :now, false)))
 FROM (SELECT * FROM appointments WHERE client_id = :client AND {LIVE}
  UNION ALL SELECT * FROM appointments WHERE agent_id = properties.agent_id AND client_id <> :client AND {LIVE}
   AND starts_at > :starts - CAST(:longest AS interval) AND starts_at < :ends AND ends_at > :starts) r)"""

_LOOK = f"""SELECT nextval('appointments_id_seq'), properties.agent_id, listing_state, status,
 held_by_payment_id IS NOT NULL, u.active,
 title, reference, location, u.first_name, u.last_name, u.username, c.first_name, c.last_name, c.username,
 a.time_zone, {slots.hours_sql("properties.agent_id")}, {_RIVALS}{{answers}}
 FROM properties JOIN ab_user u ON u.id = agent_id JOIN profiles a ON a.user_id = u.id JOIN ab_user c ON c.id = :client
 WHERE properties.id = :property AND {{rule}}"""

_CLAIM = Clause(
    """INSERT INTO appointments (id, property_id, agent_id, client_id, starts_at, ends_at, status, expires_at, note,
  replaces_id, created_at, updated_at)
 SELECT :id, :property_id, :agent_id, :client_id, :starts_at, :ends_at, :status, :expires_at, :note,
  CAST(:replaces_id AS bigint), :now, :now FROM check_ground(:property_id, :agent_id, :client_id, :most_open)""",
    makes="appointments",
)


@cache
def _look(role: Role, questions: tuple[str, ...]) -> str:
    answers = "".join(f",\n {question.format(agent='properties.agent_id')}" for question in questions)
    return _LOOK.format(rule=visible_sql(role, Property), answers=answers)
