"""Joining, signing in and out, one-time codes, and what staff may do about people."""

import uuid
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import false, func, select, update

from sheda.accounts import attempts, codes, factors, names, passwords, sessions
from sheda.accounts.access import may_answer_for, owes_second_step
from sheda.accounts.errors import (
    AccountDeleted,
    AccountDisabled,
    EmailTaken,
    EmailUnverified,
    InvalidCredentials,
    LastAdmin,
    OtpInvalid,
    PhoneTaken,
    TotpSetupRequired,
    UsernameTaken,
    WrongPassword,
)
from sheda.accounts.events import AccountClosing, PasswordChanged, UserRegistered
from sheda.accounts.models import Role as StoredRole
from sheda.accounts.models import User
from sheda.accounts.security import highest_role
from sheda.core import clock, limits
from sheda.core.access import get_visible
from sheda.core.actor import Actor, Role
from sheda.core.db import advisory_lock, db, flush, lock_one, refuse_on
from sheda.core.errors import InvalidInput, NotAllowed
from sheda.core.events import emit
from sheda.core.fields import UNSTORABLE
from sheda.core.outbox import Outbox
from sheda.core.phones import normalise_phone
from sheda.core.roles import granted
from sheda.core.states import REASON_LENGTH, clean_reason, record

ACTIVE, INACTIVE, DELETED = "active", "inactive", "deleted"


for _name, _refusal in (
    ("uq_ab_user_email", EmailTaken),
    ("uq_ab_user_lower_email", EmailTaken),
    ("uq_ab_user_username", UsernameTaken),
    ("uq_ab_user_lower_username", UsernameTaken),
    ("uq_ab_user_phone", PhoneTaken),
):
    refuse_on(_name, _refusal)


# ── Joining ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def register(
    *,
    email: str,
    password: str,
    role: Role,
    username: str | None = None,
    first_name: str = "",
    last_name: str = "",
    phone: str | None = None,
    details: dict[str, Any] | None = None,
) -> User:
    """Make the account of a client or an agent, and mail a verification code; `details` go to the profile.

    Raises InvalidInput for the password, EmailTaken, UsernameTaken or PhoneTaken.
    """
    if role not in {Role.CLIENT, Role.AGENT}:
        raise NotAllowed("Only clients and agents can register.")
    user = _join(email, password, role, username, first_name=first_name, last_name=last_name, phone=phone)
    emit(UserRegistered(user, role, details or {}))
    codes.post(user, user.email, codes.VERIFY)
    return user


def create_colleague(email: str, password: str, *, role: str) -> User:
    """Make an account of the office, `staff` or `admin`, with its address taken as verified."""
    office = {"staff": Role.STAFF, "admin": Role.ADMIN}[role]
    user = _join(email, password, office, None, verified_at=clock.now())
    emit(UserRegistered(user, office))
    return user


def _join(email: str, password: str, role: Role, username: str | None, **columns: Any) -> User:
    if not names.ADDRESS.fullmatch(email):
        raise InvalidInput.on("email", names.ADVICE)
    passwords.check_choice(password, email)
    if names.is_taken(func.lower(User.email) == func.lower(email)):
        raise EmailTaken
    if username is not None and names.is_taken(func.lower(User.username) == func.lower(username)):
        raise UsernameTaken
    with passwords.one_at_a_time():
        hashed = passwords.hash_password(password)
    stored = db.session.scalars(select(StoredRole).where(StoredRole.name == role.value)).one()
    user = User(
        email=email,
        username=username or names.free_username(email),
        password=hashed,
        active=True,
        created_on=_utc_now(),
        **{"first_name": "", "last_name": "", **columns},
    )
    user.roles = [stored]
    db.session.add(user)
    flush()
    record(Actor(user.id, role), user, "register", None, ACTIVE)
    return user


# ── Signing in and out ───────────────────────────────────────────────────────────────────────────────────────────────


def authenticate(identifier: str, password: str, *, address: str, kind: str = "username") -> User:
    """Return the active user of a user name, e-mail address or telephone number and a password.

    `kind` says what the identifier is; as "username" it may be any of the three. Failures count against the account
    and against `address`. Raises InvalidCredentials after the same work for known and unknown, TooMany at the 11th
    failure within 5 minutes, AccountDisabled or EmailUnverified only when the password was right.
    """
    with passwords.one_at_a_time():
        user = _find(kind, identifier)
        keys = attempts.account_key(user, identifier), attempts.address_key(address)
        attempts.check_password(user, password, keys)
    if user is None or not user.active:
        raise AccountDisabled
    if current_app.config["REQUIRE_VERIFIED_EMAIL"] and user.verified_at is None:
        raise EmailUnverified
    return user


def sign_in(user: User) -> dict[str, Any]:
    """Begin a session of one device and return its tokens with the user, as `/auth/login` answers.

    TotpRequired for whoever has a second step, TotpSetupRequired for staff who owe it.
    """
    factors.ask(user)
    if owes_second_step(role_of(user)):
        raise TotpSetupRequired
    return _session(user)


