"""An agent's free time, computed when it is asked for: the week with its exceptions, less what is taken, on a grid.

Hours are wall-clock times in the agent's own zone; everything that leaves here is in UTC.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, islice
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import ColumnElement, and_, select

from sheda.accounts.models import User
from sheda.appointments.models import OPEN_STATES, Appointment
from sheda.core import clock
from sheda.core.access import LARGEST_ID
from sheda.core.db import db, read_one
from sheda.core.errors import InvalidInput, NotFound
from sheda.core.fields import wire_moment
from sheda.profiles import services as profiles
from sheda.profiles.models import AgentProfile

LONGEST = timedelta(minutes=480)
"""No viewing lasts longer (api.md, `duration_minutes`), so nothing that began earlier than this can still be on."""

MOST_DAYS = 31
SHOWN_DAYS = 7
SUGGESTED = 3

_DAY = timedelta(days=1)

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True)
class Slot:
    """A time that can be booked; the end is exclusive."""

    starts_at: datetime
    ends_at: datetime

    def wire(self) -> dict[str, str | None]:
        """Write it as `{starts_at, ends_at}`."""
        return {"starts_at": wire_moment(self.starts_at), "ends_at": wire_moment(self.ends_at)}


@dataclass(frozen=True)
class Schedule:
    """When an agent takes viewings: `(weekly hours − blocked exceptions) ∪ available exceptions`."""

    zone: ZoneInfo
    weekly: dict[int, list[tuple[time, time]]]
    exceptions: dict[date, list[tuple[bool, time, time]]]

    def open_on(self, day: date) -> list[Stretch]:
        """Return the stretches of a day in the agent's zone, merged and ascending, in UTC."""
        differs = self.exceptions.get(day, [])
        usual = [self._stretch(day, *times) for times in self.weekly.get(day.weekday(), [])]
        blocked = [self._stretch(day, *times) for is_available, *times in differs if not is_available]
        extra = [self._stretch(day, *times) for is_available, *times in differs if is_available]
        return merged([*without(merged(usual), blocked), *extra])

    def takes(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Tell whether a viewing begins on the grid and lies within one stretch."""
        local = starts_at.astimezone(self.zone)
        if starts_at != self._on_grid(starts_at):
            return False
        return any(start <= starts_at and ends_at <= end for start, end in self.open_on(local.date()))

    def slots_on(self, day: date, taken: Iterable[Stretch], duration: timedelta) -> Iterator[Slot]:
        """Yield what is free on a day, ascending."""
        step = timedelta(minutes=current_app.config["BOOKING_GRID_MINUTES"])
        for start, end in without(self.open_on(day), taken):
            moment = self._on_grid(start)
            while moment + duration <= end:
                yield Slot(moment, moment + duration)
                moment += step

    def _stretch(self, day: date, start: time, end: time) -> Stretch:
        first, last = datetime.combine(day, start, self.zone), datetime.combine(day, end, self.zone)
        return first.astimezone(UTC), last.astimezone(UTC)

    def _on_grid(self, moment: datetime) -> datetime:
        """Return the first wall-clock grid line at or after a moment."""
        grid = timedelta(minutes=current_app.config["BOOKING_GRID_MINUTES"])
        local = moment.astimezone(self.zone).replace(tzinfo=None)
        past = (local - datetime.combine(local.date(), time.min)) % grid
        return moment + (grid - past if past else past)


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Join stretches that overlap or touch, ascending."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def without(stretches: Iterable[Stretch], holes: Iterable[Stretch]) -> list[Stretch]:
    """Return what the holes leave of the stretches."""
    left = list(stretches)
    for first, last in holes:
        parts = [((start, min(end, first)), (max(start, last), end)) for start, end in left]
        left = [(start, end) for start, end in chain.from_iterable(parts) if start < end]
    return left


def check_agent(agent_id: int) -> None:
    """Raise NotFound when there is no such agent at work; who he is, is public."""
    at_work = (
        select(AgentProfile.id)
        .join(User, User.id == AgentProfile.user_id)
        .where(User.id == agent_id, User.active, User.deleted_at.is_(None))
    )
    if not 0 < agent_id <= LARGEST_ID or db.session.scalar(at_work) is None:
        raise NotFound


def hours_sql(agent: str) -> str:
    """Return the columns that `schedule` is made of, for the agent that an SQL expression names.

    They ask for `:since` and `:until`, the days whose exceptions count.
    """
    return f"""(SELECT json_agg(json_build_array(h.weekday, h.start_time, h.end_time)) FROM availability_hours h
  WHERE h.agent_id = {agent}),
 (SELECT json_agg(json_build_array(d.date, d.is_available, d.start_time, d.end_time)) FROM availability_exceptions d
  WHERE d.agent_id = {agent} AND d.date BETWEEN :since AND :until)"""


_HOURS = f"SELECT a.time_zone, {hours_sql('a.user_id')} FROM profiles a WHERE a.user_id = :agent"


def schedule_of(agent_id: int, since: date, until: date) -> Schedule:
    """Read an agent's zone, week and the exceptions of some days in one statement; NotFound without a profile."""
    found = read_one(_HOURS, agent=agent_id, since=since, until=until)
    if found is None:
        raise NotFound
    return schedule(*found)


def schedule(zone: str, hours: Sequence[Any] | None, exceptions: Sequence[Any] | None) -> Schedule:
    """Make a schedule of what `hours_sql` reads; an agent without hours has `DEFAULT_HOURS` every day."""
    start, end = current_app.config["DEFAULT_HOURS"]
    made = Schedule(ZoneInfo(zone), defaultdict(list), defaultdict(list))
    for weekday, first, last in hours or [(weekday, start, end) for weekday in range(7)]:
        made.weekly[weekday].append((time.fromisoformat(first), time.fromisoformat(last)))
    for day, is_available, first, last in exceptions or []:
        times = (time.fromisoformat(first or "00:00"), time.fromisoformat(last or "23:59:59.999999"))
        made.exceptions[date.fromisoformat(day)].append((is_available, *times))
    return made


def window() -> Stretch:
    """Return the earliest and the latest moment at which a viewing can begin now."""
    now = clock.now()
    return now + current_app.config["BOOKING_NOTICE"], now + current_app.config["BOOKING_HORIZON"]


def is_on_offer(schedule: Schedule, starts_at: datetime, duration: timedelta) -> bool:
    """Tell whether a viewing keeps notice, horizon, grid and hours, whoever may have the time already."""
    earliest, latest = window()
    return earliest <= starts_at <= latest and schedule.takes(starts_at, starts_at + duration)


def free_slots(agent_id: int, first: date | None, beyond: date | None, duration: timedelta) -> tuple[list[Slot], str]:
    """Return an agent's free slots of some days of his zone, `beyond` exclusive, and the zone's name.

    A week from today when nothing is named; InvalidInput for more than 31 days or none.
    """
    zone = profiles.time_zone_of(agent_id)
    first = first or clock.today(zone)
    beyond = beyond or date.fromordinal(min(first.toordinal() + SHOWN_DAYS, date.max.toordinal()))
    if beyond <= first:
        raise InvalidInput.on("to", "Name a day after “from”; “to” itself is not included.")
    if (beyond - first).days > MOST_DAYS:
        raise InvalidInput.on("to", f"Ask for at most {MOST_DAYS} days at once.")
    earliest, latest = window()
    first = max(first, earliest.astimezone(zone).date())
    beyond = min(beyond, latest.astimezone(zone).date() + _DAY)
    if beyond <= first:
        return [], zone.key
    since = max(earliest, datetime.combine(first, time.min, zone).astimezone(UTC))
    until = min(latest, datetime.combine(beyond, time.min, zone).astimezone(UTC) - timedelta.resolution)
    return list(_free(agent_id, since, until, duration)), zone.key


def next_free(
    agent_id: int,
    *,
    duration: timedelta,
    after: datetime | None = None,
    client_id: int | None = None,
    count: int = SUGGESTED,
) -> list[Slot]:
    """Return the next slots from a moment on that are free for the agent, and for the client when one is named.

    When the rest of the horizon has too few, the search begins again at the earliest possible moment.
    """
    earliest, latest = window()
    wished = after if after is not None and earliest <= after <= latest else earliest
    found = list(islice(_free(agent_id, wished, latest, duration, client_id), count))
    if len(found) < count and wished > earliest:
        found = list(islice(_free(agent_id, earliest, latest, duration, client_id), count))
    return found


def _free(
    agent_id: int, since: datetime, until: datetime, duration: timedelta, client_id: int | None = None
) -> Iterator[Slot]:
    week = schedule_of(agent_id, (since - _DAY).date(), (until + _DAY).date())
    taken = _taken(agent_id, client_id, since, until + LONGEST)
    day, last = since.astimezone(week.zone).date(), until.astimezone(week.zone).date()
    while day <= last:
        yield from (one for one in week.slots_on(day, taken, duration) if since <= one.starts_at <= until)
        day += _DAY


def _taken(agent_id: int, client_id: int | None, since: datetime, until: datetime) -> Sequence[Stretch]:
    """Read what is taken; a request that nobody answered in time takes nothing, whether or not the job has run."""
    model = Appointment
    whose: ColumnElement[bool] = model.agent_id == agent_id
    if client_id is not None:
        whose |= model.client_id == client_id
    rows = db.session.execute(
        select(model.starts_at, model.ends_at)
        .where(
            whose,
            model.status.in_(OPEN_STATES),
            model.starts_at.between(since - LONGEST, until),
            model.ends_at > since,
            ~and_(model.status == "pending", model.expires_at <= clock.now()),
        )
        .order_by(model.starts_at)
    )
    return [(starts_at, ends_at) for starts_at, ends_at in rows]
