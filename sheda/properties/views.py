"""Listings in the admin UI: an agent's own homes, their terms, photos and moves."""

from collections.abc import Sequence
from typing import Any

from flask import current_app, redirect
from flask_appbuilder import expose
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import joinedload, selectinload
from wtforms import DecimalField, validators

from sheda.accounts.models import Role, User, assoc_user_role
from sheda.core import files, widgets
from sheda.core.access import find_visible, visible_to
from sheda.core.actor import Actor, current_actor
from sheda.core.db import db
from sheda.core.forms import MoneyField, Offer, RowField, checked
from sheda.core.generated import RoomView
from sheda.core.lists import Empty, RoomInterface
from sheda.core.money import format_money
from sheda.core.states import Move
from sheda.core.views import perform, require, row_id, sent, uploaded
from sheda.properties import images, services
from sheda.properties.models import AMENITY_FLAGS, FEE_KINDS, Property, PropertyImage, amenity_codes
from sheda.properties.schemas import Changes, NewProperty
from sheda.properties.states import LISTING

WORDS = {
    "available": "Available",
    "under_offer": "Under offer",
    "rented": "Let",
    "sold": "Sold",
    "draft": "Draft",
    "published": "Live",
    "paused": "Paused",
    "archived": "Archived",
}
KINDS = (
    ("apartment", "Flat"),
    ("house", "House"),
    ("duplex", "Duplex"),
    ("land", "Land"),
    ("shortlet", "Short let"),
    ("shared_apartment", "Shared flat"),
    ("office", "Office"),
    ("shop", "Shop"),
)
PERIODS = (("year", "Year"), ("month", "Month"), ("week", "Week"), ("night", "Night"))
FEE_WORDS = {
    "agency": "Agency fee",
    "legal": "Legal fee",
    "agreement": "Agreement fee",
    "caution": "Caution deposit",
    "service_charge": "Service charge",
    "other": "Other fee",
}
FEE_FIELDS = {f"fee_{kind}": kind for kind in FEE_KINDS if kind != "other"}


def pressing_state(row: Property) -> str:
    """Return the more pressing of a listing's two states."""
    if row.listing_state != "published":
        return row.listing_state
    return "under_offer" if row.is_under_offer else row.status


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


AREA = DecimalField("Area, m²", [validators.Optional(), validators.NumberRange(1, 10_000_000)])


