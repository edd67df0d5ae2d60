"""The mail of an alert: what it names is read when it leaves, and its way out is made then and kept nowhere."""

from decimal import Decimal
from typing import Any

from flask import current_app
from sqlalchemy import select

from sheda.accounts.models import User
from sheda.core.db import db
from sheda.core.mail import Extras, Undeliverable
from sheda.core.money import format_money
from sheda.core.outbox import Outbox, prepares
from sheda.core.unsubscribing import one_click
from sheda.properties.models import Property
from sheda.shortlists.matching import MAIL
from sheda.shortlists.models import PRICE_DROP, SavedSearch
from sheda.shortlists.services import unsubscribe_token


@prepares(MAIL)
def alert(row: Outbox) -> Extras:
    """Name the listings that are still to be had, and the way out (RFC 8058).

    Undeliverable once the alert was switched off, or everything that was found is gone.
    """
    search = db.session.get(SavedSearch, row.context["search_id"])
    if search is None or search.alert == "none":
        raise Undeliverable("the alert was switched off")
    if not db.session.get_one(User, row.user_id).active:
        raise Undeliverable("the account is closed")
    homes = _homes(row.context["found"])
    if not homes:
        raise Undeliverable("what was found has left the market")
    way_out = f"{current_app.config['PUBLIC_URL']}/api/v1/unsubscribe/{unsubscribe_token(search.id)}"
    more = max(0, row.context["total"] - len(row.context["found"]))
    return Extras(
        context={"name": search.name, "homes": homes, "more": more, "unsubscribe_url": way_out, "side": "client"},
        headers=one_click(way_out),
    )


def _homes(found: list[list[Any]]) -> list[dict[str, str]]:
    shown = select(Property).where(
        Property.id.in_([property_id for property_id, _, _ in found]),
        Property.listing_state == "published",
        Property.status == "available",
    )
    rows = {one.id: one for one in db.session.scalars(shown)}
    return [
        _home(rows[property_id], Decimal(was) if reason == PRICE_DROP else None)
        for property_id, reason, was in found
        if property_id in rows
    ]


def _home(subject: Property, was: Decimal | None) -> dict[str, str]:
    period = f" a {subject.period}" if subject.period else ""
    is_lower = was is not None and subject.price < was
    return {
        "title": " ".join(subject.title.split()),
        "place": " ".join((subject.city or subject.location).split()),
        "price": f"{format_money(subject.price, subject.currency)}{period}",
        "was": format_money(was, subject.currency) if was is not None and is_lower else "",
        "reference": subject.reference,
    }