def sign_in_by_code(challenge: str, code: str, *, address: str) -> dict[str, Any]:
    """End the sign-in that a challenge stands for, as `sign_in` does; raises as `factors.answer`."""
    return _session(factors.answer(challenge, code, address=address))


def _session(user: User) -> dict[str, Any]:
    _count_sign_in(user)
    return {**_tokens(user, sessions.open_family(user)), "user": user}


def enter(identifier: str, password: str, *, address: str) -> tuple[User, uuid.UUID]:
    """Sign in at the door of the admin UI and return the user with the family that his cookie stands for.

    Raises as `authenticate`, NotAllowed for those who have no desk here, and TotpRequired for the second step.
    """
    user = authenticate(identifier, password, address=address)
    if not granted(role_of(user), "enter", "AdminUI"):
        raise NotAllowed("These pages are for agents and staff. Clients use the Sheda app.")
    factors.ask(user)
    return _entered(user)


def enter_by_code(challenge: str, code: str, *, address: str) -> tuple[User, uuid.UUID]:
    """End the sign-in at the door that a challenge stands for; raises as `factors.answer`."""
    return _entered(factors.answer(challenge, code, address=address))


def _entered(user: User) -> tuple[User, uuid.UUID]:
    _count_sign_in(user)
    return user, sessions.open_family(user, current_app.config["PERMANENT_SESSION_LIFETIME"])


def refresh(token: str) -> dict[str, Any]:
    """Exchange a refresh token for new tokens; Unauthorized for a dead one, and a used one ends its whole family."""
    user, family_id = sessions.use_refresh_token(token)
    return _tokens(user, family_id)


def logout(token: str) -> None:
    """End the one session that a living access or refresh token belongs to; Unauthorized for a dead one."""
    _, family_id = sessions.owner_of(token)
    sessions.end_family(family_id)


def logout_all(token: str) -> None:
    """End every session of the owner of a living access or refresh token; Unauthorized for a dead one."""
    user, _ = sessions.owner_of(token)
    end_sessions(user)


def sign_out_oneself(actor: Actor) -> None:
    """End every session of whoever asks, this one too."""
    end_sessions(lock_one(User, actor.user_id))


def leave(actor: Actor) -> None:
    """End the session that an actor came with."""
    if actor.session is not None:
        sessions.end_family(uuid.UUID(actor.session))


def end_sessions(user: User) -> None:
    """End every session of a user at once: access tokens, refresh tokens and cookies."""
    sessions.end_sessions(user)


def role_of(user: User) -> Role:
    """Return the role of a user; the highest, should he have several."""
    return highest_role(user.roles) or Role.PUBLIC


def _find(kind: str, identifier: str) -> User | None:
    text = identifier.strip()
    if not text or UNSTORABLE.search(text):
        return None
    by_email, by_name = func.lower(User.email) == func.lower(text), func.lower(User.username) == func.lower(text)
    try:
        by_phone = User.phone == normalise_phone(text)
    except ValueError:
        by_phone = false()
    conditions = {"email": by_email, "phone": by_phone, "username": by_email | by_name | by_phone}
    # A user name that reads as another's telephone number is its owner's first. No roles are loaded with a person:
    # a known name would take a statement more than an unknown one.
    found = db.session.scalars(select(User).where(conditions[kind]).order_by(by_name.desc()).limit(1))
    return found.one_or_none()


def _count_sign_in(user: User) -> None:
    user.last_login = _utc_now()
    user.login_count = (user.login_count or 0) + 1


def _tokens(user: User, family_id: uuid.UUID) -> dict[str, Any]:
    return {
        "access_token": sessions.access_token(user, family_id),
        "refresh_token": sessions.refresh_token(user, family_id),
        "token_type": "Bearer",
        "expires_in": int(current_app.config["JWT_ACCESS_TOKEN_EXPIRES"].total_seconds()),
    }


# ── Codes and passwords ──────────────────────────────────────────────────────────────────────────────────────────────


def request_code(email: str, purpose: str) -> None:
    """Mail a one-time code where there is somebody for it; nobody can tell from outside whether there was."""
    user = _find("email", email)
    wanted = user is not None and user.active and (purpose != codes.VERIFY or user.verified_at is None)
    codes.post(user if wanted else None, email, purpose)


def verify(email: str, code: str) -> User:
    """Take an e-mail address as verified; OtpInvalid for whatever is wrong with the code."""
    user = _use_code(email, codes.VERIFY, code)
    user.verified_at = clock.now()
    return user


def reset_password(email: str, code: str, password: str) -> User:
    """Set a new password by a mailed code and end every session; InvalidInput for the password, or OtpInvalid."""
    passwords.check_choice(password, email)
    user = _use_code(email, codes.RESET, code)
    set_password(user, password)
    limits.forget("login", attempts.account_key(user, email))
    return user


