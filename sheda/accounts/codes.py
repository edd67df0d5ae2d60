"""One-time codes: asked for here, made by the worker at the moment of sending, kept as an HMAC, used by one UPDATE."""

import hashlib
import hmac
import secrets
import zlib
from datetime import timedelta

from flask import current_app
from sqlalchemy import case, delete, func, or_, select, update

from sheda.accounts.models import OneTimeCode, User
from sheda.core import clock, mail
from sheda.core.db import advisory_lock, db
from sheda.core.outbox import Outbox, post_mail, prepares

VERIFY, RESET = "verify_email", "reset_password"
HOUR = timedelta(hours=1)
KEPT = timedelta(days=1)
"""How long an ended code's row is kept, for the hourly count and for questions."""


class CodeEnded(mail.Undeliverable):
    """Stop the sending of a code that a newer one has replaced."""


def post(user: User | None, email: str, purpose: str) -> None:
    """Ask the worker to make and mail a code; the one before ends.

    Nobody (None), or somebody past his pause or his hourly number, gets no mail, after the same statements: how long
    this takes tells nobody whether an address has an account.
    """
    config, now = current_app.config, clock.now()
    advisory_lock(("code", zlib.crc32(email.strip().lower().encode()) - 2**31))
    user_id = user.id if user is not None else 0
    sent, last = db.session.execute(
        select(func.count(), func.max(OneTimeCode.created_at).filter(OneTimeCode.purpose == purpose)).where(
            OneTimeCode.user_id == user_id, OneTimeCode.created_at > now - HOUR
        )
    ).one()
    may = sent < config["CODES_PER_HOUR"] and (last is None or last <= now - config["CODE_PAUSE"])
    stand_in = db.session.scalar(select(func.min(User.id)))
    if stand_in is None:
        return
    with db.session.begin_nested() as savepoint:
        _end(user_id if may else 0, purpose)
        row = OneTimeCode(user_id=user_id or stand_in, purpose=purpose, created_at=now)
        row.ended_at = None if user is not None and may else now
        db.session.add(row)
        db.session.flush()
        post_mail(row.user_id, "code", key=f"code:{row.id}", context={"code_id": row.id, "purpose": purpose})
        if row.ended_at is not None:
            savepoint.rollback()


def use(user_id: int, purpose: str, code: str) -> bool:
    """Check a code and use it up, counting the try, in one UPDATE; False for any that is no good."""
    now, most = clock.now(), current_app.config["CODE_TRIES"]
    fits = OneTimeCode.code_hash == _digest(user_id, purpose, code)
    used_at = db.session.scalar(
        update(OneTimeCode)
        .where(
            OneTimeCode.user_id == user_id,
            OneTimeCode.purpose == purpose,
            OneTimeCode.ended_at.is_(None),
            OneTimeCode.expires_at > now,
            OneTimeCode.tries < most,
        )
        .values(
            tries=OneTimeCode.tries + 1,
            used_at=case((fits, now)),
            ended_at=case((or_(fits, OneTimeCode.tries + 1 >= most), now)),
        )
        .returning(OneTimeCode.used_at)
        .execution_options(synchronize_session=False)
    )
    return used_at is not None


def end_all(user_id: int) -> None:
    """End every open code of a user."""
    for purpose in (VERIFY, RESET):
        _end(user_id, purpose)


def forget_old() -> int:
    """Erase the rows of codes that were asked for more than a day ago; the number erased."""
    old = delete(OneTimeCode).where(OneTimeCode.created_at < clock.now() - KEPT).returning(OneTimeCode.id)
    return len(db.session.scalars(old).all())


@prepares("code")
def _make(row: Outbox) -> mail.Extras:
    """Make a code at the moment of its sending; it is committed before the mail leaves, as an HMAC only."""
    code = f"{secrets.randbelow(10**6):06d}"
    purpose = row.context["purpose"]
    made = db.session.scalar(
        update(OneTimeCode)
        .where(OneTimeCode.id == row.context["code_id"], OneTimeCode.ended_at.is_(None))
        .values(code_hash=_digest(row.user_id, purpose, code), expires_at=clock.now() + current_app.config["CODE_LIFE"])
        .returning(OneTimeCode.id)
        .execution_options(synchronize_session=False)
    )
    if made is None:
        raise CodeEnded("a newer code has replaced this one")
    return mail.Extras({"code": code, "minutes": int(current_app.config["CODE_LIFE"].total_seconds() // 60)})


def _end(user_id: int, purpose: str) -> None:
    now = clock.now()
    ended = db.session.scalars(
        update(OneTimeCode)
        .where(OneTimeCode.user_id == user_id, OneTimeCode.purpose == purpose, OneTimeCode.ended_at.is_(None))
        .values(ended_at=now)
        .returning(OneTimeCode.id)
        .execution_options(synchronize_session=False)
    ).all()
    keys = [f"code:{code_id}" for code_id in ended]
    db.session.execute(
        update(Outbox)
        .where(Outbox.key.in_(keys), Outbox.sent_at.is_(None))
        .values(dead_at=now, last_error="a newer code has replaced this one")
        .execution_options(synchronize_session=False)
    )


def _digest(user_id: int, purpose: str, code: str) -> str:
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.new(key, f"{user_id}\n{purpose}\n{code}".encode(), hashlib.sha256).hexdigest()
