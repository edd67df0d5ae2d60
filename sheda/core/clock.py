"""Time as the house sees it: one clock, which tests and `--now` can move."""

import calendar
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sheda.core.actor import current_actor

LAGOS = ZoneInfo("Africa/Lagos")

_travelled: ContextVar[datetime | None] = ContextVar("travelled", default=None)


def now() -> datetime:
    """Return the present moment, in UTC and aware."""
    return _travelled.get() or datetime.now(UTC)


def here() -> ZoneInfo:
    """Return the time zone of whoever reads a page of this request; Lagos for all others."""
    zone = current_actor().time_zone
    return ZoneInfo(zone) if zone else LAGOS


def city(zone: ZoneInfo) -> str:
    """Return the name that people call a zone by."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def today(zone: ZoneInfo | str = LAGOS) -> date:
    """Return the calendar day in a time zone."""
    return now().astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone).date()


@contextmanager
def travel(moment: datetime) -> Iterator[None]:
    """Hold the clock at an aware moment for the length of a block; ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("the moment needs a time zone")
    token = _travelled.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _travelled.reset(token)


def add_months(day: date, months: int) -> date:
    """Return the same day some months later, the month's last where it has no such day (31 Jan + 1 = 28/29 Feb)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