def change_password(actor: Actor, current: str, new: str) -> dict[str, Any]:
    """Replace one's password, end all other sessions, and return tokens of a new one.

    Raises InvalidInput on `current_password` or `new_password`; wrong ones count as failed sign-ins.
    """
    user = db.session.get_one(User, actor.user_id, with_for_update=True)
    passwords.check_choice(new, user.email, field="new_password")
    with passwords.one_at_a_time():
        try:
            attempts.check_password(user, current, (attempts.account_key(user, user.email),))
        except InvalidCredentials:
            raise WrongPassword from None
    set_password(user, new)
    return _tokens(user, sessions.open_family(user))


def set_password(user: User, password: str) -> None:
    """Store a checked password and end every session."""
    with passwords.one_at_a_time():
        user.password = passwords.hash_password(password)
    end_sessions(user)
    record(Actor(user.id, role_of(user)), user, "change_password", ACTIVE, ACTIVE)
    emit(PasswordChanged(user))


def _use_code(email: str, purpose: str, code: str) -> User:
    user = _find("email", email)
    if not codes.use(user.id if user else 0, purpose, code) or user is None:
        raise OtpInvalid
    return user


# ── The end of an account, and what staff may do about people ────────────────────────────────────────────────────────


def close(actor: Actor) -> User:
    """Delete one's own account: nothing personal is left on it, what others signed with it stays.

    A room that still needs the person refuses (Conflict); LastAdmin for the last one.
    """
    user = lock_one(User, actor.user_id)
    _keep_an_admin(user)
    emit(AccountClosing(user))
    gone = f"deleted-{user.id}"
    user.email, user.username, user.phone = f"{gone}@deleted.invalid", gone, None
    user.first_name, user.last_name, user.password = "Deleted", "account", None
    user.active, user.verified_at, user.deleted_at = False, None, clock.now()
    codes.end_all(user.id)
    factors.forget(user)
    end_sessions(user)
    unsent = update(Outbox).where(Outbox.user_id == user.id, Outbox.sent_at.is_(None))
    db.session.execute(unsent.values(dead_at=clock.now(), last_error="the account was deleted"))
    record(actor, user, "delete", ACTIVE, DELETED)
    return user


def deactivate(actor: Actor, user_id: int, *, reason: str | None = None) -> User:
    """Bar somebody from signing in and end his sessions; repeating it changes nothing."""
    user = answerable_for(actor, user_id, "deactivate")
    if user.active:
        _keep_an_admin(user)
        user.active = False
        end_sessions(user)
        record(actor, user, "deactivate", ACTIVE, INACTIVE, reason=_checked(reason))
    return user


def reactivate(actor: Actor, user_id: int, *, reason: str | None = None) -> User:
    """Let somebody sign in again; AccountDeleted when there is nobody any more."""
    user = answerable_for(actor, user_id, "reactivate")
    if user.deleted_at is not None:
        raise AccountDeleted
    if not user.active:
        user.active = True
        record(actor, user, "reactivate", INACTIVE, ACTIVE, reason=_checked(reason))
    return user


def unlock(actor: Actor, user_id: int, *, reason: str | None = None) -> User:
    """Forget somebody's failed sign-ins, so that he can try again at once."""
    user = answerable_for(actor, user_id, "unlock")
    limits.forget("login", attempts.account_key(user, ""))
    record(actor, user, "unlock", state_of(user), state_of(user), reason=_checked(reason))
    return user


def sign_out(actor: Actor, user_id: int, *, reason: str | None = None) -> User:
    """End every session of somebody, who can sign in again."""
    user = answerable_for(actor, user_id, "sign_out")
    end_sessions(user)
    record(actor, user, "sign_out", state_of(user), state_of(user), reason=_checked(reason))
    return user


def _utc_now() -> datetime:
    return clock.now().replace(tzinfo=None)


def state_of(user: User) -> str:
    """Return whether an account is active, inactive or deleted."""
    return DELETED if user.deleted_at is not None else ACTIVE if user.active else INACTIVE


def answerable_for(actor: Actor, user_id: int, action: str) -> User:
    """Return the locked user when the actor may act upon him: staff never upon staff or admins, nobody upon himself."""
    if not granted(actor.role, action, "User"):
        raise NotAllowed
    user = lock_one(User, get_visible(actor, User, user_id).id)
    if not may_answer_for(actor, user):
        raise NotAllowed("Nobody may do this to his own account, and only an admin to a colleague's.")
    return user


def _keep_an_admin(user: User) -> None:
    if role_of(user) is not Role.ADMIN:
        return
    advisory_lock(("admins", 0))
    others = select(User.id).where(User.active, User.id != user.id, User.roles.any(StoredRole.name == Role.ADMIN.value))
    if db.session.scalar(others.limit(1)) is None:
        raise LastAdmin


def _checked(reason: str | None) -> str | None:
    text = clean_reason(reason)
    if text is not None and len(text) > REASON_LENGTH:
        raise InvalidInput.on("reason", f"Shorten the reason to {REASON_LENGTH} characters.")
    return text
