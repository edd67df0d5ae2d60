"""Answers for everybody, kept in Redis for a moment and never past a write of what they show.

A kept answer carries the mark under which it was asked for. A commit that wrote a table which is shown (`watch`) sets a
new mark before its own request is answered, and an answer under another mark is none. When a process dies between the
two, SHELF_SECONDS bound what may still be shown; without Redis everybody asks the database.

Only what is asked for twice within that time is kept, so that what nobody shares costs nothing more.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from flask import Flask, current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from sheda.core.actor import ANONYMOUS, Actor
from sheda.core.db import on_write

log = logging.getLogger(__name__)

MARK = "sheda:shown"
TIMEOUT = 0.2
"""Seconds to wait for Redis: the database answers sooner than a Redis in trouble."""

QUIET_AFTER_FAULT = 5.0
"""Seconds without asking a Redis that did not answer."""

MOST_NOTED = 10_000
"""Names of which a process knows when they were asked for last."""


class Shelf:
    """One app's kept answers."""

    def __init__(self, url: str, seconds: float) -> None:
        self._seconds = seconds if url else 0.0
        retry = Retry(NoBackoff(), 1)  # a connection that Redis has closed meanwhile is made anew
        self._redis: Any = Redis.from_url(
            url or "redis://", socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=retry
        )
        self._quiet_until = 0.0
        self._asked: dict[str, float] = {}
        self._under_way: dict[tuple[str, bytes], Future[str]] = {}
        self._lock = threading.Lock()

    def answer(self, name: str, make: Callable[[], str]) -> str:
        """Return the answer of a name: the kept one while its mark is the present one, else a new one."""
        if not self._is_shared(name):
            return make()
        try:
            mark, kept = self._redis.mget(MARK, f"{MARK}:{name}")
            if mark is None:
                self._redis.set(MARK, uuid.uuid4().hex, nx=True)
                return make()
        except RedisError as fault:
            self._fall_quiet(fault)
            return make()
        if kept is not None and kept.startswith(mark):
            found: str = kept[len(mark) :].decode()
            return found
        return self._made_once(name, mark, make)

    def turn(self) -> None:
        """Set a new mark: what was kept before is not shown again."""
        if not self._seconds:
            return
        try:
            self._redis.set(MARK, uuid.uuid4().hex)
        except RedisError as fault:
            self._fall_quiet(fault)

    def _is_shared(self, name: str) -> bool:
        """Tell whether a name was asked for a moment ago, too, and Redis is there."""
        now = time.monotonic()
        if not self._seconds or now < self._quiet_until:
            return False
        if len(self._asked) >= MOST_NOTED:
            self._asked.clear()
        before = self._asked.get(name)
        self._asked[name] = now
        return before is not None and now - before < self._seconds

    def _made_once(self, name: str, mark: bytes, make: Callable[[], str]) -> str:
        """Make an answer while others of this process that ask for it under the same mark wait for it."""
        with self._lock:
            under_way = self._under_way.get((name, mark))
            if under_way is None:
                mine = self._under_way[name, mark] = Future[str]()
        if under_way is not None:
            fault = under_way.exception()
            return make() if fault else under_way.result()
        try:
            made = make()
            self._keep(name, mark, made)
            mine.set_result(made)
            return made
        except BaseException as fault:
            mine.set_exception(fault)
            raise
        finally:
            with self._lock:
                del self._under_way[name, mark]

    def _keep(self, name: str, mark: bytes, made: str) -> None:
        try:
            self._redis.set(f"{MARK}:{name}", mark + made.encode(), px=int(self._seconds * 1000))
        except RedisError as fault:
            self._fall_quiet(fault)

    def _fall_quiet(self, fault: RedisError) -> None:
        self._quiet_until = time.monotonic() + QUIET_AFTER_FAULT
        log.warning("answers come from the database for a while: %s", fault)


def install(app: Flask) -> None:
    """Give the app its shelf."""
    app.extensions["shelf"] = Shelf(app.config["REDIS_URL"], app.config["SHELF_SECONDS"])


def kept_for_all(actor: Actor, name: str, make: Callable[[], str]) -> str:
    """Return what `make` makes for this actor; the public may get what was made for it a moment ago."""
    if actor is not ANONYMOUS:
        return make()
    shelf: Shelf = current_app.extensions["shelf"]
    return shelf.answer(name, make)


def watch(*tables: str) -> None:
    """Say that kept answers show these tables: a commit that wrote one of them ends those answers."""
    on_write(tables, _turn)


def _turn() -> None:
    shelf: Any = current_app.extensions["shelf"]
    shelf.turn()
