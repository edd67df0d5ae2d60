"""Setting up the second step of one's sign-in, and what an admin may do when somebody has lost his telephone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from sqlalchemy import func, select

from sheda.accounts import attempts, factors, passwords, services
from sheda.accounts.access import owes_second_step
from sheda.accounts.errors import InvalidCredentials, SecondStepNeeded, TotpInvalid, WrongPassword
from sheda.accounts.events import TwoFactorChanged
from sheda.accounts.models import RefreshFamily, RefreshToken, SecondFactor, User
from sheda.accounts.states import ACTS
from sheda.core import clock, sealing
from sheda.core.actor import Actor
from sheda.core.db import db, flush, lock_one
from sheda.core.errors import Conflict, InvalidInput
from sheda.core.events import emit
from sheda.core.states import check_reason, clean_reason, record

ISSUER = "Sheda"
BEGUN_FOR = timedelta(hours=1)
"""How long a secret that was shown waits for its first code."""


class NothingBegun(Conflict):
    """Refuse a first code for which no secret waits."""

    code = "totp_not_begun"
    detail = "Begin again: the code to scan was shown too long ago."


class AlreadyOn(Conflict):
    """Refuse to begin what is on: the secret in use would be overwritten."""

    code = "totp_on"
    detail = "Two-step sign-in is on already. Turn it off first to use another telephone."


@dataclass(frozen=True)
class Standing:
    """Where somebody stands: since when it is on, how many recovery codes are left, what waits to be scanned."""

    since: datetime | None
    codes_left: int
    is_required: bool
    secret: str = ""
    uri: str = ""


def standing(actor: Actor) -> Standing:
    """Return where somebody stands with his second step; a secret that he has begun with is among it, for him alone."""
    user = db.session.get_one(User, actor.user_id)
    required = owes_second_step(actor.role)
    if user.totp_since is not None:
        return Standing(user.totp_since, factors.codes_left(user.id), required)
    factor = db.session.get(SecondFactor, user.id)
    is_fresh = factor is not None and factor.created_at >= clock.now() - BEGUN_FOR
    secret = factors.secret_of(factor) if factor is not None and is_fresh else None
    if secret is None:
        return Standing(None, 0, required)
    return Standing(None, 0, required, secret, pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER))


def begin(actor: Actor) -> None:
    """Make a secret for somebody's app, in the place of one that he has not confirmed."""
    user = lock_one(User, actor.user_id)
    if user.totp_since is not None:
        raise AlreadyOn
    factor = db.session.get(SecondFactor, user.id) or SecondFactor(user_id=user.id)
    factor.secret, factor.created_at = sealing.seal(pyotp.random_base32(), factors.PURPOSE), clock.now()
    factor.confirmed_at, factor.last_step = None, 0
    db.session.add(factor)
    flush()


def confirm(actor: Actor, *, password: str, code: str) -> list[str]:
    """Turn the second step on by the app's first code, and return the recovery codes; they are shown this once.

    Raises NothingBegun, or InvalidInput on `password` or `code`; wrong ones count as failed sign-ins.
    """
    user = lock_one(User, actor.user_id)
    factor = db.session.get(SecondFactor, user.id, with_for_update=True)
    if user.totp_since is not None or factor is None or factor.created_at < clock.now() - BEGUN_FOR:
        raise NothingBegun
    _check_password(user, password)
    if not factors.take_step(factor, code.replace(" ", "")):
        _refuse_code(user)
    factor.confirmed_at = user.totp_since = clock.now()
    codes = factors.new_recovery_codes(user)
    _note(actor, user, "totp_on", "on")
    return codes


def renew_codes(actor: Actor, *, password: str, code: str) -> list[str]:
    """Make ten new recovery codes and return them; those before open nothing any more. Raises as `confirm`."""
    user = _proven(actor, password, code)
    codes = factors.new_recovery_codes(user)
    _note(actor, user, "totp_codes", "new_codes")
    return codes


def turn_off(actor: Actor, *, password: str, code: str) -> None:
    """Turn one's second step off; SecondStepNeeded where the house asks for it. Raises as `confirm`."""
    if owes_second_step(actor.role):
        raise SecondStepNeeded
    user = _proven(actor, password, code)
    factors.forget(user)
    _note(actor, user, "totp_off", "off")


def reset(actor: Actor, user_id: int, *, reason: str | None = None) -> User:
    """Take somebody's second step away, who has lost his telephone and his codes; he is told, and signed out."""
    user = services.answerable_for(actor, user_id, "reset_totp")
    check_reason(ACTS["reset_totp"], actor, reason)
    if user.totp_since is not None:
        factors.forget(user)
        services.end_sessions(user)
        _note(actor, user, "reset_totp", "reset", reason=clean_reason(reason))
    return user


def sessions_of(user_id: int) -> list[RefreshFamily]:
    """Return somebody's open sessions, the newest first."""
    mine = select(RefreshFamily).where(
        RefreshFamily.user_id == user_id, RefreshFamily.revoked_at.is_(None), RefreshFamily.expires_at > clock.now()
    )
    return list(db.session.scalars(mine.order_by(RefreshFamily.created_at.desc()).limit(20)))


def activity_of(user_id: int) -> tuple[int, datetime | None]:
    """Return on how many devices somebody is signed in, and when one of them last began or renewed its session."""
    renewed = select(func.max(RefreshToken.created_at)).where(RefreshToken.family_id == RefreshFamily.id)
    last = func.greatest(RefreshFamily.created_at, renewed.scalar_subquery())
    mine = select(func.count(), func.max(last)).where(
        RefreshFamily.user_id == user_id, RefreshFamily.revoked_at.is_(None), RefreshFamily.expires_at > clock.now()
    )
    number, at = db.session.execute(mine).one()
    return number, at


def _proven(actor: Actor, password: str, code: str) -> User:
    user = lock_one(User, actor.user_id)
    if user.totp_since is None:
        raise NothingBegun("Two-step sign-in is off.")
    _check_password(user, password)
    if not factors.take_code(user, code):
        _refuse_code(user)
    return user


def _check_password(user: User, password: str) -> None:
    with passwords.one_at_a_time():
        try:
            attempts.check_password(user, password, (attempts.account_key(user, ""),))
        except InvalidCredentials:
            raise WrongPassword("password") from None


def _refuse_code(user: User) -> None:
    attempts.count_failure(attempts.account_key(user, ""))
    raise InvalidInput.on("code", TotpInvalid.detail)


def _note(actor: Actor, user: User, move: str, change: str, *, reason: str | None = None) -> None:
    state = services.state_of(user)
    record(actor, user, move, state, state, reason=reason)
    emit(TwoFactorChanged(user, change, reason=reason))
