"""Listings in the admin UI: an agent's own homes, their terms, moves and figures; the editor stands beside it."""

from datetime import timedelta
from typing import Any

from flask import url_for
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import joinedload, selectinload

from sheda.accounts.models import Role, User, assoc_user_role
from sheda.core import clock, files, widgets
from sheda.core.access import find_visible, visible_to
from sheda.core.actor import Actor, current_actor
from sheda.core.db import db
from sheda.core.forms import Offer
from sheda.core.lists import Empty, RoomInterface
from sheda.core.states import Move
from sheda.core.views import view_of, waits
from sheda.core.widgets import Card, Link, Section
from sheda.properties import audience, editor, services
from sheda.properties.editor_pages import ListingEditor, pressing_state
from sheda.properties.models import Property, amenity_codes
from sheda.properties.schemas import Changes, DraftTerms, ImageChanges
from sheda.properties.states import LISTING
from sheda.properties.texts import listings_with
from sheda.properties.words import KINDS, PERIODS, WORDS, amenity_words

NEW_FOR = timedelta(days=7)
"""How long a listing counts as new."""

MOST_COUNTED = 100
"""New listings that are counted one by one."""


def _find_agents(text: str) -> list[tuple[int, str]]:
    name = User.first_name + " " + User.last_name
    found = db.session.execute(
        select(User.id, name, User.email)
        .join(assoc_user_role, assoc_user_role.c.user_id == User.id)
        .join(Role, Role.id == assoc_user_role.c.role_id)
        .where(
            visible_to(current_actor(), User),
            Role.name == "Agent",
            User.active,
            (name + " " + User.email).icontains(text, autoescape=True),
        )
        .order_by(name)
        .limit(20)
    )
    return [(row.id, f"{row[1]}, {row.email}") for row in found]


def _name_agent(agent_id: int) -> str | None:
    person = find_visible(current_actor(), User, agent_id)
    return person.get_full_name() if person else None


def _is_shown() -> ColumnElement[bool]:
    return (Property.listing_state == "published") & (Property.status == "available")


def _is_new() -> ColumnElement[bool]:
    """Return the condition of homes that came within a week: what staff look at, and pause or archive with a reason."""
    since = clock.now() - NEW_FOR
    # What came within a week was changed within it, too: so the index of changes begins there.
    return and_(Property.created_at > since, Property.updated_at > since)


def _verified(row: Property) -> Any:
    """Return the badge of an agent whom the office has verified; nothing for others."""
    is_verified = row.agent_profile is not None and row.agent_profile.verified_at is not None
    return widgets.badge("verified", tone="good") if is_verified else ""


