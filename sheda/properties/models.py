"""Listings: the property with its two axes of state, its fees, pictures, earlier prices, and how often it is looked at."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, Numeric, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sheda.accounts.models import User
from sheda.core.db import CURRENCY_CHECK, Id, Model, MoneyColumn, Stamp, UserId
from sheda.profiles.models import AgentProfile
from sheda.properties.states import LISTING, STATUS

LISTING_TYPES = ("rent", "sale")
PERIODS = ("year", "month", "week", "night")
PROPERTY_TYPES = ("apartment", "house", "duplex", "land", "shortlet", "shared_apartment", "office", "shop")
AMENITY_FLAGS = ("air_condition", "pop_ceiling", "floor_tiles", "running_water", "prepaid_meter", "wifi")
FEE_KINDS = ("agency", "legal", "agreement", "caution", "service_charge", "other")
IMAGE_STATUSES = ("processing", "ready", "failed")


def _one_of(column: str, words: tuple[str, ...]) -> CheckConstraint:
    names = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({names})", name=column)


TRAITS = (
    "listing_state", "listing_type", "property_type", "bedroom", "furnished", "period", "bathroom", "latitude",
    "longitude", "currency", "price", "lower(lga)", "lower(city)", "lower(state)", *AMENITY_FLAGS,
)  # fmt: skip
"""What filters compare, in every index that listings are walked through by: what does not fit is passed over there,
without its row being read."""


_BY_TRAIT = (
    "property_type", "listing_type", "period", "furnished", "bedroom", "bathroom", "listing_state", "currency", "price",
    "id", "created_at",
)  # fmt: skip


def _offered(name: str, *columns: Any, **options: Any) -> Index:
    """Return an index of what is on the market, shown or not: agents and staff look through it as clients do."""
    return Index(f"ix_properties_{name}", *columns, postgresql_where=text("status = 'available'"), **options)


def _ordered(name: str, *columns: str) -> Index:
    """Return an index of what is on the market in an order, with every trait behind it."""
    return _offered(name, *_with_traits(*columns))


def _with_traits(*columns: str) -> list[Any]:
    every = (*columns, *(trait for trait in TRAITS if trait not in columns))
    return [text(one) if "(" in one else one for one in every]


class Property(Model):
    """One home, plot or room that an agent lets or sells."""

    __tablename__ = "properties"
    __table_args__ = (
        _one_of("listing_type", LISTING_TYPES),
        _one_of("period", PERIODS),
        _one_of("property_type", PROPERTY_TYPES),
        STATUS.check_constraint(),
        LISTING.check_constraint(),
        CheckConstraint("(listing_type = 'rent') = (period IS NOT NULL)", name="rent_has_period"),
        # A draft may lack its price, as it may lack its words; nothing that is shown does.
        CheckConstraint(
            "(price > 0 OR price = 0 AND listing_state IN ('draft', 'archived')) AND price <= 1000000000000",
            name="price",
        ),
        CheckConstraint(CURRENCY_CHECK, name="currency"),
        CheckConstraint("held_by_payment_id IS NULL OR status = 'available'", name="held_is_available"),
        Index("ix_properties_agent_id", "agent_id", "id"),
        Index("ix_properties_agent_id_updated_at", "agent_id", "updated_at", "id"),
        Index("ix_properties_created_at", "created_at", "id"),
        Index("ix_properties_updated_at", "updated_at", "id"),
        Index("ix_properties_taken", "status", "created_at", "id", postgresql_where=text("status <> 'available'")),
        Index("ix_properties_title", "title", "id"),
        Index("ix_properties_any_price", "price", "id"),
        _ordered("newest", "created_at", "id", "updated_at"),
        _ordered("price", "currency", "price", "id"),
        _ordered("listing_type_price", "currency", "listing_type", "price", "id"),
        _ordered("property_type_price", "currency", "property_type", "price", "id"),
        _ordered("state_price", "lower(state)", "currency", "price", "id"),
        _ordered("lga_price", "lower(lga)", "currency", "price", "id"),
        _ordered("city_price", "lower(city)", "currency", "price", "id"),
        _ordered("city_newest", "lower(city)", "created_at", "id"),
        Index("ix_properties_traits", *_with_traits("status", *_BY_TRAIT)),
        Index("ix_properties_city_part", "city", postgresql_using="gin", postgresql_ops={"city": "gin_trgm_ops"}),
        _offered("spot", text("point(longitude, latitude)"), postgresql_using="gist"),
        _offered("amenities", "amenities", postgresql_using="gin"),
    )

    id: Mapped[Id]
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    agent_id: Mapped[UserId]
    title: Mapped[str] = mapped_column(String(100))
    description: Mapped[str] = mapped_column(Text)
    price: Mapped[MoneyColumn]
    currency: Mapped[str] = mapped_column(String(3), server_default="NGN")
    listing_type: Mapped[str] = mapped_column(String(10))
    period: Mapped[str | None] = mapped_column(String(10))
    property_type: Mapped[str] = mapped_column(String(20))
    location: Mapped[str] = mapped_column(String(200))
    address: Mapped[str | None] = mapped_column(String(200))
    city: Mapped[str | None] = mapped_column(String(80))
    lga: Mapped[str | None] = mapped_column(String(80))
    state: Mapped[str | None] = mapped_column(String(80))
    country: Mapped[str] = mapped_column(String(2), server_default="NG")
    latitude: Mapped[float | None] = mapped_column(Float)
    longitude: Mapped[float | None] = mapped_column(Float)
    bedroom: Mapped[int | None]
    bathroom: Mapped[int | None]
    area_sqm: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    furnished: Mapped[bool] = mapped_column(server_default="false")
    is_negotiable: Mapped[bool] = mapped_column(server_default="false")
    air_condition: Mapped[bool] = mapped_column(server_default="false")
    pop_ceiling: Mapped[bool] = mapped_column(server_default="false")
    floor_tiles: Mapped[bool] = mapped_column(server_default="false")
    running_water: Mapped[bool] = mapped_column(server_default="false")
    prepaid_meter: Mapped[bool] = mapped_column(server_default="false")
    wifi: Mapped[bool] = mapped_column(server_default="false")
    amenities: Mapped[list[str]] = mapped_column(ARRAY(String(40)), server_default="{}")
    time_zone: Mapped[str] = mapped_column(String(40), server_default="Africa/Lagos")
    status: Mapped[str] = mapped_column(String(10), server_default="available")
    listing_state: Mapped[str] = mapped_column(String(10), server_default="draft")
    held_by_payment_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("payments.id", ondelete="RESTRICT", use_alter=True), unique=True
    )
    created_at: Mapped[Stamp]
    updated_at: Mapped[Stamp]
    published_at: Mapped[Stamp | None]

    agent: Mapped[User] = relationship(viewonly=True)
    agent_profile: Mapped[AgentProfile | None] = relationship(
        primaryjoin="foreign(Property.agent_id) == AgentProfile.user_id", viewonly=True, uselist=False
    )
    fees: Mapped[list["PropertyFee"]] = relationship(order_by="PropertyFee.position", cascade="all, delete-orphan")
    images: Mapped[list["PropertyImage"]] = relationship(order_by="PropertyImage.position", viewonly=True)

    @property
    def is_under_offer(self) -> bool:
        """Tell whether a declared payment holds the property."""
        return self.held_by_payment_id is not None

    def __repr__(self) -> str:
        return f"{self.title} ({self.reference})"


class PropertyFee(Model):
    """One fee that is due once, beside the price."""

    __tablename__ = "property_fees"
    __table_args__ = (
        _one_of("kind", FEE_KINDS),
        CheckConstraint("amount > 0 AND amount <= 1000000000000", name="amount"),
        Index("ix_property_fees_property_id", "property_id", "position"),
    )

    id: Mapped[Id]
    property_id: Mapped[int] = mapped_column(ForeignKey("properties.id", ondelete="RESTRICT"))
    position: Mapped[int] = mapped_column(server_default="0")
    kind: Mapped[str] = mapped_column(String(20))
    label: Mapped[str | None] = mapped_column(String(80))
    amount: Mapped[MoneyColumn]


class PropertyImage(Model):
    """One picture: staged as it came until the worker has made its renditions, then only those."""

    __tablename__ = "property_images"
    __table_args__ = (
        _one_of("status", IMAGE_STATUSES),
        Index("uq_property_images_cover", "property_id", unique=True, postgresql_where=text("is_cover")),
        Index("ix_property_images_property_id", "property_id", "position"),
        Index("ix_property_images_processing", "id", postgresql_where=text("status = 'processing'")),
    )

    id: Mapped[Id]
    property_id: Mapped[int] = mapped_column(ForeignKey("properties.id", ondelete="RESTRICT"))
    position: Mapped[int]
    is_cover: Mapped[bool] = mapped_column(server_default="false")
    caption: Mapped[str | None] = mapped_column(String(200))
    width: Mapped[int]
    height: Mapped[int]
    status: Mapped[str] = mapped_column(String(12), server_default="processing")
    key: Mapped[str] = mapped_column(String(120), unique=True)
    staging_key: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[Stamp]


class PriceHistory(Model):
    """What a property has cost, since when."""

    __tablename__ = "price_history"
    __table_args__ = (Index("ix_price_history_property_id", "property_id", "id"),)

    id: Mapped[Id]
    property_id: Mapped[int] = mapped_column(ForeignKey("properties.id", ondelete="RESTRICT"))
    price: Mapped[MoneyColumn]
    currency: Mapped[str] = mapped_column(String(3))
    changed_by: Mapped[UserId | None]
    changed_at: Mapped[Stamp]


class ListingViews(Model):
    """How often a listing was looked at on one day in Lagos; by whom is written nowhere."""

    __tablename__ = "listing_views"
    __table_args__ = (CheckConstraint("views > 0", name="views"),)

    property_id: Mapped[int] = mapped_column(ForeignKey("properties.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    views: Mapped[int]


class AgentViews(Model):
    """The same of all listings of an agent together: what the figures of a week are added up from."""

    __tablename__ = "agent_views"
    __table_args__ = (CheckConstraint("views > 0", name="views"), Index("ix_agent_views_day", "day"))

    agent_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="RESTRICT"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    views: Mapped[int]


class PropertyText(Model):
    """What full text search reads of a listing, its words and its traits as tags, written by a trigger.

    Apart from the listing itself: a change of status would rewrite every index entry of a long vector.
    """

    __tablename__ = "property_texts"
    __table_args__ = (
        Index("ix_property_texts_words", "words", postgresql_using="gin"),
        Index("ix_property_texts_names", text("ts_filter(words, '{a,b,c}')"), postgresql_using="gin"),
        Index("ix_property_texts_newest", "created_at", "property_id"),
    )

    property_id: Mapped[int] = mapped_column(ForeignKey("properties.id", ondelete="CASCADE"), primary_key=True)
    created_at: Mapped[Stamp]
    words: Mapped[Any] = mapped_column(TSVECTOR)


class SearchWord(Model):
    """A stem that titles and places have used: what a misspelt word is compared with. Written by the same trigger."""

    __tablename__ = "search_words"
    __table_args__ = (
        Index("ix_search_words_near", "word", postgresql_using="gin", postgresql_ops={"word": "gin_trgm_ops"}),
    )

    word: Mapped[str] = mapped_column(Text, primary_key=True)


class Suggestion(Model):
    """What somebody who types may mean: a place, a kind of home or a word of titles. A job writes them all anew."""

    __tablename__ = "suggestions"

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    within: Mapped[str] = mapped_column(Text, primary_key=True)
    folded: Mapped[str] = mapped_column(Text)
    listings: Mapped[int]


def amenity_codes(subject: Any) -> list[str]:
    """Return all amenity codes of a property: its booleans and the further ones, in that order."""
    return [flag for flag in AMENITY_FLAGS if getattr(subject, flag)] + list(subject.amenities)
