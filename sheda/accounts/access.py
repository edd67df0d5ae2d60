"""Which people and roles are there for you."""

from typing import Any

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
