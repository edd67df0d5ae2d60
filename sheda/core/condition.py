"""How Sheda itself is: each part it stands on, in plain words, with what to do when something is wrong."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from alembic.script import ScriptDirectory
from flask import current_app
from redis import Redis
from redis.exceptions import RedisError

from sheda.core import clock, widgets
from sheda.core.db import read
from sheda.core.health import BEAT_KEY, HEARTBEAT_KEY, redis_client

GOOD, WARN, BAD = "good", "warn", "bad"

BEAT_SILENT = timedelta(minutes=2)
"""Beat rings every ten seconds: from here on it stands still."""

QUEUE_LONG = 500
"""Waiting tasks from which on the worker does not keep up."""

MAIL_OLD = timedelta(minutes=10)
"""How long a mail that is due may wait (domain.md, I8)."""

DISK_LOW, DISK_FULL = 0.10, 0.03
"""Shares of the disk that is free."""

FACTS = """SELECT (SELECT max(version_num) FROM alembic_version),
 pg_size_pretty(pg_database_size(current_database())),
 (SELECT count(*) FROM outbox WHERE sent_at IS NULL AND dead_at IS NULL AND due_at <= :now),
 (SELECT min(due_at) FROM outbox WHERE sent_at IS NULL AND dead_at IS NULL AND due_at <= :now),
 (SELECT count(*) FROM (SELECT FROM outbox WHERE dead_at IS NOT NULL LIMIT 1000) given_up),
 (SELECT sent_at FROM outbox WHERE sent_at IS NOT NULL AND channel = 'mail' ORDER BY id DESC LIMIT 1),
 (SELECT count(*) FROM job_runs WHERE started_at > :since
   AND (error IS NOT NULL OR CAST(tally->>'failed' AS int) > 0))"""


@dataclass(frozen=True)
class Finding:
    """What was found of one part: how it is, and what to do when it is not well."""

    part: str
    state: str
    said: Any
    advice: str = ""
    href: str = ""

    @property
    def word(self) -> str:
        """Return the state in a word."""
        return {GOOD: "Well", WARN: "Look at it", BAD: "Not well"}[self.state]


def findings() -> list[Finding]:
    """Look at every part; one statement, and a few questions to Redis."""
    now = clock.now()
    facts = read(FACTS, now=now, since=now - timedelta(days=1))[0]
    version, size, waiting, oldest, given_up, last_sent, failed = facts
    return [
        Finding("Database", GOOD, f"Answers. {size} of data."),
        _migrations(version),
        *_queue(),
        _outbox(waiting, oldest),
        _given_up(given_up),
        _mail(last_sent, oldest),
        _jobs(failed),
        _disk(),
    ]


def _migrations(version: str | None) -> Finding:
    heads = _heads()
    if {version} == heads:
        return Finding("Tables", GOOD, "As this release needs them.")
    return Finding(
        "Tables",
        BAD,
        "Not those of this release.",
        "Run flask db upgrade and flask sheda sync-roles, then restart Sheda.",
    )


@cache
def _heads() -> frozenset[str]:
    config = current_app.extensions["migrate"].migrate.get_config()
    return frozenset(ScriptDirectory.from_config(config).get_heads())


def _queue() -> list[Finding]:
    try:
        queue = redis_client()
        length, worker, beat = _asked(queue)
    except (RedisError, ValueError):
        lost = "Nothing is lost: mails and jobs catch up when it returns."
        return [Finding("Redis", BAD, "Does not answer.", f"Start it, or look at REDIS_URL. {lost}")]
    return [
        Finding("Redis", GOOD, "Answers."),
        _worker(worker),
        _beat(beat),
        Finding(
            "Queue",
            WARN if length > QUEUE_LONG else GOOD,
            f"{length:,} task{'s' if length != 1 else ''} waiting.",
            "The worker does not keep up: start a second one." if length > QUEUE_LONG else "",
        ),
    ]


def _asked(queue: "Redis") -> tuple[int, datetime | None, datetime | None]:
    found: Any = queue
    return int(found.llen("celery")), _moment(found.get(HEARTBEAT_KEY)), _moment(found.get(BEAT_KEY))


def _moment(text: bytes | None) -> datetime | None:
    return datetime.fromisoformat(text.decode()).astimezone(UTC) if text else None


def _worker(seen: datetime | None) -> Finding:
    if seen is None:
        advice = "Start it: celery -A sheda.worker:celery worker. Mails and reminders wait for it."
        return Finding("Worker", BAD, "Not seen for 45 seconds.", advice)
    return Finding("Worker", GOOD, widgets.joined("seen", widgets.moment(seen)))


def _beat(seen: datetime | None) -> Finding:
    if seen is None or clock.now() - seen > BEAT_SILENT:
        said = widgets.joined("last seen", widgets.moment(seen)) if seen else "Not seen within a day."
        advice = "Start it: celery -A sheda.worker:celery beat. Without it no job runs by itself."
        return Finding("Beat", BAD, said, advice)
    return Finding("Beat", GOOD, widgets.joined("seen", widgets.moment(seen)))


def _outbox(waiting: int, oldest: datetime | None) -> Finding:
    part, place = "Messages waiting", "/admin/outbox/list/?tab=waiting"
    if not oldest or clock.now() - oldest < MAIL_OLD:
        return Finding(part, GOOD, f"{waiting:,} on their way." if waiting else "None.", href=place)
    said = widgets.joined(f"{waiting:,}", "the oldest is due since", widgets.moment(oldest))
    advice = "The worker stands still, or the mail server refuses: open the list to read why."
    return Finding(part, BAD, said, advice, place)


def _given_up(number: int) -> Finding:
    if not number:
        return Finding("Messages given up", GOOD, "None.")
    advice = "Open the list, read why, and try them again when the reason is gone."
    return Finding("Messages given up", WARN, f"{number:,}.", advice, "/admin/outbox/list/?tab=dead")


def _mail(last: datetime | None, oldest: datetime | None) -> Finding:
    if last is None:
        return Finding("Mail", WARN if oldest else GOOD, "No mail has left yet.", "Look at SMTP_URL." if oldest else "")
    return Finding("Mail", GOOD, widgets.joined("the last one left", widgets.moment(last)))


def _jobs(failed: int) -> Finding:
    if not failed:
        return Finding("Jobs", GOOD, "No failure within a day.")
    advice = "Open the list; an admin can run one again when the reason is gone."
    return Finding("Jobs", WARN, f"{failed} failed within a day.", advice, "/admin/jobs/list/?tab=failed")


def _disk() -> Finding:
    usage = shutil.disk_usage(current_app.config["STATE_DIR"])
    free = usage.free / usage.total
    state = GOOD if free > DISK_LOW else WARN if free > DISK_FULL else BAD
    said = f"{usage.free / 2**30:,.1f} of {usage.total / 2**30:,.1f} GB free."
    return Finding(
        "Disk", state, said, "" if state == GOOD else "Make room, or move the media to a bucket (MEDIA_URL)."
    )
