"""Which favourites and saved searches are there for you: your own, whoever you are."""

from sqlalchemy import ColumnElement, false

from sheda.core.access import row_rule
from sheda.core.actor import Actor
from sheda.shortlists.models import Favourite, SavedSearch


@row_rule(Favourite)
def own_favourites(actor: Actor) -> ColumnElement[bool]:
    """Return the favourites of the actor."""
    return Favourite.user_id == actor.id if actor.id is not None else false()


@row_rule(SavedSearch)
def own_searches(actor: Actor) -> ColumnElement[bool]:
    """Return the searches that the actor has saved."""
    return SavedSearch.user_id == actor.id if actor.id is not None else false()
