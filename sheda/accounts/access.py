"""Which people and roles are there for you."""

from typing import Any

from flask import current_app
from sqlalchemy import false, true

from sheda.accounts.models import Role, User
from sheda.core.access import row_rule
from sheda.core.actor import Actor
from sheda.core.actor import Role as ActorRole


@row_rule(User)
def _user_rows(actor: Actor) -> Any:
    return true() if actor.is_office else User.id == actor.id


@row_rule(Role)
def _role_rows(actor: Actor) -> Any:
    return true() if actor.role in {ActorRole.ADMIN, ActorRole.SYSTEM} else false()


def may_answer_for(actor: Actor, user: User) -> bool:
    """Tell whether staff may act upon an account: nobody upon his own, only admins upon colleagues' (access.md)."""
    is_colleague = bool({role.name for role in user.roles} & {ActorRole.STAFF.value, ActorRole.ADMIN.value})
    return bool(user.id != actor.id) and (actor.role in {ActorRole.ADMIN, ActorRole.SYSTEM} or not is_colleague)


def owes_second_step(role: ActorRole) -> bool:
    """Tell whether the house asks this role for a second step of signing in (REQUIRE_TOTP_FOR_STAFF)."""
    return bool(current_app.config["REQUIRE_TOTP_FOR_STAFF"]) and role in {ActorRole.STAFF, ActorRole.ADMIN}
