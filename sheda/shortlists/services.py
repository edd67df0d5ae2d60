"""What people do with the market's listings: like them, save a search, change it, be told no more; and news noted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Numeric, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from sheda.accounts.events import AccountClosing
from sheda.core import clock
from sheda.core.access import get_visible
from sheda.core.actor import Actor
from sheda.core.db import advisory_lock, db, flush, is_among
from sheda.core.errors import Conflict, NotFound
from sheda.core.states import Moves, Plural
from sheda.core.unsubscribing import Subject, is_signed, leads_out, sign
from sheda.properties import services as listings
from sheda.properties.events import PriceLowered
from sheda.properties.models import Property
from sheda.shortlists.access import own_favourites, own_searches
from sheda.shortlists.models import NEW, PRICE_DROP, Favourite, ListingNews, SavedSearch, SearchHit

MONDAY = 0


class TooManySavedSearches(Conflict):
    """Refuse another search above the number that one person may save."""

    code = "too_many_saved_searches"
    detail = "You have saved as many searches as one person can. Remove one that you no longer need."


@dataclass(frozen=True)
class Filters:
    """The filters of a search: as they were asked (`shown`), and as the search of listings reads them (`query`)."""

    shown: dict[str, Any]
    query: Mapping[str, Any]


# ── Favourites ───────────────────────────────────────────────────────────────────────────────────────────────────────


def like(actor: Actor, property_id: int) -> tuple[Favourite, bool]:
    """Make a listing a favourite; the favourite, and False when it was one. NotFound when it is not there."""
    get_visible(actor, Property, property_id)
    row = {"user_id": actor.user_id, "property_id": property_id, "created_at": clock.now()}
    liked = insert(Favourite).values(row).on_conflict_do_nothing(index_elements=["user_id", "property_id"])
    made = db.session.scalar(liked.returning(Favourite))
    if made is not None:
        return made, True
    same = select(Favourite).where(own_favourites(actor), Favourite.property_id == property_id)
    return db.session.scalars(same).one(), False


def unlike(actor: Actor, property_id: int) -> None:
    """Take a listing off the favourites; nothing happens when it was none."""
    db.session.execute(delete(Favourite).where(own_favourites(actor), Favourite.property_id == property_id))


def favourites(actor: Actor, **page: Any) -> str:
    """Return a page of the cards of one's favourites that are still shown, the latest first, as JSON text."""
    named = "SELECT f.property_id, f.id AS key FROM favourites f WHERE f.user_id = :user_id"
    return listings.cards_among(actor, named, {"user_id": actor.user_id}, **page)


# ── Saved searches ───────────────────────────────────────────────────────────────────────────────────────────────────


def save(actor: Actor, *, name: str, filters: Filters, alert: str) -> SavedSearch:
    """Save a search; what comes to the market from now on is news to it. Raises TooManySavedSearches."""
    advisory_lock(("saved_searches", actor.user_id))
    saved = db.session.scalar(select(func.count()).select_from(SavedSearch).where(own_searches(actor))) or 0
    if saved >= current_app.config["MOST_SAVED_SEARCHES"]:
        raise TooManySavedSearches
    now = clock.now()
    search = SavedSearch(
        user_id=actor.user_id,
        name=name,
        filters=filters.shown,
        terms=listings.terms_of(filters.query),
        alert=alert,
        watched_from=now,
        created_at=now,
    )
    db.session.add(search)
    flush()
    return search


def change(
    actor: Actor, search_id: int, *, name: str | None = None, filters: Filters | None = None, alert: str | None = None
) -> SavedSearch:
    """Change a saved search. Other filters, and an alert switched on, begin with what comes from now on."""
    search = lock_own(actor, search_id)
    search.name = name or search.name
    if filters is not None and filters.shown != search.filters:
        search.filters, search.terms = filters.shown, listings.terms_of(filters.query)
        _begin_anew(search)
    if alert is not None and alert != search.alert:
        if "none" in {alert, search.alert}:
            _begin_anew(search)
        search.alert = alert
        search.due_at = search.due_at and due_moments()[alert]
    flush()
    return search


def remove(actor: Actor, search_id: int) -> None:
    """Remove a saved search and what was found for it. Raises NotFound."""
    db.session.delete(lock_own(actor, search_id))
    flush()


def lock_own(actor: Actor, search_id: int) -> SavedSearch:
    """Lock a search that the actor has saved, read afresh; NotFound."""
    own = select(SavedSearch).where(own_searches(actor), SavedSearch.id == search_id).with_for_update()
    found = db.session.scalars(own.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound
    return found


def _begin_anew(search: SavedSearch) -> None:
    search.watched_from, search.due_at = clock.now(), None
    db.session.execute(delete(SearchHit).where(SearchHit.search_id == search.id, SearchHit.told_at.is_(None)))


def due_moments() -> dict[str, datetime]:
    """Return when something found now is told, by kind of alert: at once, or at the next hour of digests."""
    now = clock.now().astimezone(clock.LAGOS)
    morning = datetime.combine(now.date(), time(current_app.config["ALERT_HOUR"]), clock.LAGOS)
    morning += timedelta(days=int(morning <= now))
    monday = morning + timedelta(days=(MONDAY - morning.weekday()) % 7)
    return {"instant": clock.now(), "daily": morning, "weekly": monday}


# ── The way out of a mail, without signing in ────────────────────────────────────────────────────────────────────────


@leads_out("")
def end_alerts(token: str, *, stop: bool) -> Subject:
    """Name the search that a mail's token is about, and end its alerts; of a search that is gone the name is empty."""
    search = _searched(token, lock=stop)
    if search is None:
        return Subject("", "", "The search is gone, and its mails with it.")
    if stop and search.alert != "none":
        search.alert = "none"
        _begin_anew(search)
        flush()
    return Subject(
        search.name,
        "You get a mail when a home for this search comes to the market or becomes cheaper.",
        f"The search “{search.name}” stays among your saved searches, without its mails. You can switch them on again"
        " there.",
    )


def unsubscribe_token(search_id: int) -> str:
    """Return the token that ends the alerts of a search."""
    return f"{search_id}-{sign(str(search_id))}"


def _searched(token: str, *, lock: bool) -> SavedSearch | None:
    number, _, _ = token.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) <= len(str(2**63))):
        raise NotFound
    if not is_signed(token, unsubscribe_token(int(number))):
        raise NotFound
    return db.session.get(SavedSearch, int(number), with_for_update=lock, populate_existing=lock)


# ── News ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@Plural
def note_shown(moves: Moves) -> None:
    """Note that listings are on the market, as new ones or again."""
    flush()
    _note(is_among(Property.id, moves.ids), NEW, None)


def note_lower_price(event: PriceLowered) -> None:
    """Note that a listing costs less than it did."""
    flush()
    _note(Property.id == event.subject.id, PRICE_DROP, event.was)


def _note(which: ColumnElement[bool], reason: str, was: Decimal | None) -> None:
    shown = select(Property.id, literal(reason), literal(was, Numeric), literal(clock.now()))
    shown = shown.where(which, Property.listing_state == "published", Property.status == "available")
    noted = insert(ListingNews).from_select(["property_id", "reason", "was", "at"], shown.order_by(Property.id))
    db.session.execute(noted)


def forget_person(event: AccountClosing) -> None:
    """Remove the favourites and saved searches of somebody who leaves."""
    for model in (Favourite, SavedSearch):
        db.session.execute(delete(model).where(model.user_id == event.user.id))
