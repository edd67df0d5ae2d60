"""What goes to people's devices, and what waits for their daily mail: each in its reader's own time, once."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import current_app

from sheda.core import clock
from sheda.core.clauses import Clause, put
from sheda.core.db import read, write
from sheda.core.outbox import Signal, post_mails, post_signals
from sheda.notifications.wishes import Quiet, usual_quiet

DIGEST = "digest"
MOST_READERS = 500

READERS = """
SELECT u.id, coalesce(p.time_zone, 'Africa/Lagos'), q.id IS NOT NULL, q.begins, q.ends, u.phone IS NOT NULL,
  ARRAY(SELECT d.id FROM push_devices d WHERE d.user_id = u.id ORDER BY d.id)
FROM ab_user u
LEFT JOIN profiles p ON p.user_id = u.id
LEFT JOIN quiet_hours q ON q.user_id = u.id
WHERE u.id = ANY(CAST(:people AS bigint[])) AND u.active"""

WAIT = Clause(
    """INSERT INTO digest_lines (user_id, key, kind, text, path, created_at, due_at)
 SELECT r.user_id, r.key, CAST(:kind AS text), r.text, r.path, :now, r.due_at
 FROM json_to_recordset(CAST(:rows AS json)) AS r (user_id bigint, key text, text text, path text, due_at timestamptz)
 ON CONFLICT (key) DO NOTHING"""
)

GATHER = """
WITH readers AS (
  SELECT DISTINCT user_id FROM digest_lines WHERE told_at IS NULL AND due_at <= :now ORDER BY user_id LIMIT :most
), told AS (
  UPDATE digest_lines l SET told_at = :now FROM readers r
  WHERE l.user_id = r.user_id AND l.told_at IS NULL AND l.due_at <= :now
  RETURNING l.id, l.user_id, l.text, l.path
)
SELECT user_id, max(id), json_agg(json_build_object('text', text, 'path', path) ORDER BY id)
 FROM told GROUP BY user_id"""
"""All lines of a reader go into one mail, however many readers one statement takes."""


@dataclass(frozen=True, slots=True)
class News:
    """One piece of news to one person, as a short text; `key` is the one of its notice, `path` leads on at the desk."""

    user_id: int
    key: str
    text: str
    subject_type: str
    subject_id: int
    path: str


@dataclass(frozen=True, slots=True)
class Reader:
    """What is needed of somebody to reach his devices."""

    quiet: Quiet
    has_phone: bool
    devices: Sequence[int]

    def morning(self, now: datetime) -> datetime:
        """Return when his next daily mail leaves."""
        local = now.astimezone(self.quiet.zone)
        due = datetime.combine(local.date(), time(current_app.config["DIGEST_HOUR"]), self.quiet.zone)
        return due if due > now else datetime.combine(local.date() + timedelta(days=1), due.timetz())


def readers_of(people: Collection[int]) -> dict[int, Reader]:
    """Return those of some people whose accounts are open."""
    usual = usual_quiet()
    found = {}
    for user_id, zone, is_said, *said, has_phone, devices in read(READERS, people=list(people)):
        begins, ends = said if is_said else usual
        found[user_id] = Reader(Quiet(begins, ends, ZoneInfo(zone)), has_phone, devices)
    return found


def send(kind: str, signals: Sequence[tuple[str, News]], lines: Sequence[News]) -> int:
    """Post news by channels to devices, and note what waits for a daily mail; how many of either are new."""
    if not signals and not lines:
        return 0
    now = clock.now()
    readers = readers_of({news.user_id for news in [*lines, *(news for _, news in signals)]})
    posted: list[Signal] = []
    for channel, news in signals:
        reader = readers.get(news.user_id)
        if reader is None or (channel != "push" and not reader.has_phone):
            continue
        said, due_at = asdict(news), reader.quiet.leaves_at(now)
        if channel == "push":
            devices = [(f"push:{device}:{news.key}", {**said, "device_id": device}) for device in reader.devices]
            posted += [Signal(news.user_id, channel, key, context, due_at) for key, context in devices]
        else:
            posted.append(Signal(news.user_id, channel, f"{channel}:{news.key}", said, due_at))
    return post_signals(kind, posted) + _wait(kind, lines, readers, now)


def _wait(kind: str, lines: Sequence[News], readers: dict[int, Reader], now: datetime) -> int:
    rows = [
        {**asdict(news), "due_at": readers[news.user_id].morning(now).isoformat()}
        for news in lines
        if news.user_id in readers
    ]
    if not rows:
        return 0
    return put(WAIT, kind=kind, now=now, rows=json.dumps(rows))


def gather() -> tuple[int, bool]:
    """Post the daily mails that are due, one to each reader; how many, and whether there may be more."""
    found = write(GATHER, now=clock.now(), most=MOST_READERS)
    mails = [(user_id, f"{DIGEST}:{last}:{user_id}", {"lines": lines}) for user_id, last, lines in found]
    return post_mails(DIGEST, mails), len(found) == MOST_READERS
