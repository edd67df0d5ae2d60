"""What a booking stands on, each one statement: the turns it takes, all that its rules ask, and the row it writes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sheda.appointments import slots
from sheda.appointments.events import Scene
from sheda.appointments.models import LIVE, Appointment
from sheda.core import clock
from sheda.core.access import visible_sql
from sheda.core.actor import Actor, Role
from sheda.core.db import known, lock_key, write
from sheda.core.errors import NotFound
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
    """A locked property with its agent's hours, and the viewings that may stand in the way of one more."""

    property_id: int
    agent_id: int
    is_bookable: bool
    is_under_offer: bool
    is_agent_active: bool
    scene: Scene
    schedule: slots.Schedule
    rivals: tuple[Rival, ...]


def take_turns(property_id: int, client_id: int) -> None:
    """Let bookings of one agent and of one client come one after the other; nothing is locked without the property."""
    write(_TURNS, property=property_id, client=client_id, agents=lock_key("agent"), clients=lock_key("client"))


def look(actor: Actor, property_id: int, client_id: int, starts_at: datetime, duration: timedelta) -> Ground:
    """Lock a property that is there for the actor, and read what the rules ask; NotFound when it is not there.

    The turns must have been taken: what is read here does not change until the transaction ends.
    """
    now, days = clock.now(), starts_at.astimezone(UTC).date()
    rows = write(
        _look(actor.role), viewer=actor.id, property=property_id, client=client_id, now=now, starts=starts_at,
        ends=starts_at + duration, since=days - _DAY, until=days + _DAY, longest=slots.LONGEST,
    )  # fmt: skip
    if not rows:
        raise NotFound
    agent_id, listing_state, status, is_held, is_active, title, reference, location, *rest = rows[0]
    agent, client, (zone, hours, exceptions, rivals) = rest[:3], rest[3:6], rest[6:]
    week = slots.schedule(zone, hours, exceptions)
    return Ground(
        property_id=property_id,
        agent_id=agent_id,
        is_bookable=is_on_offer(listing_state, status, is_held=is_held),
        is_under_offer=is_held,
        is_agent_active=is_active,
        scene=Scene(title, reference, location, week.zone, tuple(agent), tuple(client)),
        schedule=week,
        rivals=tuple(Rival(*one) for one in rivals or ()),
    )


def claim(**columns: Any) -> Appointment:
    """Write a viewing and return it; the refusal of whatever constraint it breaks."""
    ((row_id,),) = write(_CLAIM, **columns)
    return known(Appointment, id=row_id, **columns)


_TURNS = """SELECT pg_advisory_xact_lock(:agents, agent_id), pg_advisory_xact_lock(:clients, :client)
 FROM properties WHERE id = :property"""

_RIVALS = f"""(SELECT json_agg(json_build_array(r.id, r.agent_id = properties.agent_id, r.client_id = :client,
  r.property_id = :property, r.starts_at < :ends AND r.ends_at > :starts,
  r.status = 'pending' AND coalesce(r.expires_at <= :now, false)))
 FROM (SELECT * FROM appointments WHERE client_id = :client AND {LIVE}
  UNION ALL SELECT * FROM appointments WHERE agent_id = properties.agent_id AND client_id <> :client AND {LIVE}
   AND starts_at > :starts - CAST(:longest AS interval) AND starts_at < :ends AND ends_at > :starts) r)"""

_LOOK = f"""SELECT properties.agent_id, listing_state, status, held_by_payment_id IS NOT NULL, u.active,
 title, reference, location, u.first_name, u.last_name, u.username, c.first_name, c.last_name, c.username,
 a.time_zone, {slots.hours_sql("properties.agent_id")}, {_RIVALS}
 FROM properties JOIN ab_user u ON u.id = agent_id JOIN profiles a ON a.user_id = u.id JOIN ab_user c ON c.id = :client
 WHERE properties.id = :property AND {{rule}} FOR NO KEY UPDATE OF properties"""

_CLAIM = """INSERT INTO appointments (property_id, agent_id, client_id, starts_at, ends_at, status, expires_at, note,
  replaces_id, created_at, updated_at)
 VALUES (:property_id, :agent_id, :client_id, :starts_at, :ends_at, :status, :expires_at, :note,
  :replaces_id, :created_at, :updated_at) RETURNING id"""


@cache
def _look(role: Role) -> str:
    return _LOOK.format(rule=visible_sql(role, Property))
