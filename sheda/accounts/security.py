"""Flask-AppBuilder's security manager, made cheap: one statement knows a person, a cached table answers each knock."""

import time
import uuid
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import jwt
from flask import current_app, session
from flask_appbuilder.security.sqla.manager import SecurityManager as StockSecurityManager
from jwt.exceptions import PyJWTError
from sqlalchemy import column, select, table
from sqlalchemy.orm import joinedload

from sheda.accounts.access import owes_second_step
from sheda.accounts.models import RefreshFamily, User
from sheda.core import clock
from sheda.core.actor import Actor, act_as, current_actor
from sheda.core.actor import Role as ActorRole
from sheda.core.db import db, read, read_one
from sheda.core.errors import Unauthorized

GRANTS_KEPT = 10.0
"""Seconds for which a process trusts its copy of the roles' permissions; `sync-roles` shows within that time."""

TOKENS_KEPT = 4096
"""Tokens whose signature a process need not check again."""

_ALIVE = """SELECT u.first_name, u.last_name, u.email, array_agg(r.name::text)
 FROM refresh_families f JOIN ab_user u ON u.id = f.user_id
 JOIN ab_user_role m ON m.user_id = u.id JOIN ab_role r ON r.id = m.role_id
 WHERE f.id = :family AND f.revoked_at IS NULL AND u.id = :person AND u.active AND u.session_version = :version
 GROUP BY u.id"""

_SIGNED_IN = """SELECT u.first_name, u.last_name, u.email, array_agg(r.name::text)
 FROM refresh_families f JOIN ab_user u ON u.id = f.user_id
 JOIN ab_user_role m ON m.user_id = u.id JOIN ab_role r ON r.id = m.role_id
 WHERE f.id = CAST(:family AS uuid) AND f.revoked_at IS NULL AND f.expires_at > :now AND u.id = :person AND u.active
 GROUP BY u.id"""

_PERMISSIONS = """SELECT r.name, p.name, v.name FROM ab_role r
 JOIN ab_permission_view_role g ON g.role_id = r.id JOIN ab_permission_view pv ON pv.id = g.permission_view_id
 JOIN ab_permission p ON p.id = pv.permission_id JOIN ab_view_menu v ON v.id = pv.view_menu_id"""

_PROFILES = table("profiles", column("user_id"), column("time_zone"))
"""Of the room on the right every page needs a person's zone; asked of the room, it would be one more statement."""

PRECEDENCE = (ActorRole.ADMIN, ActorRole.STAFF, ActorRole.AGENT, ActorRole.CLIENT)

COOKIE_VERSION, COOKIE_FAMILY = "sheda_session_version", "sheda_family"
"""Where a cookie remembers its user's session version, and the sign-in that it stands for."""


def cookie_marks(user: User, family_id: uuid.UUID) -> dict[str, Any]:
    """Return what a cookie remembers to be a session of the user: it ends with its family, version or life."""
    return {COOKIE_VERSION: user.session_version, COOKIE_FAMILY: str(family_id)}


def highest_role(named: Iterable[Any]) -> ActorRole | None:
    """Return the highest of some stored roles, by their names; None when a person has none of ours."""
    return _highest([one.name for one in named])


def _highest(names: Sequence[str]) -> ActorRole | None:
    return next((role for role in PRECEDENCE if role.value in names), None)


def _actor(user_id: int, family: uuid.UUID | str, person: tuple[Any, ...] | None) -> Actor | None:
    role = _highest(person[3]) if person else None
    if person is None or role is None:
        return None
    first_name, last_name, email, _ = person
    return Actor(user_id, role, f"{first_name} {last_name}".strip(), email, str(family))


@lru_cache(maxsize=TOKENS_KEPT)
def _verified(token: str, key: str, algorithm: str, audience: str, issuer: str) -> dict[str, Any]:
    """Check once that we made a token and return its claims; whether its time is over is looked at every time."""
    options: Any = {"verify_exp": False, "require": ["exp", "sub"]}
    return jwt.decode(token, key, algorithms=[algorithm], audience=audience, issuer=issuer, options=options)


