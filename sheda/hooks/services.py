"""Endpoints: made, changed, given a secret, switched off and on; what is noted for them, sent again, forgotten."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Collection, Iterable
from datetime import UTC
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import delete, func, select, update

from sheda.core import clock
from sheda.core.access import get_visible
from sheda.core.actor import Actor, Role
from sheda.core.clauses import put
from sheda.core.db import advisory_lock, after_commit, db, flush, lock_one
from sheda.core.errors import Conflict, InvalidInput
from sheda.core.outbound import AddressRefused, check_url
from sheda.core.states import record
from sheda.hooks.catalogue import EVENTS, NOTES, PING
from sheda.hooks.models import HookDelivery, HookEndpoint
from sheda.notifications.services import tell

SALT_BYTES = 16
LONGEST_NOTE = 120


class TooManyHooks(Conflict):
    """Refuse another endpoint above the number that one person may have."""

    code = "too_many_webhooks"
    detail = "You have as many webhooks as one person can have. Remove one that you no longer need."


class HookStopped(Conflict):
    """Refuse to send anything to an endpoint that is switched off."""

    code = "webhook_stopped"
    detail = "This webhook is switched off. Switch it on first."


# ── Endpoints ────────────────────────────────────────────────────────────────────────────────────────────────────────


def add(actor: Actor, *, url: str, events: Iterable[str], note: str | None = None) -> HookEndpoint:
    """Add an endpoint: the office's hears of the whole agency, an agent's of his own affairs.

    InvalidInput for an address that is never asked or events that there are none; TooManyHooks. Its secret is made and
    shown by `renew_secret`.
    """
    advisory_lock(("hooks", actor.user_id))
    own = select(func.count()).select_from(HookEndpoint).where(HookEndpoint.owner_id == actor.user_id)
    if (db.session.scalar(own) or 0) >= current_app.config["MOST_HOOKS"]:
        raise TooManyHooks
    now = clock.now()
    endpoint = HookEndpoint(
        owner_id=actor.user_id,
        agent_id=actor.user_id if actor.role is Role.AGENT else None,
        url=_checked_url(url),
        events=_checked_events(events),
        note=_checked_note(note),
        salt=secrets.token_hex(SALT_BYTES),
        created_at=now,
        updated_at=now,
    )
    db.session.add(endpoint)
    flush()
    record(actor, endpoint, "create", None, "on")
    return endpoint


def change(actor: Actor, endpoint_id: int, **changes: Any) -> HookEndpoint:
    """Change where an endpoint is, what it hears of, or its note."""
    endpoint = _lock(actor, endpoint_id)
    if "url" in changes:
        endpoint.url = _checked_url(changes["url"])
        endpoint.failures, endpoint.failing_since, endpoint.held_until = 0, None, None
    if "events" in changes:
        endpoint.events = _checked_events(changes["events"])
    if "note" in changes:
        endpoint.note = _checked_note(changes["note"])
    endpoint.updated_at = clock.now()
    flush()
    state = _state(endpoint)
    record(actor, endpoint, "update", state, state, details={"changed": ", ".join(sorted(changes))})
    return endpoint


def remove(actor: Actor, endpoint_id: int) -> None:
    """Remove an endpoint and what was sent there."""
    endpoint = _lock(actor, endpoint_id)
    record(actor, endpoint, "remove", _state(endpoint), "removed")
    db.session.delete(endpoint)
    flush()


def _lock(actor: Actor, endpoint_id: int) -> HookEndpoint:
    get_visible(actor, HookEndpoint, endpoint_id)
    return lock_one(HookEndpoint, endpoint_id)


def _state(endpoint: HookEndpoint) -> str:
    return "off" if endpoint.stopped_at else "on"


def _checked_url(url: str) -> str:
    try:
        check_url(url.strip(), resolve=True)
    except AddressRefused as refused:
        raise InvalidInput.on("url", str(refused)) from refused
    return url.strip()


def _checked_events(events: Iterable[str]) -> list[str]:
    asked = set(events)
    if not asked:
        raise InvalidInput.on("events", "Choose at least one event.")
    if unknown := sorted(asked - EVENTS.keys()):
        raise InvalidInput.on("events", f"There is no event {unknown[0]!r}.")
    return [name for name in EVENTS if name in asked]


def _checked_note(note: str | None) -> str | None:
    text = " ".join((note or "").split())
    if len(text) > LONGEST_NOTE:
        raise InvalidInput.on("note", f"Shorten this to {LONGEST_NOTE} characters.")
    return text or None


def host_of(endpoint: HookEndpoint) -> str:
    """Return the host of an endpoint: its path may hold what is nobody's business."""
    return urlsplit(endpoint.url).hostname or ""


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def renew_secret(actor: Actor, endpoint_id: int) -> str:
    """Make a new secret and return it: it can be read only now. The one before goes on signing beside it for a day."""
    endpoint, now = _lock(actor, endpoint_id), clock.now()
    if endpoint.secret_shown_at is not None:
        endpoint.old_salt, endpoint.old_until = endpoint.salt, now + current_app.config["HOOK_OVERLAP"]
    endpoint.salt, endpoint.secret_shown_at = secrets.token_hex(SALT_BYTES), now
    state = _state(endpoint)
    record(actor, endpoint, "new_secret", state, state)
    return f"whsec_{base64.b64encode(key_of(endpoint.salt)).decode()}"


def keys_of(endpoint: HookEndpoint) -> list[bytes]:
    """Return the keys that sign for an endpoint now: the present one, and the one before while it lasts."""
    is_double = endpoint.old_salt is not None and endpoint.old_until is not None and endpoint.old_until > clock.now()
    return [key_of(salt) for salt in (endpoint.salt, endpoint.old_salt if is_double else None) if salt]


