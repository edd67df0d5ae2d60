"""What people keep: favourites and saved searches; and what alerts are made of: news, and what was found in them."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sheda.core.db import Id, Model, MoneyColumn, Stamp, UserId

ALERTS = ("none", "instant", "daily", "weekly")
NEW, PRICE_DROP = "new", "price_drop"


class Favourite(Model):
    """A listing that somebody likes."""

    __tablename__ = "favourites"
    __table_args__ = (
        Index("uq_favourites_pair", "user_id", "property_id", unique=True),
        Index("ix_favourites_user_id", "user_id", "id"),
    )

    id: Mapped[Id]
    user_id: Mapped[UserId]
    property_id: Mapped[int] = mapped_column(ForeignKey("properties.id", ondelete="RESTRICT"))
    created_at: Mapped[Stamp]


class SavedSearch(Model):
    """The filters of a search under a name, and how their owner hears of what comes after `watched_from`.

    `filters` are as they were asked, `terms` as the search's conditions take them. `due_at` is set while something
    waits to be told.
    """

    __tablename__ = "saved_searches"
    __table_args__ = (
        CheckConstraint("alert IN ('none', 'instant', 'daily', 'weekly')", name="alert"),
        CheckConstraint("alert <> 'none' OR due_at IS NULL", name="quiet"),
        Index("ix_saved_searches_user_id", "user_id", "id"),
        Index("ix_saved_searches_watching", "id", postgresql_where=text("alert <> 'none'")),
        Index("ix_saved_searches_due", "due_at", "id", postgresql_where=text("due_at IS NOT NULL")),
    )

    id: Mapped[Id]
    user_id: Mapped[UserId]
    name: Mapped[str] = mapped_column(String(80))
    filters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    terms: Mapped[dict[str, Any]] = mapped_column(JSONB)
    alert: Mapped[str] = mapped_column(String(10))
    watched_from: Mapped[Stamp]
    due_at: Mapped[Stamp | None]
    last_run_at: Mapped[Stamp | None]
    created_at: Mapped[Stamp]


class ListingNews(Model):
    """A listing that came to the market or became cheaper, until every search up to `after_id` has been asked.

    Written by a SELECT of listings, none of which is ever deleted, and kept for minutes: it has no foreign key.
    """

    __tablename__ = "listing_news"
    __table_args__ = (
        CheckConstraint("reason IN ('new', 'price_drop')", name="reason"),
        CheckConstraint("(reason = 'price_drop') = (was IS NOT NULL)", name="drop_has_price"),
    )

    id: Mapped[Id]
    property_id: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(10))
    was: Mapped[MoneyColumn | None]
    at: Mapped[Stamp]
    after_id: Mapped[int] = mapped_column(BigInteger, server_default="0")


class SearchHit(Model):
    """A listing that a search was or will be told of, and the price it was found at: below it, it is news again."""

    __tablename__ = "search_hits"
    __table_args__ = (
        CheckConstraint("reason IN ('new', 'price_drop')", name="reason"),
        Index("ix_search_hits_untold", "search_id", postgresql_where=text("told_at IS NULL")),
    )

    search_id: Mapped[int] = mapped_column(ForeignKey("saved_searches.id", ondelete="CASCADE"), primary_key=True)
    property_id: Mapped[int] = mapped_column(ForeignKey("properties.id", ondelete="RESTRICT"), primary_key=True)
    reason: Mapped[str] = mapped_column(String(10))
    price: Mapped[MoneyColumn]
    currency: Mapped[str] = mapped_column(String(3))
    was: Mapped[MoneyColumn | None]
    found_at: Mapped[Stamp]
    told_at: Mapped[Stamp | None]
