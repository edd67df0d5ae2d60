"""Saved views: what one person asked of a list, under a name of his own."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Index, String, false, func, select
from sqlalchemy.orm import Mapped, mapped_column

from sheda.core import clock
from sheda.core.access import get_visible, row_rule, select_visible
from sheda.core.actor import Actor
from sheda.core.db import Id, Model, Stamp, UserId, advisory_lock, db
from sheda.core.errors import Conflict, InvalidInput
from sheda.core.fields import UNSTORABLE

LONGEST_NAME, LONGEST_QUERY, MOST = 40, 1000, 12


class TooManyViews(Conflict):
    """Refuse one view more than a row of tabs can hold."""

    code = "too_many_views"
    detail = f"You have saved {MOST} views of this list. Forget one first."


class SavedView(Model):
    """One person's view of one list: the query of its address, under a name."""

    __tablename__ = "saved_views"
    __table_args__ = (Index("uq_saved_views_name", "user_id", "page", "name", unique=True),)

    id: Mapped[Id]
    user_id: Mapped[UserId]
    page: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    query: Mapped[str] = mapped_column(String(LONGEST_QUERY))
    created_at: Mapped[Stamp]


@row_rule(SavedView)
def _own_views(actor: Actor) -> ColumnElement[bool]:
    return SavedView.user_id == actor.id if actor.id is not None else false()


def of(actor: Actor, page: str) -> Sequence[SavedView]:
    """Return what the actor has saved of a list, oldest first."""
    return db.session.scalars(
        select_visible(actor, SavedView).where(SavedView.page == page).order_by(SavedView.id)
    ).all()


def save(actor: Actor, page: str, name: str, query: str) -> SavedView:
    """Save a view, in the place of the one of that name; InvalidInput on `name`, TooManyViews."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or UNSTORABLE.search(name):
        raise InvalidInput.on("name", f"Give the view a name of up to {LONGEST_NAME} characters.")
    if len(query) > LONGEST_QUERY:
        raise InvalidInput.on("name", "This asks for too much to be kept. Take a filter away.")
    advisory_lock(("saved_views", actor.user_id))
    mine = select_visible(actor, SavedView).where(SavedView.page == page)
    found = db.session.scalars(mine.where(SavedView.name == name)).one_or_none()
    if found is None:
        if (db.session.scalar(select(func.count()).select_from(mine.subquery())) or 0) >= MOST:
            raise TooManyViews
        found = SavedView(user_id=actor.user_id, page=page, name=name, query=query, created_at=clock.now())
        db.session.add(found)
    found.query = query
    return found


def forget(actor: Actor, view_id: int) -> None:
    """Forget a view; NotFound for another's."""
    db.session.delete(get_visible(actor, SavedView, view_id))
