"""The door of the admin UI, and what staff do about people and read about roles."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from sheda.accounts import services
from sheda.accounts.models import Role, User, assoc_user_role
from sheda.accounts.security import cookie_marks
from sheda.core import widgets
from sheda.core.actor import Actor
from sheda.core.actor import Role as ActorRole
from sheda.core.db import db, in_transaction
from sheda.core.generated import RoomView
from sheda.core.lists import Empty, RoomInterface
from sheda.core.roles import pairs_of
from sheda.core.states import Move
from sheda.core.views import DoorView


class SignIn(DoorView):
    """The door: agents, staff and admins enter; clients are told to use the app."""

    def admit(self, identifier: str, password: str, *, address: str) -> tuple[Any, dict[str, Any]]:
        """Return the user who may enter and the marks of his cookie; a Refusal for everybody else."""
        user, family_id = in_transaction(lambda: services.enter(identifier, password, address=address))
        return user, cookie_marks(user, family_id)

    def dismiss(self, actor: Actor) -> None:
        """End the session."""
        services.leave(actor)