def key_of(salt: str) -> bytes:
    """Return the key that a salt stands for; it is kept nowhere, and without the server's own key worth nothing."""
    server = current_app.config["SECRET_KEY"].encode()
    return hmac.new(server, f"webhook secret\n{salt}".encode(), hashlib.sha256).digest()


# ── Off and on ───────────────────────────────────────────────────────────────────────────────────────────────────────


def switch_off(actor: Actor, endpoint_id: int, *, reason: str | None = None) -> None:
    """Send nothing to an endpoint any more; what waits for it is given up and can be sent again later."""
    endpoint = _lock(actor, endpoint_id)
    if endpoint.stopped_at is None:
        _stop(endpoint, "somebody switched it off")
        record(actor, endpoint, "switch_off", "on", "off", reason=reason)


def switch_on(actor: Actor, endpoint_id: int, *, reason: str | None = None) -> None:
    """Send to an endpoint again what happens from now on."""
    endpoint = _lock(actor, endpoint_id)
    if endpoint.stopped_at is not None:
        endpoint.stopped_at = endpoint.stopped_why = endpoint.failing_since = endpoint.held_until = None
        endpoint.failures, endpoint.updated_at = 0, clock.now()
        record(actor, endpoint, "switch_on", "off", "on", reason=reason)


def stop(endpoint: HookEndpoint, why: str) -> None:
    """Switch a locked endpoint off that takes nothing, and tell its owner."""
    _stop(endpoint, why)
    host = host_of(endpoint)
    said = {"host": host, "why": why, "path": f"/admin/webhooks/show/{endpoint.id}", "facts": [("Address", host)]}
    text = f"The webhook to {host} was switched off: {why}."
    tell("hook_stopped", endpoint, {endpoint.owner_id: text}, words=said, version=clock.now().isoformat())


def _stop(endpoint: HookEndpoint, why: str) -> None:
    now = clock.now()
    endpoint.stopped_at, endpoint.stopped_why, endpoint.updated_at = now, why, now
    flush()
    waiting = HookDelivery.endpoint_id == endpoint.id, HookDelivery.delivered_at.is_(None)
    given_up = update(HookDelivery).where(*waiting, HookDelivery.dead_at.is_(None))
    db.session.execute(
        given_up.values(dead_at=now, claimed_until=None, last_error="the webhook was switched off"),
        execution_options={"synchronize_session": False},
    )


# ── What is sent ─────────────────────────────────────────────────────────────────────────────────────────────────────

_bells: list[Any] = []


def ring_with(bell: Any) -> None:
    """Install the bell that wakes a worker after a commit that wrote deliveries."""
    _bells[:] = [bell]


def _ring() -> None:
    for bell in _bells:
        bell()


def note(event: str, table: str, ids: Collection[int]) -> int:
    """Write the deliveries of an event on records, in the caller's transaction; how many are new."""
    return put(NOTES[table], then=_ring, event=event, ids=list(ids), now=clock.now())


def ping(actor: Actor, endpoint_id: int, *, reason: str | None = None) -> HookDelivery:  # noqa: ARG001 - a move's shape
    """Send a message that says nothing, to try an endpoint. HookStopped when it is switched off."""
    endpoint, now = _lock(actor, endpoint_id), clock.now()
    if endpoint.stopped_at is not None:
        raise HookStopped
    moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    delivery = HookDelivery(
        endpoint_id=endpoint.id,
        event=PING,
        subject_id=endpoint.id,
        happened_at=now,
        payload=json.dumps({"type": PING, "timestamp": moment, "data": {"id": endpoint.id}}),
        created_at=now,
        due_at=now,
    )
    endpoint.held_until = None
    db.session.add(delivery)
    flush()
    after_commit(_ring)
    return delivery


def replay(actor: Actor, delivery_id: int, *, reason: str | None = None) -> None:
    """Send a delivery once more, under the id that it had: a receiver that took it knows it by that. HookStopped."""
    delivery = get_visible(actor, HookDelivery, delivery_id)
    endpoint = _lock(actor, delivery.endpoint_id)
    delivery = lock_one(HookDelivery, delivery_id)
    if endpoint.stopped_at is not None:
        raise HookStopped
    if delivery.delivered_at is None and delivery.dead_at is None:
        return
    before = "delivered" if delivery.delivered_at else "given_up"
    delivery.delivered_at = delivery.dead_at = delivery.claimed_until = delivery.last_error = None
    delivery.attempts, delivery.replays, delivery.due_at = 0, delivery.replays + 1, clock.now()
    endpoint.held_until = None
    record(actor, delivery, "replay", before, "waiting", reason=reason)
    after_commit(_ring)


def latest(endpoint: HookEndpoint, most: int) -> list[HookDelivery]:
    """Return the latest deliveries of an endpoint."""
    rows = select(HookDelivery).where(HookDelivery.endpoint_id == endpoint.id)
    return list(db.session.scalars(rows.order_by(HookDelivery.id.desc()).limit(most)))


def forget_old() -> int:
    """Remove deliveries that are kept no longer; how many."""
    since = clock.now() - current_app.config["HOOK_KEEP"]
    is_done = HookDelivery.delivered_at.is_not(None) | HookDelivery.dead_at.is_not(None)
    gone = delete(HookDelivery).where(HookDelivery.created_at < since, is_done)
    found = db.session.scalars(gone.returning(HookDelivery.id), execution_options={"synchronize_session": False})
    return len(found.all())


def forget_person(user_id: int) -> None:
    """Remove the endpoints of somebody who leaves, and what was sent there."""
    db.session.execute(delete(HookEndpoint).where(HookEndpoint.owner_id == user_id))
