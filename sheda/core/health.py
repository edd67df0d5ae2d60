"""Is Sheda alive, ready, and how busy: for load balancers and Prometheus. No version, no addresses."""

import hmac
import os
from datetime import timedelta
from functools import cache
from typing import Any

from flask import current_app
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from sheda.core import clock
from sheda.core.actor import Actor, client_address
from sheda.core.api import Answer, ServiceApi, bearer_token, endpoint
from sheda.core.db import db
from sheda.core.errors import NotFound, Unavailable
from sheda.core.outbox import Outbox

HEARTBEAT_KEY = "sheda:worker"
BEAT_KEY = "sheda:beat"
HEARTBEAT_LIFE = timedelta(seconds=45)
"""A worker that has not swept the outbox for this long counts as gone."""

LOOPBACK = frozenset({"127.0.0.1", "::1"})

REQUESTS = Counter("sheda_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram("sheda_request_seconds", "Time to answer", ["route"])
WAITING = Gauge("sheda_outbox_waiting", "Messages not yet sent", multiprocess_mode="mostrecent")


@cache
def counters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Return what counts and times an answer; there are as many as routes, methods and statuses."""
    return REQUESTS.labels(method, route, status), SECONDS.labels(route)


def beat() -> None:
    """Leave the worker's sign of life; without Redis there is nobody to read it."""
    try:
        redis_client().set(HEARTBEAT_KEY, clock.now().isoformat(), ex=int(HEARTBEAT_LIFE.total_seconds()))
    except RedisError:
        return


def tick() -> None:
    """Leave beat's sign of life, kept for a day; without Redis there is nobody to read it."""
    try:
        redis_client().set(BEAT_KEY, clock.now().isoformat(), ex=24 * 3600)
    except RedisError:
        return


def redis_client() -> "Redis":
    """Return a client of Redis that gives up after a second."""
    url = current_app.config["REDIS_URL"]
    return Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


def _dependencies() -> dict[str, str]:
    found = {"database": "ok", "redis": "ok", "worker": "ok"}
    try:
        db.session.execute(select(1))
    except SQLAlchemyError:
        found["database"] = "down"
    try:
        if redis_client().get(HEARTBEAT_KEY) is None:
            found["worker"] = "down"
    except (RedisError, ValueError):
        found["redis"] = found["worker"] = "down"
    return found


class LiveApi(ServiceApi):
    """Alive."""

    resource_name = "healthz"
    class_permission_name = "Health"

    @endpoint("GET", "/", may="read", flat=True, tokenless=True, unlimited=True)
    def live(self, _actor: Actor) -> Any:
        """Say that this process answers."""
        return {"status": "ok"}


class ReadyApi(ServiceApi):
    """Ready."""

    resource_name = "readyz"
    class_permission_name = "Health"

    @endpoint("GET", "/", may="read", flat=True, tokenless=True, unlimited=True, refusals=(503,))
    def ready(self, _actor: Actor) -> Any:
        """Say whether database, Redis and worker can be reached."""
        found = _dependencies()
        if set(found.values()) != {"ok"}:
            raise Unavailable("Not everything that Sheda needs can be reached.", checks=found)
        return {"status": "ok", "checks": found}


class MetricsApi(ServiceApi):
    """Busy."""

    resource_name = "metrics"
    class_permission_name = "Health"

    @endpoint("GET", "/", may="read", tokenless=True, unlimited=True, produces="text/plain", refusals=(404,))
    def metrics(self, _actor: Actor) -> Answer:
        """Show Prometheus what happens here, on the loopback interface or with the metrics token."""
        token = current_app.config["METRICS_TOKEN"]
        known = bool(token) and hmac.compare_digest(bearer_token() or "", token)
        if not known and (token or client_address() not in LOOPBACK):
            raise NotFound
        waiting = select(func.count()).where(
            Outbox.sent_at.is_(None), Outbox.dead_at.is_(None), Outbox.due_at <= clock.now()
        )
        WAITING.set(db.session.scalar(waiting) or 0)
        return Answer(_exposition().decode(), content_type=CONTENT_TYPE_LATEST)


def _exposition() -> bytes:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    collector: Any = multiprocess.MultiProcessCollector
    collector(registry)
    return generate_latest(registry)