class PropertyView(ListingEditor):
    """Listings: an agent's own, or everybody's for the office."""

    datamodel = RoomInterface(Property)
    class_permission_name = "Property"
    route_base = "/admin/properties"
    terms, draft_terms, image_terms = Changes, DraftTerms, ImageChanges
    nouns = ("listing", "listings")
    icon = "listing"
    show_template = "admin/property_show.html"
    machine = LISTING
    words = WORDS
    moves = {
        "keep": services.keep,
        "publish": services.publish,
        "pause": services.pause,
        "archive": services.archive,
    }
    done = {
        "publish": "Live: clients can find it and ask for viewings.",
        "pause": "Paused. Viewings that are set stay.",
        "archive": "Archived.",
        "keep": "Still available. You will be asked again when it has not changed for long.",
    }
    list_columns = ["title", "price", "listing_state", "place", "updated_at"]
    bulk = ("publish", "pause", "archive")
    more_columns = ("reference", "has")
    office_columns = ("agent",)
    office_notes = {
        "new": "Look at what came to the market within a week. Pause or archive what should not be shown, and say why: "
        "its agent reads it in the listing’s history.",
    }
    show_fieldsets = [
        (
            "Home",
            {
                "fields": [
                    "reference",
                    "property_type",
                    "listing_type",
                    "bedroom",
                    "bathroom",
                    "area_sqm",
                    "furnished",
                    "has",
                    "description",
                ]
            },
        ),
        ("Place", {"fields": ["location", "address", "city", "lga", "state"]}),
        ("Terms", {"fields": ["price", "is_negotiable", "agent", "created_at", "updated_at"]}),
    ]
    order_columns = ["title", "price", "updated_at"]
    base_order = ("updated_at", "desc")
    search_columns = ["listing_type", "property_type", "listing_state", "city", "price", "bedroom"]
    find_columns = (Property.title, Property.reference, Property.location)
    find_label = "Title, reference or place"
    choices = {
        "property_type": KINDS,
        "listing_type": (("rent", "Rent"), ("sale", "Sale")),
        "period": PERIODS,
        "listing_state": tuple((name, WORDS[name]) for name in LISTING.states),
    }
    label_columns = {
        "property_type": "Kind of home",
        "listing_type": "Offered for",
        "listing_state": "State",
        "period": "For each",
        "bedroom": "Bedrooms",
        "bathroom": "Bathrooms",
        "area_sqm": "Area, m²",
        "is_negotiable": "Price can be talked about",
        "lga": "Local government",
        "updated_at": "Changed",
        "has": "What it has",
    }
    looks = {"price": "s-num", "place": "s-p2", "updated_at": "s-p3"}
    list_options = (joinedload(Property.agent), joinedload(Property.agent_profile))
    page_options = (selectinload(Property.images), selectinload(Property.fees))
    offers = {"agent_id": Offer(_find_agents, _name_agent)}
    empty = Empty(
        "No listing yet",
        "Put up the first one: a title, a price and a place are enough to go live.",
        "/admin/properties/add",
        "New listing",
    )
    tabs = {
        "shown": ("On the market", lambda _actor: _is_shown()),
        "new": ("New this week", lambda _actor: _is_shown() & _is_new()),
        "offer": ("Under offer", lambda _actor: Property.held_by_payment_id.is_not(None)),
        "let": ("Let or sold", lambda _actor: Property.status != "available"),
        "resting": ("Drafts and paused", lambda _actor: Property.listing_state.in_(("draft", "paused"))),
        "all": ("All", lambda _actor: None),
    }
    cells = {
        "title": lambda row: row.title or "Untitled listing",
        "price": lambda row: widgets.money(row.price or None, row.currency, row.period or ""),
        "listing_state": lambda row: widgets.badge(pressing_state(row), WORDS),
        "place": lambda row: row.city or row.location,
        "reference": lambda row: widgets.reference(row.reference),
        "has": lambda row: [amenity_words(code) for code in amenity_codes(row)],
        "agent": lambda row: widgets.joined(row.agent.get_full_name(), _verified(row)),
    }

    def narrow(self, actor: Actor) -> ColumnElement[bool] | None:
        """Leave other agents' listings to the market: these pages are about one's own."""
        return None if actor.is_office else Property.agent_id == actor.id

    def finds(self, actor: Actor, words: str) -> ColumnElement[bool]:
        """Find an agent's own by any part, and everybody's, for the office, by what references and words begin with."""
        return listings_with(words) if actor.is_office else super().finds(actor, words)

    def possible(self, actor: Actor, row: Property) -> list[Move]:
        """Offer to vouch for a listing that has not changed for long, before anything else."""
        found = super().possible(actor, row)
        can_keep = services.is_stale(row) and LISTING.is_permitted(actor, row, "keep")
        return [LISTING.moves["keep"], *found] if can_keep else found

    def under(self, row: Property) -> Any:
        """Put the reference under the title."""
        return widgets.reference(row.reference)

    def thumb(self, row: Property) -> str:
        """Return the cover's small picture."""
        cover = next((image for image in row.images if image.is_cover and image.status == "ready"), None)
        return files.url(files.rendition_key(cover.key, "thumb")) if cover else ""

    def links(self, _actor: Actor, row: Property) -> list[Link]:
        """Lead to the page as clients see it."""
        return [Link("As clients see it", url_for(f"{self.endpoint}.preview", pk=row.id), "eye")]

    def extras(self, actor: Actor, row: Property) -> dict[str, Any]:
        """Show the photos, what moving in costs, and how often the listing is looked at."""
        may_write = LISTING.is_permitted(actor, row, services.OWNING) and row.listing_state != "archived"
        days = audience.views_of(actor, row.id) if row.published_at else []
        return {
            "badge": widgets.badge(pressing_state(row), WORDS),
            "cost": editor.cost_of(row),
            "may_edit_photos": may_write,
            "days": days,
            "views": sum(number for _, number in days),
            "duplicate": url_for(f"{self.endpoint}.duplicate", pk=row.id) if self.may("create") else "",
            "edit": url_for(f"{self.endpoint}.edit", pk=row.id),
            **self.photos_of(row),
        }


@waits
def new_listings(actor: Actor) -> Section | None:
    """Lead staff to what came to the market within a week, each to be looked at once."""
    if not actor.is_office:
        return None
    fresh = (
        select(Property.id).where(_is_shown(), _is_new()).order_by(Property.created_at.desc()).limit(MOST_COUNTED + 1)
    )
    number = db.session.scalar(select(func.count()).select_from(fresh.subquery())) or 0
    if not number:
        return None
    count = f"More than {MOST_COUNTED}" if number > MOST_COUNTED else number
    title = f"{count} new home{'s' if number != 1 else ''} on the market"
    href = view_of(PropertyView).list_href("new")
    card = Card("stale", title, href, "Look at them; pause or archive what should not be shown.")
    return Section("New listings", [card], href, rank=60)
