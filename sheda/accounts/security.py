"""Flask-AppBuilder's security manager, made cheap: one statement knows a person, a cached table answers each knock."""

import time
import uuid
from collections.abc import Iterable
from typing import Any

from flask import session
from flask_appbuilder.security.sqla.manager import SecurityManager as StockSecurityManager
from flask_jwt_extended import decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError
from sqlalchemy import Select, select
from sqlalchemy.orm import selectinload

from sheda.accounts.models import RefreshFamily, Role, User, assoc_user_role
from sheda.core import clock
from sheda.core.actor import Actor, act_as, current_actor
from sheda.core.actor import Role as ActorRole
from sheda.core.db import db
from sheda.core.errors import Unauthorized

GRANTS_KEPT = 10.0
"""Seconds for which a process trusts its copy of the roles' permissions; `sync-roles` shows within that time."""

PRECEDENCE = (ActorRole.ADMIN, ActorRole.STAFF, ActorRole.AGENT, ActorRole.CLIENT)

COOKIE_VERSION, COOKIE_FAMILY = "sheda_session_version", "sheda_family"
"""Where a cookie remembers its user's session version, and the sign-in that it stands for."""


def cookie_marks(user: User, family_id: uuid.UUID) -> dict[str, Any]:
    """Return what a cookie remembers to be a session of the user: it ends with its family, version or life."""
    return {COOKIE_VERSION: user.session_version, COOKIE_FAMILY: str(family_id)}


def highest_role(named: Iterable[Any]) -> ActorRole | None:
    """Return the highest of some stored roles, by their names; None when a person has none of ours."""
    names = {one.name for one in named}
    return next((role for role in PRECEDENCE if role.value in names), None)


def _person() -> Select[Any]:
    return (
        select(User.id, User.first_name, User.last_name, User.email, Role.name)
        .join(assoc_user_role, assoc_user_role.c.user_id == User.id)
        .join(Role, Role.id == assoc_user_role.c.role_id)
        .where(User.active)
    )


def _actor_of(rows: Any, session_name: str) -> Actor | None:
    if not rows:
        return None
    role = highest_role(rows)
    if role is None:
        return None
    first = rows[0]
    return Actor(first.id, role, f"{first.first_name} {first.last_name}".strip(), first.email, session_name)


class SecurityManager(StockSecurityManager):
    """The stock manager with our users' sessions, and permissions read once for all requests."""

    def __init__(self, appbuilder: Any) -> None:
        super().__init__(appbuilder)
        self._grants: dict[str, frozenset[tuple[str, str]]] = {}
        self._grants_until = 0.0

    def actor_of_token(self, token: str) -> Actor:
        """Recognise the person of an access token, alive by user, version and family; Unauthorized otherwise."""
        try:
            claims = decode_token(token)
            if claims["type"] != "access":
                raise Unauthorized("Send the access token here, not the refresh token.")
            family, version, user_id = uuid.UUID(claims["fam"]), int(claims["ver"]), int(claims["sub"])
        except (PyJWTError, JWTExtendedException, KeyError, ValueError, TypeError) as fault:
            raise Unauthorized from fault
        alive = _person().join(RefreshFamily, RefreshFamily.user_id == User.id)
        alive = alive.where(RefreshFamily.id == family, RefreshFamily.revoked_at.is_(None))
        actor = _actor_of(
            db.session.execute(alive.where(User.id == user_id, User.session_version == version)).all(), str(family)
        )
        if actor is None:
            raise Unauthorized
        return actor

    def load_user(self, pk: Any) -> User | None:
        """Load the user of a cookie, with what pages need, while the cookie's sign-in and session version live."""
        try:
            user_id, family_id = int(pk), uuid.UUID(session.get(COOKIE_FAMILY, ""))
        except ValueError:
            return None
        user: User | None = db.session.scalars(
            select(User)
            .join(RefreshFamily, RefreshFamily.user_id == User.id)
            .where(User.id == user_id, User.active, User.session_version == session.get(COOKIE_VERSION))
            .where(
                RefreshFamily.id == family_id,
                RefreshFamily.revoked_at.is_(None),
                RefreshFamily.expires_at > clock.now(),
            )
            .options(selectinload(User.roles))
        ).one_or_none()
        role = highest_role(user.roles) if user is not None else None
        if user is None or role is None:
            return None
        act_as(Actor(user.id, role, user.get_full_name().strip(), user.email, str(family_id)))
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
        from flask_appbuilder.security.sqla.models import (
            Permission,
            PermissionView,
            ViewMenu,
            assoc_permissionview_role,
        )

        pairs = (
            select(Role.name, Permission.name.label("permission"), ViewMenu.name.label("view"))
            .join(assoc_permissionview_role, assoc_permissionview_role.c.role_id == Role.id)
            .join(PermissionView, PermissionView.id == assoc_permissionview_role.c.permission_view_id)
            .join(Permission, Permission.id == PermissionView.permission_id)
            .join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
        )
        found: dict[str, set[tuple[str, str]]] = {}
        for role, permission, view in db.session.execute(pairs):
            found.setdefault(role, set()).add((permission, view))
        return {role: frozenset(pairs) for role, pairs in found.items()}

    def is_item_public(self, permission_name: str, view_name: str) -> bool:
        """Tell whether the public may knock."""
        return (permission_name, view_name) in self.grants_of(ActorRole.PUBLIC.value)

    def get_user_menu_access(self, menu_names: list[str] | None = None) -> set[str]:
        """Return the menu entries that whoever acts may see."""
        granted = self.grants_of(current_actor().role.value)
        return {view for permission, view in granted if permission == "menu_access"} & set(menu_names or [])
