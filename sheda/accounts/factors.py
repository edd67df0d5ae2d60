"""The second step of signing in: a code of an authenticator app (RFC 6238), or one of ten recovery codes.

A code of a step of time that was taken before is refused, also within its thirty seconds.
"""

import hashlib
import hmac
import logging
import re
import secrets

import pyotp
from flask import current_app
from sqlalchemy import delete, func, select, update

from sheda.accounts import attempts
from sheda.accounts.errors import ChallengeInvalid, TotpInvalid, TotpRequired
from sheda.accounts.events import TwoFactorChanged
from sheda.accounts.models import RecoveryCode, SecondFactor, SignInChallenge, User
from sheda.core import clock, sealing
from sheda.core.db import db, flush
from sheda.core.events import emit

log = logging.getLogger(__name__)

PURPOSE = "totp"
STEP = 30
"""Seconds of one code (RFC 6238, 4.1)."""

DRIFT = (-1, 0, 1)
"""Steps around now whose codes are taken: clocks of telephones go wrong by seconds."""

DIGITS = 6
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
"""80 bits: no list of guesses reaches them, so that a plain hash is enough."""


# ── Between the two steps ────────────────────────────────────────────────────────────────────────────────────────────


def ask(user: User) -> None:
    """Begin the second step for whoever has one: TotpRequired carries the challenge; nothing happens for others."""
    if user.totp_since is None:
        return
    token, life = secrets.token_urlsafe(32), current_app.config["TOTP_CHALLENGE_LIFE"]
    now = clock.now()
    row = SignInChallenge(user_id=user.id, token_hash=_hash(token), created_at=now, expires_at=now + life)
    db.session.add(row)
    flush()
    raise TotpRequired(challenge=token, expires_in=int(life.total_seconds()))


def answer(token: str, code: str, *, address: str) -> User:
    """Return the user whose challenge a code answers, and use both up.

    Wrong codes count as failed sign-ins. Raises ChallengeInvalid, TotpInvalid, or TooMany.
    """
    attempts.check_open(attempts.address_key(address))
    now = clock.now()
    challenge = db.session.scalars(
        select(SignInChallenge)
        .where(
            SignInChallenge.token_hash == _hash(token),
            SignInChallenge.used_at.is_(None),
            SignInChallenge.expires_at > now,
            SignInChallenge.tries < current_app.config["CODE_TRIES"],
        )
        .with_for_update()
    ).one_or_none()
    user = db.session.get(User, challenge.user_id) if challenge else None
    if challenge is None or user is None or not user.active or user.totp_since is None:
        raise ChallengeInvalid
    keys = attempts.account_key(user, ""), attempts.address_key(address)
    attempts.check_open(*keys)
    challenge.tries += 1
    if not take_code(user, code):
        attempts.count_failure(*keys)
        raise TotpInvalid
    challenge.used_at = now
    return user


def forget_expired() -> int:
    """Erase challenges past their life; the number erased."""
    over = delete(SignInChallenge).where(SignInChallenge.expires_at < clock.now()).returning(SignInChallenge.id)
    return len(db.session.scalars(over).all())


# ── Codes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def take_code(user: User, code: str) -> bool:
    """Check a code of the app or a recovery code and use it up; False for any that is no good."""
    text = re.sub(r"[\s-]", "", code).upper()
    if is_digits(text):
        factor = db.session.get(SecondFactor, user.id, with_for_update=True, populate_existing=True)
        return factor is not None and factor.confirmed_at is not None and take_step(factor, text)
    return _take_recovery_code(user, text)


def is_digits(text: str) -> bool:
    """Tell whether a text could be a code of an app: whatever else it is belongs to recovery, or is nonsense."""
    return len(text) == DIGITS and text.isascii() and text.isdigit()


def take_step(factor: SecondFactor, digits: str) -> bool:
    """Check the digits of an app against the locked factor's next steps of time, and take the step."""
    secret = secret_of(factor) if is_digits(digits) else None
    if secret is None:
        return False
    app, present = pyotp.TOTP(secret, digits=DIGITS, interval=STEP), int(clock.now().timestamp()) // STEP
    fitting = [step for step in (present + drift for drift in DRIFT) if hmac.compare_digest(_code(app, step), digits)]
    if not fitting or fitting[0] <= factor.last_step:
        return False
    factor.last_step = fitting[0]
    if not sealing.is_current(factor.secret, PURPOSE):
        factor.secret = sealing.seal(secret, PURPOSE)
    return True


def secret_of(factor: SecondFactor) -> str | None:
    """Return the secret of an app; None when its SECRET_KEY is gone, which the log says: recovery codes work still."""
    try:
        return sealing.unseal(factor.secret, PURPOSE)
    except sealing.Unsealable:
        log.error("the second factor of user %s is sealed under a SECRET_KEY that is not set", factor.user_id)  # noqa: TRY400
        return None


def _code(app: pyotp.TOTP, step: int) -> str:
    return app.generate_otp(step)


def _take_recovery_code(user: User, text: str) -> bool:
    used = db.session.scalar(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user.id,
            RecoveryCode.code_hash == recovery_hash(user.id, text),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=clock.now())
        .returning(RecoveryCode.id)
        .execution_options(synchronize_session=False)
    )
    if used is None:
        return False
    emit(TwoFactorChanged(user, "code_used", left=codes_left(user.id)))
    return True


def new_recovery_codes(user: User) -> list[str]:
    """Make ten recovery codes in the place of all before, and return them: nobody can read them again."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    codes = [_random_code() for _ in range(RECOVERY_CODES)]
    now = clock.now()
    db.session.add_all(
        RecoveryCode(user_id=user.id, code_hash=recovery_hash(user.id, one.replace("-", "")), created_at=now)
        for one in codes
    )
    flush()
    return codes


def _random_code() -> str:
    text = pyotp.random_base32(32)[: RECOVERY_BYTES * 8 // 5]
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def codes_left(user_id: int) -> int:
    """Count the recovery codes that are not used yet."""
    left = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return db.session.scalar(left.select_from(RecoveryCode)) or 0


def recovery_hash(user_id: int, text: str) -> str:
    """Return what is kept of a recovery code."""
    return _hash(f"{user_id}\n{text}")


def forget(user: User) -> None:
    """Erase somebody's second step: his app's secret, his recovery codes, and sign-ins between two steps."""
    user.totp_since = None
    for model in (SecondFactor, RecoveryCode, SignInChallenge):
        db.session.execute(delete(model).where(model.user_id == user.id))


def reseal_all() -> int:
    """Seal every secret under the present SECRET_KEY that is still under an older one; how many were."""
    changed = 0
    for factor in db.session.scalars(select(SecondFactor).with_for_update()):
        secret = None if sealing.is_current(factor.secret, PURPOSE) else secret_of(factor)
        if secret is not None:
            factor.secret = sealing.seal(secret, PURPOSE)
            changed += 1
    return changed


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
