"""What waits at home that is nobody's news: homes on offer that have not changed for long."""

from flask import current_app
from sqlalchemy import func, select

from sheda.appointments.models import Appointment
from sheda.core import clock, widgets
from sheda.core.access import select_visible
from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.core.generated import pages_of
from sheda.core.views import waits
from sheda.core.widgets import Card, Section
from sheda.properties.models import Property

SHOWN_AT_HOME = 5


@waits
def stale_listings(actor: Actor) -> Section | None:
    """Ask an agent whether his longest unchanged homes are still on offer; the office asks nobody."""
    if actor.is_office:
        return None
    now = clock.now()
    since = (
        select(func.count())
        .where(Appointment.property_id == Property.id, Appointment.created_at > Property.updated_at)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select_visible(actor, Property)
        .add_columns(since)
        .where(
            Property.agent_id == actor.id,
            Property.listing_state == "published",
            Property.status == "available",
            Property.held_by_payment_id.is_(None),
            Property.updated_at < now - current_app.config["STALE_AFTER"],
        )
        .order_by(Property.updated_at)
        .limit(SHOWN_AT_HOME)
    )
    pages = pages_of(Property)
    cards = [
        Card(
            "stale",
            f"Is {row.title} still available?",
            pages.href_of(row),
            widgets.joined(
                widgets.money(row.price, row.currency, row.period or ""),
                f"{requests} request{'s' if requests != 1 else ''} since",
            ),
            clock=widgets.unchanged_since(row.updated_at),
            buttons=tuple(button for button in pages.buttons(actor, row) if not button.asks),
        )
        for row, requests in rows
    ]
    return Section("Listings to look at", cards, pages.list_href("shown"), rank=60)