class SecurityManager(StockSecurityManager):
    """The stock manager with our users' sessions, and permissions read once for all requests."""

    def __init__(self, appbuilder: Any) -> None:
        super().__init__(appbuilder)
        self._grants: dict[str, frozenset[tuple[str, str]]] = {}
        self._grants_until = 0.0

    def actor_of_token(self, token: str) -> Actor:
        """Recognise the person of an access token, alive by user, version and family; Unauthorized otherwise."""
        config = current_app.config
        audience, issuer = config["JWT_DECODE_AUDIENCE"], config["JWT_DECODE_ISSUER"]
        try:
            claims = _verified(token, config["JWT_SECRET_KEY"], config["JWT_ALGORITHM"], audience, issuer)
            if claims["type"] != "access":
                raise Unauthorized("Send the access token here, not the refresh token.")
            family, version, user_id = uuid.UUID(claims["fam"]), int(claims["ver"]), int(claims["sub"])
        except (PyJWTError, KeyError, ValueError, TypeError) as fault:
            raise Unauthorized from fault
        if claims["exp"] <= time.time():
            raise Unauthorized
        actor = _actor(user_id, family, read_one(_ALIVE, family=family, person=user_id, version=version))
        if actor is None:
            raise Unauthorized
        return actor

    def actor_of_sign_in(self, user_id: int, family: uuid.UUID | str) -> Actor | None:
        """Return the person of a sign-in as he is now; None when it has ended."""
        found = read_one(_SIGNED_IN, family=str(family), person=user_id, now=clock.now())
        return _actor(user_id, family, found)

    def load_user(self, pk: Any) -> User | None:
        """Load the user of a cookie, with what pages need, while the cookie's sign-in and session version live."""
        try:
            user_id, family_id = int(pk), uuid.UUID(session.get(COOKIE_FAMILY, ""))
        except ValueError:
            return None
        zone = select(_PROFILES.c.time_zone).where(_PROFILES.c.user_id == User.id).scalar_subquery()
        found = db.session.execute(
            select(User, zone)
            .join(RefreshFamily, RefreshFamily.user_id == User.id)
            .where(User.id == user_id, User.active, User.session_version == session.get(COOKIE_VERSION))
            .where(
                RefreshFamily.id == family_id,
                RefreshFamily.revoked_at.is_(None),
                RefreshFamily.expires_at > clock.now(),
            )
            .options(joinedload(User.roles))
        )
        row = found.unique().one_or_none()
        if row is None:
            return None
        user: User = row[0]
        role = highest_role(user.roles)
        if role is None:
            return None
        is_held = user.totp_since is None and owes_second_step(role)
        name = user.get_full_name().strip()
        act_as(Actor(user.id, role, name, user.email, str(family_id), is_held, user.language, row[1]))
        return user

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """Tell whether whoever acts may knock, by the permissions stored for his role."""
        actor = current_actor()
        return (permission_name, view_name) in self.grants_of(actor.role.value)

    def grants_of(self, role_name: str) -> frozenset[tuple[str, str]]:
        """Return a role's stored (permission, view) pairs, read at most every ten seconds."""
        if time.monotonic() >= self._grants_until:
            self._grants = self._read_grants()
            self._grants_until = time.monotonic() + GRANTS_KEPT
        return self._grants.get(role_name, frozenset())

    def forget_grants(self) -> None:
        """Read the stored permissions again at the next knock."""
        self._grants_until = 0.0

    def _read_grants(self) -> dict[str, frozenset[tuple[str, str]]]:
        found: dict[str, set[tuple[str, str]]] = {}
        for role, permission, view in read(_PERMISSIONS):
            found.setdefault(role, set()).add((permission, view))
        return {role: frozenset(pairs) for role, pairs in found.items()}

    def is_item_public(self, permission_name: str, view_name: str) -> bool:
        """Tell whether the public may knock."""
        return (permission_name, view_name) in self.grants_of(ActorRole.PUBLIC.value)

    def get_user_menu_access(self, menu_names: list[str] | None = None) -> set[str]:
        """Return the menu entries that whoever acts may see."""
        granted = self.grants_of(current_actor().role.value)
        return {view for permission, view in granted if permission == "menu_access"} & set(menu_names or [])
