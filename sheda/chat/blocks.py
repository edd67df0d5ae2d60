"""Blocks: a person who does not want to hear from another; neither of them writes to the other then."""

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert

from sheda.accounts.models import Role, User, assoc_user_role
from sheda.chat.models import Block
from sheda.core import clock
from sheda.core.actor import OFFICE, Actor
from sheda.core.db import db
from sheda.core.errors import Conflict, InvalidInput, NotFound


class OfficeUnblockable(Conflict):
    """Refuse to block staff: what they have to say must be heard."""

    code = "office_cannot_be_blocked"
    detail = "The people of the office cannot be blocked."


def block(actor: Actor, user_id: int, *, reason: str | None = None) -> bool:
    """Block somebody; False when he was blocked already. Bookings' own notices still reach both.

    Raises InvalidInput for oneself, NotFound for nobody, OfficeUnblockable.
    """
    if user_id == actor.user_id:
        raise InvalidInput.on("user_id", "You cannot block yourself.")
    if db.session.scalar(select(User.id).where(User.id == user_id)) is None:
        raise NotFound("There is no such person.")
    offices = exists().where(
        assoc_user_role.c.user_id == user_id, assoc_user_role.c.role_id == Role.id,
        Role.name.in_([role.value for role in OFFICE]),
    )  # fmt: skip
    if db.session.scalar(select(offices)):
        raise OfficeUnblockable
    made = insert(Block).values(blocker_id=actor.user_id, blocked_id=user_id, reason=reason, created_at=clock.now())
    made = made.on_conflict_do_nothing(index_elements=["blocker_id", "blocked_id"])
    return db.session.scalar(made.returning(Block.id)) is not None


def unblock(actor: Actor, user_id: int) -> bool:
    """Let somebody write again; False when he was not blocked."""
    gone = delete(Block).where(Block.blocker_id == actor.user_id, Block.blocked_id == user_id).returning(Block.id)
    return db.session.scalar(gone) is not None


def has_blocked(actor: Actor, user_id: int) -> bool:
    """Tell whether the actor has blocked somebody; nobody is told of blocks against himself."""
    found = exists().where(Block.blocker_id == actor.user_id, Block.blocked_id == user_id)
    return bool(db.session.scalar(select(found)))
