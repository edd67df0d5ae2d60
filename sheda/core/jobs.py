"""Jobs are sweeps of what is due: safe to run twice, beside themselves, and after days of standing still."""

import functools
import logging
import math
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

from celery import Celery
from celery.schedules import crontab
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Index, String, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sheda.core import clock
from sheda.core.access import row_rule
from sheda.core.actor import Actor
from sheda.core.db import Id, Model, Stamp, db, in_transaction
from sheda.core.errors import Refusal

log = logging.getLogger(__name__)

Row = TypeVar("Row")
Tally = dict[str, int]
Sweep = Callable[[], Tally]
Together = Callable[[list[int]], Collection[int]]
Rhythm: TypeAlias = timedelta | crontab | Callable[[Mapping[str, Any]], crontab]
"""How often a job runs; a function is given the settings once they are read."""

BATCH = 200
"""Rows that one transaction of a sweep takes."""

FEW = 20
"""Rows that go one by one when they cannot be done at once."""

TURN = 25.0
"""Seconds of a worker's turn at a sweep, well below a task's time limit, which would kill it within a batch."""

MUTE_AFTER_FAULT = 5.0
"""Seconds for which the bell is not tried again after the broker did not answer: no request waits for it twice."""

RING_LASTS = 60.0
"""Seconds after which a bell that no worker has heard is forgotten: beat has rung since."""


_turn_ends: ContextVar[float] = ContextVar("turn_ends", default=math.inf)


class JobRun(Model):
    """One run of a job, for staff to see: when, how many rows, and how it went."""

    __tablename__ = "job_runs"
    __table_args__ = (Index("ix_job_runs_job_started_at", "job", "started_at"),)

    id: Mapped[Id]
    job: Mapped[str] = mapped_column(String(60))
    started_at: Mapped[Stamp]
    finished_at: Mapped[Stamp | None]
    tally: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    error: Mapped[str | None] = mapped_column(String(200))

    @classmethod
    def has_failed(cls) -> Any:
        """Return the condition of runs that broke off, or had rows that failed."""
        return cls.error.is_not(None) | (cls.tally["failed"].as_integer() > 0)


@row_rule(JobRun)
def _job_rows(actor: Actor) -> Any:
    return JobRun.id.is_not(None) if actor.is_office else JobRun.id.is_(None)


class Job:
    """A named sweep with its rhythm; call it to run it, `ring` it to have a worker run it soon."""

    def __init__(self, name: str, sweep: Sweep, every: Rhythm, *, recorded: bool) -> None:
        self.name, self.sweep, self.every, self.recorded = name, sweep, every, recorded
        functools.update_wrapper(self, sweep)
        self._celery: Celery | None = None
        self._mute_until = 0.0
        self._bell = f"sheda:bell:{name}"

    def __call__(self) -> Tally:
        """Run the sweep now, with one log line, and a run row where it is recorded or has failed rows."""
        started, clocked = clock.now(), time.monotonic()
        run_id = in_transaction(lambda: _begin(self.name, started)) if self.recorded else None
        error: str | None = None
        tally: Tally = {}
        try:
            tally = self.sweep()
        except Exception as fault:
            error = type(fault).__name__
            raise
        finally:
            db.session.rollback()
            if run_id is None and (error or tally.get("failed")):
                run_id = in_transaction(lambda: _begin(self.name, started))
            if run_id is not None:
                in_transaction(lambda: _finish(run_id, tally, error))
            if any(tally.values()) or error:
                log.info("job %s: %s in %.2f s", self.name, error or tally, time.monotonic() - clocked)
        return tally

    def ring(self) -> None:
        """Ask a worker to run this soon; without a broker nothing is lost, the next beat finds the same rows."""
        if self._celery is None or time.monotonic() < self._mute_until:
            return
        try:
            # A bell that no worker has answered yet need not be rung again: a sweep takes it down before it looks.
            if _redis(self._celery.conf.broker_url).set(self._bell, 1, nx=True, ex=int(RING_LASTS)):
                self._celery.send_task(self.name, retry=False, ignore_result=True, expires=RING_LASTS)
        except Exception as fault:
            self._mute_until = time.monotonic() + MUTE_AFTER_FAULT
            log.warning("the broker does not answer (%s): %s waits for the next beat", type(fault).__name__, self.name)

    def bind(self, celery: Celery, settings: Mapping[str, Any]) -> None:
        """Make this a task of a Celery app, with its rhythm on beat."""
        self._celery = celery

        def run() -> None:
            with suppress(RedisError):
                _redis(celery.conf.broker_url).delete(self._bell)
            turn = _turn_ends.set(time.monotonic() + TURN)
            try:
                tally = self()
            finally:
                _turn_ends.reset(turn)
            if tally.get("more"):
                self.ring()

        celery.task(name=self.name, ignore_result=True, shared=False)(run)
        schedule = self.every(settings) if callable(self.every) and not isinstance(self.every, crontab) else self.every
        celery.conf.beat_schedule = {
            **celery.conf.beat_schedule,
            self.name: {"task": self.name, "schedule": schedule},
        }


