"""Safe retries: a creating POST with an `Idempotency-Key` happens once, and its first answer is given again."""

import hashlib
import hmac
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import Index, String, Text, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from sheda.core import clock
from sheda.core.db import Model, Stamp, db
from sheda.core.errors import Conflict, InvalidInput

KEPT = timedelta(hours=24)
LONGEST_KEY = 255


class IdempotencyKey(Model):
    """The first answer to a key, per person and route; written in the transaction of the effect itself."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)

    scope: Mapped[str] = mapped_column(String(320), primary_key=True)
    route: Mapped[str] = mapped_column(String(120), primary_key=True)
    key: Mapped[str] = mapped_column(String(LONGEST_KEY), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    body: Mapped[str] = mapped_column(Text)
    location: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Stamp]


class InProgress(Conflict):
    """Refuse a retry while the first request with the key still runs."""

    code = "idempotency_in_progress"
    detail = "The first request with this key is still running. Wait a moment, then send it again."


class Mismatch(InvalidInput):
    """Refuse a key that comes again with another body."""

    code = "idempotency_mismatch"
    detail = "This Idempotency-Key was used with another body. Use a new key for a new request."


def check_key(key: str) -> None:
    """Refuse a key over 255 characters, or one that cannot be stored."""
    if not 0 < len(key) <= LONGEST_KEY or "\x00" in key:
        raise InvalidInput.on("Idempotency-Key", f"Send a key of 1 to {LONGEST_KEY} characters.")


def recall(scope: str, route: str, key: str, fingerprint: str) -> IdempotencyKey | None:
    """Return the first answer to a key; None to the first request, which now holds the key until it commits."""
    name = hashlib.sha256(f"{scope}\n{route}\n{key}".encode(errors="replace")).digest()
    number = int.from_bytes(name[:8], "big", signed=True)
    if not db.session.scalar(select(func.pg_try_advisory_xact_lock(number))):
        raise InProgress(headers={"Retry-After": "1"})
    found = db.session.get(IdempotencyKey, (scope, route, key))
    if found is not None and found.created_at < clock.now() - KEPT:
        db.session.delete(found)
        db.session.flush()
        found = None
    if found is not None and found.fingerprint != fingerprint:
        raise Mismatch
    return found


def remember(
    scope: str, route: str, key: str, fingerprint: str, *, status: int, body: str, location: str | None
) -> None:
    """Keep the first answer, in the transaction of its effect."""
    db.session.add(
        IdempotencyKey(
            scope=scope,
            route=route,
            key=key,
            fingerprint=fingerprint,
            status=status,
            body=body,
            location=location,
            created_at=clock.now(),
        )
    )


def forget_old(now: datetime) -> int:
    """Erase keys past their 24 hours; the number erased."""
    old = delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEPT).returning(IdempotencyKey.key)
    return len(db.session.scalars(old).all())


def fingerprint_of(*parts: bytes) -> str:
    """Hash what makes a body the same body, with the server's key: a body may hold a password."""
    digest = hmac.new(current_app.config["SECRET_KEY"].encode(), digestmod=hashlib.sha256)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