class PropertyView(RoomView):
    """Listings: an agent's own, or everybody's for the office."""

    datamodel = RoomInterface(Property)
    class_permission_name = "Property"
    route_base = "/admin/properties"
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
    add_fieldsets = [
        (
            "Basics",
            {
                "fields": [
                    "agent_id",
                    "title",
                    "property_type",
                    "listing_type",
                    "bedroom",
                    "bathroom",
                    "area_sqm",
                    "description",
                ]
            },
        ),
        ("Price and fees", {"fields": ["price", "currency", "period", *FEE_FIELDS, "is_negotiable"]}),
        ("Place", {"fields": ["location", "address", "city", "lga", "state"]}),
        ("What it has", {"fields": ["furnished", *AMENITY_FLAGS]}),
    ]
    edit_fieldsets = [
        (heading, {"fields": [name for name in group["fields"] if name != "agent_id"]})
        for heading, group in add_fieldsets
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
        "agent_id": "Agent",
        "air_condition": "Air conditioning",
        "pop_ceiling": "POP ceiling",
        "wifi": "Wi-Fi",
    }
    description_columns = {
        "title": "What, where. Clients search these words.",
        "location": "As clients read it: “Opebi, Ikeja”.",
        "address": "House number and street.",
        "currency": "Three letters, such as NGN or USD; naira when empty.",
        "period": "Leave empty for a sale.",
    }
    looks = {"price": "s-num", "place": "s-p2", "updated_at": "s-p3"}
    list_options = (selectinload(Property.images), selectinload(Property.fees), joinedload(Property.agent))
    offers = {"agent_id": Offer(_find_agents, _name_agent)}
    add_form_extra_fields = {
        "agent_id": RowField(
            "Agent", offer=offers["agent_id"], render_kw={"data-options": "/admin/properties/options/agent_id"}
        ),
        "area_sqm": AREA,
        **{
            field: MoneyField(FEE_WORDS[kind], description="Once, beside the price.")
            for field, kind in FEE_FIELDS.items()
        },
    }
    edit_form_extra_fields = add_form_extra_fields
    empty = Empty(
        "No listing yet",
        "Put up the first one: a title, a price and a place are enough to go live.",
        "/admin/properties/add",
        "New listing",
    )
    tabs = {
        "shown": (
            "On the market",
            lambda _actor: (Property.listing_state == "published") & (Property.status == "available"),
        ),
        "offer": ("Under offer", lambda _actor: Property.held_by_payment_id.is_not(None)),
        "let": ("Let or sold", lambda _actor: Property.status != "available"),
        "resting": ("Drafts and paused", lambda _actor: Property.listing_state.in_(("draft", "paused"))),
        "all": ("All", lambda _actor: None),
    }
    cells = {
        "price": lambda row: widgets.money(row.price, row.currency, row.period or ""),
        "listing_state": lambda row: widgets.badge(pressing_state(row), WORDS),
        "place": lambda row: row.city or row.location,
        "reference": lambda row: widgets.reference(row.reference),
        "has": lambda row: [widgets.plain(code) for code in amenity_codes(row)],
        "agent": lambda row: row.agent.get_full_name(),
    }

    def own_routes(self) -> tuple[str, ...]:
        """Add the photos."""
        return ("add_photos", "change_photo")

    def narrow(self, actor: Actor) -> ColumnElement[bool] | None:
        """Leave other agents' listings to the market: these pages are about one's own."""
        return None if actor.is_office else Property.agent_id == actor.id

    def possible(self, actor: Actor, row: Property) -> list[Move]:
        """Offer to vouch for a listing that has not changed for long, before anything else."""
        found = super().possible(actor, row)
        can_keep = services.is_stale(row) and LISTING.is_permitted(actor, row, "keep")
        return [LISTING.moves["keep"], *found] if can_keep else found

    def title_of(self, row: Property) -> str:
        """Name a listing by its title."""
        return row.title

    def under(self, row: Property) -> Any:
        """Put the reference under the title."""
        return widgets.reference(row.reference)

    def thumb(self, row: Property) -> str:
        """Return the cover's small picture."""
        cover = next((image for image in row.images if image.is_cover and image.status == "ready"), None)
        return files.url(files.rendition_key(cover.key, "thumb")) if cover else ""

    def fields_for(self, actor: Actor, columns: Sequence[str]) -> list[str]:
        """Ask only the office whose listing it is: an agent's are his own."""
        return [name for name in columns if name != "agent_id" or actor.is_office]

    def prefill_form(self, form: Any, row: Property) -> None:
        """Fill in the fees that the form has fields for."""
        for fee in row.fees:
            if fee.kind != "other":
                form[f"fee_{fee.kind}"].process_data(fee.amount)

    def create(self, actor: Actor, values: dict[str, Any]) -> Property:
        """Make a listing."""
        terms, fees = _parted(values)
        given = {name: value for name, value in terms.items() if value not in (None, "")}
        return services.create(actor, **checked(NewProperty, given | {"fees": fees}))

    def update(self, actor: Actor, row: Property, values: dict[str, Any]) -> Property:
        """Change a listing; the fees that the form has no fields for stay."""
        terms, _ = _parted(values)
        if any(name in FEE_FIELDS for name in values):
            terms["fees"] = _merged(row, values)
        return services.update(actor, row.id, **checked(Changes, terms))

    @expose("/photos/<pk>", methods=["POST"])
    def add_photos(self, pk: str) -> Any:
        """Take photos in, in their order."""
        require("create", "PropertyImage")
        row, chosen = self.row(pk), uploaded("files")
        if chosen:
            perform(lambda: images.add(current_actor(), row.id, chosen), "Taken in. The photos are being prepared.")
        return redirect(f"{self.href_of(row)}#photos")

    @expose("/photos/<pk>/<image>", methods=["POST"])
    def change_photo(self, pk: str, image: str) -> Any:
        """Move a photo, make it the cover, or remove it."""
        act = sent("act")
        require("delete" if act == "remove" else "update", "PropertyImage")
        row, actor, number = self.row(pk), current_actor(), row_id(image)
        place = next((one.position for one in row.images if one.id == number), 0)
        changes: dict[str, dict[str, Any]] = {
            "earlier": {"position": max(0, place - 1)},
            "later": {"position": place + 1},
            "cover": {"primary": True},
        }
        if act == "remove":
            perform(lambda: images.remove(actor, row.id, number), "Photo removed.")
        elif act in changes:
            perform(lambda: images.change(actor, row.id, number, **changes[act]))
        return redirect(f"{self.href_of(row)}#photos")

    def extras(self, actor: Actor, row: Property) -> dict[str, Any]:
        """Show the photos, and what moving in costs."""
        may_write = LISTING.is_permitted(actor, row, services.OWNING) and row.listing_state != "archived"
        cost = [(_price_words(row), format_money(row.price, row.currency))]
        cost += [(fee.label or FEE_WORDS[fee.kind], format_money(fee.amount, row.currency)) for fee in row.fees]
        return {
            "badge": widgets.badge(pressing_state(row), WORDS),
            "move_in": format_money(row.price + sum(fee.amount for fee in row.fees), row.currency),
            "cost": cost,
            "photos": [_photo(self.route_base, image) for image in row.images],
            "most_photos": current_app.config["MOST_IMAGES"],
            "may_edit_photos": may_write,
            "upload": f"{self.route_base}/photos/{row.id}",
        }


def _parted(values: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Part a form's values into the listing's own and its fees."""
    own = {name: value for name, value in values.items() if name not in FEE_FIELDS}
    fees = [
        {"kind": kind, "amount": str(values[field])}
        for field, kind in FEE_FIELDS.items()
        if values.get(field) is not None
    ]
    return own, fees


def _merged(row: Property, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all fees of a listing with those of the form in the place of the ones before."""
    kept = [
        {"kind": fee.kind, "label": fee.label, "amount": str(fee.amount)}
        for fee in row.fees
        if f"fee_{fee.kind}" not in values
    ]
    return [*kept, *_parted(values)[1]]


def _price_words(row: Property) -> str:
    return f"Rent, 1 {row.period}" if row.period else "Price"


def _photo(base: str, image: PropertyImage) -> dict[str, Any]:
    return {
        "src": files.url(files.rendition_key(image.key, "thumb")) if image.status == "ready" else "",
        "failed": image.status == "failed",
        "caption": image.caption,
        "is_cover": image.is_cover,
        "action": f"{base}/photos/{image.property_id}/{image.id}",
    }