@functools.cache
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


def _begin(name: str, started: Any) -> int:
    run = JobRun(job=name, started_at=started, tally={})
    db.session.add(run)
    db.session.flush()
    return run.id


def _finish(run_id: int, tally: Tally, error: str | None) -> None:
    run = db.session.get_one(JobRun, run_id)
    run.finished_at, run.tally, run.error = clock.now(), tally, error


def job(name: str, *, every: Rhythm, recorded: bool = False) -> Callable[[Sweep], Job]:
    """Make the decorated sweep a job; `recorded` ones leave a run row each time, others only when something failed."""
    return lambda sweep: Job(name, sweep, every, recorded=recorded)


def each(rows: Iterable[Row], work: Callable[[Row], Any], tally: Tally, *, counted_as: str) -> None:
    """Do the work row by row, each in a savepoint: a bad row is logged and counted and never stops the others.

    A row whose work answers False was skipped, and is only seen.
    """
    for row in rows:
        tally["seen"] = tally.get("seen", 0) + 1
        try:
            with db.session.begin_nested():
                done = work(row)
        except Refusal as refusal:
            log.info("row %s left alone: %s", row, refusal.code)
            tally["skipped"] = tally.get("skipped", 0) + 1
        except Exception:
            log.exception("row %s failed", row)
            tally["failed"] = tally.get("failed", 0) + 1
        else:
            if done is not False:
                tally[counted_as] = tally.get(counted_as, 0) + 1


def at_once(ids: list[int], work: Together, tally: Tally, *, counted_as: str) -> list[int]:
    """Do the work on many rows at once, in a savepoint; `work` names those it has done. Returns the others, for `each`.

    When it fails nothing of it remains, and each half is tried for itself: only the last FEW around a bad row are left.
    """
    try:
        with db.session.begin_nested():
            done = set(work(ids))
    except Exception as fault:
        log.info("%s rows (from %s) failed together: %s", len(ids), ids[0], type(fault).__name__)
        if len(ids) <= FEW:
            return ids
        half = len(ids) // 2
        return [row for part in (ids[:half], ids[half:]) for row in at_once(part, work, tally, counted_as=counted_as)]
    for name in ("seen", counted_as):
        tally[name] = tally.get(name, 0) + len(done)
    return [row for row in ids if row not in done]


def sweep_ids(
    due: Callable[[int], list[int]],
    work: Callable[[int], Any],
    *,
    counted_as: str,
    together: Together | None = None,
    most_batches: int = 10_000,
) -> Tally:
    """Work through due ids in ascending batches, a transaction each; `due(after)` names up to BATCH of them.

    `together`, where there is one, does what it can of a batch at once; `work` does the rest row by row.
    A worker's turn ends between two batches: `more` in the tally says so, and the job rings for another.
    """
    tally: Tally = {"seen": 0, counted_as: 0, "failed": 0}
    after = 0
    for _ in range(most_batches):

        def batch(after: int = after) -> int:
            ids = due(after)
            rest = at_once(ids, together, tally, counted_as=counted_as) if together and ids else ids
            each(rest, work, tally, counted_as=counted_as)
            return ids[-1] if ids else 0

        last = in_transaction(batch)
        if not last:
            break
        if turn_is_over():
            tally["more"] = 1
            break
        after = last
    return tally


def is_alone(name: str) -> bool:
    """Take a job's lock for the rest of the transaction; False when another worker has it, and does the work."""
    taken = func.pg_try_advisory_xact_lock(zlib.crc32(b"job") - 2**31, zlib.crc32(name.encode()) - 2**31)
    return bool(db.session.scalar(select(taken)))


def turn_is_over() -> bool:
    """Tell whether a sweep should leave the rest to its next turn: it then returns `more` in its tally."""
    return time.monotonic() > _turn_ends.get()


def make_celery(app: Flask, jobs: Iterable[Job]) -> Celery:
    """Make the Celery app: tasks run within the Flask app, carry no rows and no secrets, and may run twice."""

    class ContextTask(celery_task_class()):  # type: ignore[misc]
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            with app.app_context():
                return self.run(*args, **kwargs)

    celery = Celery(app.import_name, task_cls=ContextTask, set_as_current=False)
    celery.config_from_object(app.config["CELERY"])
    celery.conf.beat_schedule = {}
    celery_jobs = list(jobs)
    for one in celery_jobs:
        one.bind(celery, app.config)
    app.extensions["celery"] = celery
    app.extensions["jobs"] = {one.name: one for one in celery_jobs}
    return celery


def celery_task_class() -> Any:
    """Return Celery's task class; it ships no types."""
    from celery import Task

    return Task
