"""Sessions: short access tokens, single-use refresh tokens in families, and one version number that ends them all."""

import uuid
from datetime import timedelta
from typing import Any

from flask import current_app
from flask_jwt_extended import create_access_token, create_refresh_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError
from sqlalchemy import delete, update

from sheda.accounts.events import SessionEnded
from sheda.accounts.models import RefreshFamily, RefreshToken, SignInChallenge, User
from sheda.core import clock
from sheda.core.db import db
from sheda.core.errors import Unauthorized
from sheda.core.events import emit


class Replayed(Unauthorized):
    """Refuse a refresh token that was used before: it was stolen or sent twice, so its whole family has ended."""

    detail = "This refresh token was used before, so this sign-in was ended. Sign in again."
    keeps_work = True


def open_family(user: User, life: timedelta | None = None) -> uuid.UUID:
    """Begin a sign-in of one device and return its family's id; without `life` it lives as long as a refresh token."""
    now = clock.now()
    family = RefreshFamily(
        id=uuid.uuid4(),
        user_id=user.id,
        created_at=now,
        expires_at=now + (life or current_app.config["JWT_REFRESH_TOKEN_EXPIRES"]),
    )
    db.session.add(family)
    db.session.flush()
    return family.id


def access_token(user: User, family_id: uuid.UUID) -> str:
    """Make an access token of a family, for 15 minutes."""
    token: str = create_access_token(str(user.id), additional_claims=_claims(user, family_id))
    return token


def refresh_token(user: User, family_id: uuid.UUID) -> str:
    """Make the next refresh token of a family, for 14 days; the one before must be used up."""
    now = clock.now()
    row = RefreshToken(
        id=uuid.uuid4(),
        family_id=family_id,
        created_at=now,
        expires_at=now + current_app.config["JWT_REFRESH_TOKEN_EXPIRES"],
    )
    db.session.add(row)
    db.session.flush()
    claims = {**_claims(user, family_id), "jti": str(row.id)}
    token: str = create_refresh_token(str(user.id), additional_claims=claims)
    return token


def use_refresh_token(token: str) -> tuple[User, uuid.UUID]:
    """Use a refresh token up and return its user and family.

    Raises Unauthorized for a token that is no longer good, Replayed for one used before, which ends the family.
    """
    claims = _read(token, "refresh")
    family, user = _alive(claims)
    row = db.session.get(RefreshToken, _uuid(claims["jti"]))
    if row is None or row.family_id != family.id or row.expires_at <= clock.now():
        raise Unauthorized
    if row.used_at is not None:
        end_family(family.id)
        raise Replayed
    row.used_at = clock.now()
    family.expires_at = clock.now() + current_app.config["JWT_REFRESH_TOKEN_EXPIRES"]
    db.session.flush()
    return user, family.id


def owner_of(token: str) -> tuple[User, uuid.UUID]:
    """Return the user and family of a living token of either kind, without using it up; Unauthorized otherwise."""
    claims = _read(token, "access", "refresh")
    family, user = _alive(claims)
    if claims["type"] == "refresh":
        row = db.session.get(RefreshToken, _uuid(claims["jti"]))
        if row is None or row.used_at is not None or row.expires_at <= clock.now():
            raise Unauthorized
    return user, family.id


def end_family(family_id: uuid.UUID) -> None:
    """End one sign-in: its refresh tokens and its access tokens."""
    db.session.execute(
        update(RefreshFamily)
        .where(RefreshFamily.id == family_id, RefreshFamily.revoked_at.is_(None))
        .values(revoked_at=clock.now())
    )
    emit(SessionEnded())


def end_sessions(user: User) -> None:
    """End every session of a user at once: access tokens, refresh tokens, cookies, and sign-ins between two steps."""
    user.session_version = User.session_version + 1
    db.session.flush()
    db.session.execute(delete(SignInChallenge).where(SignInChallenge.user_id == user.id))
    db.session.execute(
        update(RefreshFamily)
        .where(RefreshFamily.user_id == user.id, RefreshFamily.revoked_at.is_(None))
        .values(revoked_at=clock.now())
    )
    emit(SessionEnded())


def forget_expired() -> int:
    """Erase families whose last token is past its life, with their tokens; the number erased."""
    over = delete(RefreshFamily).where(RefreshFamily.expires_at < clock.now()).returning(RefreshFamily.id)
    return len(db.session.scalars(over).all())


def _claims(user: User, family_id: uuid.UUID) -> dict[str, Any]:
    return {"fam": str(family_id), "ver": user.session_version}


def _read(token: str, *kinds: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = decode_token(token)
    except (PyJWTError, JWTExtendedException, ValueError, TypeError, KeyError) as fault:
        raise Unauthorized from fault
    if claims.get("type") not in kinds:
        raise Unauthorized("Send the refresh token here.")
    return claims


def _uuid(text: Any) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except (ValueError, TypeError, AttributeError) as fault:
        raise Unauthorized from fault


def _alive(claims: dict[str, Any]) -> tuple[RefreshFamily, User]:
    # The lock lets two uses of one token come one after the other: the second one sees the first.
    family = db.session.get(RefreshFamily, _uuid(claims.get("fam")), with_for_update=True, populate_existing=True)
    if family is None or family.revoked_at is not None or str(family.user_id) != claims["sub"]:
        raise Unauthorized
    user = db.session.get(User, family.user_id)
    if user is None or not user.active or user.session_version != claims.get("ver"):
        raise Unauthorized
    return family, user
