"""Deliveries leave: claimed under a short lease, signed as Standard Webhooks says, tried again with longer pauses.

An endpoint that fails is left alone for a while, so that a dead one holds up no other; one that takes nothing for days
is switched off. Redirects are not followed, answers are not read.
"""

import base64
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from flask import current_app
from sqlalchemy import select

from sheda.accounts.models import User
from sheda.core import clock
from sheda.core.db import db, in_transaction, lock_one
from sheda.core.outbound import AddressRefused, Unanswered, post
from sheda.hooks import services
from sheda.hooks.models import HookDelivery, HookEndpoint

log = logging.getLogger(__name__)

WITHIN = 10.0
"""Seconds for an endpoint to answer, from the first look at its name."""

LEASE = timedelta(seconds=60)
"""How long a claimed delivery is left to its worker: above the longest that an endpoint is waited for."""

TURN = 20.0
"""Seconds in which a sweep begins new deliveries, within a task's time limit."""

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = timedelta(seconds=10), timedelta(hours=6), 3
MOST_ATTEMPTS = 26
"""Tries go on for about four and a half days."""

HOLD, LONGEST_HOLD = timedelta(seconds=5), timedelta(minutes=10)
"""How long an endpoint is left alone after its first failure, and at most."""

JITTER = 20
"""Per cent by which pauses differ, so that what failed together does not come back together."""

DONE, REDIRECT, REFUSED, GONE = 200, 300, 400, 410


@dataclass(frozen=True)
class Claim:
    """A delivery that is this worker's while its lease runs."""

    row_id: int
    endpoint_id: int
    attempt: int
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Outcome:
    """How a delivery went: the status that was answered, if any, and what was wrong, if anything."""

    status: int | None
    error: str | None
    took_ms: int


def deliver_due(*, limit: int = 200) -> dict[str, int]:
    """Send what is due, one delivery at a time; safe beside itself and to be killed at any line."""
    tally, until = {"delivered": 0, "failed": 0}, time.monotonic() + TURN
    for _ in range(limit):
        claim = in_transaction(_claim) if time.monotonic() < until else None
        if claim is None:
            break
        outcome = _send(claim)
        in_transaction(lambda claim=claim, outcome=outcome: _mark(claim, outcome))  # type: ignore[misc]
        tally["failed" if outcome.error else "delivered"] += 1
    return tally


def _claim() -> Claim | None:
    now, row = clock.now(), HookDelivery
    found = db.session.scalars(
        select(row)
        .join(HookEndpoint, HookEndpoint.id == row.endpoint_id)
        .join(User, User.id == HookEndpoint.owner_id)
        .where(
            row.delivered_at.is_(None),
            row.dead_at.is_(None),
            row.due_at <= now,
            row.claimed_until.is_(None) | (row.claimed_until < now),
            HookEndpoint.held_until.is_(None) | (HookEndpoint.held_until <= now),
            User.active,
        )
        .order_by(row.due_at, row.id)
        .limit(1)
        .with_for_update(of=row, skip_locked=True)
    ).one_or_none()
    if found is None:
        return None
    found.claimed_until, found.attempts = now + LEASE, found.attempts + 1
    endpoint, body = found.endpoint, found.payload.encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Sheda-Webhooks/1",
        **signed(f"msg_{found.message_id.hex}", int(now.timestamp()), body, services.keys_of(endpoint)),
    }
    return Claim(found.id, endpoint.id, found.attempts, endpoint.url, headers, body)


def signed(message_id: str, moment: int, body: bytes, keys: Iterable[bytes]) -> dict[str, str]:
    """Return the headers of Standard Webhooks: who, when, and a signature by each key over both and the body."""
    said = f"{message_id}.{moment}.".encode() + body
    signatures = (base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(moment),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _send(claim: Claim) -> Outcome:
    began, status, error = time.monotonic(), None, None
    try:
        status = post(claim.url, headers=claim.headers, body=claim.body, within=WITHIN)
    except AddressRefused:
        error = "the address leads into a private network"
    except Unanswered as fault:
        error = str(fault)
    except Exception as fault:
        log.exception("delivery %s cannot be sent", claim.row_id)
        error = type(fault).__name__
    if status is not None and not DONE <= status < REDIRECT:
        error = "redirects are not followed" if REDIRECT <= status < REFUSED else f"answered {status}"
    return Outcome(status, error, int((time.monotonic() - began) * 1000))


def _mark(claim: Claim, outcome: Outcome) -> None:
    endpoints = select(HookEndpoint).where(HookEndpoint.id == claim.endpoint_id).with_for_update()
    endpoint = db.session.scalars(endpoints.execution_options(populate_existing=True)).one_or_none()
    if endpoint is None:
        return  # removed meanwhile, and its deliveries with it
    row, now = lock_one(HookDelivery, claim.row_id), clock.now()
    row.status_code, row.took_ms = outcome.status, outcome.took_ms
    if outcome.error is None:
        row.delivered_at, row.claimed_until, row.last_error, row.dead_at = row.delivered_at or now, None, None, None
        endpoint.failures, endpoint.failing_since, endpoint.held_until = 0, None, None
        return
    if row.delivered_at is not None or row.attempts != claim.attempt:
        return  # another worker has taken it since the lease ran out
    log.info("delivery %s failed at try %s: %s", row.id, claim.attempt, outcome.error)
    row.claimed_until, row.last_error = None, outcome.error
    row.due_at = now + jittered(min(FIRST_PAUSE * GROWTH ** min(row.attempts - 1, 12), LONGEST_PAUSE))
    if row.attempts >= MOST_ATTEMPTS:
        row.dead_at = now
    endpoint.failures, endpoint.failing_since = endpoint.failures + 1, endpoint.failing_since or now
    endpoint.held_until = now + jittered(min(HOLD * 2 ** min(endpoint.failures - 1, 12), LONGEST_HOLD))
    if endpoint.stopped_at is None:
        _judge(endpoint, outcome)


def _judge(endpoint: HookEndpoint, outcome: Outcome) -> None:
    """Switch an endpoint off that says it is gone for good, or that has taken nothing for days."""
    patience: timedelta = current_app.config["HOOK_PATIENCE"]
    if outcome.status == GONE:
        services.stop(endpoint, "it answers that it is gone for good (410)")
    elif endpoint.failing_since is not None and clock.now() - endpoint.failing_since >= patience:
        services.stop(endpoint, f"it has taken nothing for {patience.days} days")


def jittered(pause: timedelta) -> timedelta:
    """Return a pause that is up to a fifth shorter or longer."""
    return pause * (100 - JITTER + secrets.randbelow(2 * JITTER + 1)) / 100
