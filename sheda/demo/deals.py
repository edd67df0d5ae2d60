"""Stories: a viewing, a payment and a contract in every state, the awkward ones too, each with its history."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random

from sqlalchemy import select

from sheda.core import clock
from sheda.core.db import db
from sheda.demo.chats import tell_chats
from sheda.demo.people import People
from sheda.demo.teller import Teller, Tenancy
from sheda.properties.models import Property

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


def tell_stories(draw: Random, people: People, listing_ids: Sequence[int]) -> int:
    """Tell every story on the newest of the listings; return the number of payments and viewings in them."""
    rows = db.session.scalars(
        select(Property)
        .where(Property.id.in_(listing_ids[:400]), Property.listing_state == "published", Property.currency == "NGN")
        .order_by(Property.id)
    )
    teller = Teller(draw, people, clock.now(), list(rows))
    _viewings(teller)
    _open_payments(teller)
    _closed_payments(teller)
    _tenancies(teller)
    _renewals(teller)
    _sales(teller)
    tell_chats(draw, people, clock.now())
    db.session.flush()
    return teller.told


def _viewings(teller: Teller) -> None:
    """Tell a viewing in every state, several of them on one popular flat of the demo agent."""
    now, client = teller.now, teller.people.clients[0]
    flat = teller.take("rent", mine=True)
    teller.viewing(flat, client, "pending", teller.slot(2, 10), booked=now - 3 * _HOUR)
    teller.viewing(flat, teller.client(), "confirmed", teller.slot(1, 12), booked=now - _DAY)
    teller.viewing(flat, teller.client(), "pending", teller.slot(3, 14), booked=now - 2 * _HOUR)
    teller.viewing(
        flat, teller.client(), "rejected", teller.slot(1, 15), booked=now - 2 * _DAY, reason="I am travelling that day."
    )
    teller.viewing(flat, teller.client(), "canceled", teller.slot(2, 11), booked=now - 2 * _DAY)
    teller.viewing(flat, teller.client(), "expired", now - 2 * _DAY, booked=now - 4 * _DAY)
    teller.viewing(flat, teller.client(), "no_show", now - 5 * _DAY, booked=now - 7 * _DAY)
    other = teller.take("rent", mine=True)
    teller.viewing(other, client, "confirmed", teller.slot(2, 13), booked=now - 2 * _DAY)
    teller.viewing(other, teller.client(), "completed", now - 3 * _DAY, booked=now - 6 * _DAY)
    teller.viewing(teller.take("rent", mine=True), client, "completed", now - 2 * _DAY, booked=now - 5 * _DAY)
    moved = teller.take("sale", mine=True)
    someone = teller.client()
    before = teller.viewing(moved, someone, "canceled", teller.slot(1, 10), booked=now - 3 * _DAY, by="reschedule")
    teller.viewing(moved, someone, "confirmed", teller.slot(4, 10), booked=now - _DAY, replaces=before.id)


def _open_payments(teller: Teller) -> None:
    """Tell payments that somebody must still act on: fresh, declared, undecided for 60 hours, escalated, verified."""
    now, client = teller.now, teller.people.clients[0]
    teller.payment(teller.take("rent", mine=True), client, "initiated", now - 18 * _HOUR)
    teller.payment(teller.take("rent", mine=False), teller.client(), "processing", now - 2 * _HOUR)
    for mine, who, hours in ((True, teller.client(), 5), (True, client, 60), (False, teller.client(), 80)):
        declared = now - hours * _HOUR
        held = teller.take("rent", mine=mine)
        payment = teller.payment(held, who, "declared", declared - 4 * _HOUR, declared=declared)
        teller.hold(held, payment)
        teller.contract(payment, "pending", start=clock.today())
    verified = teller.take("sale", mine=False)
    payment = teller.payment(verified, teller.client(), "verified", now - 6 * _HOUR, declared=now - 5 * _HOUR)
    teller.hold(verified, payment)
    teller.contract(payment, "pending", start=clock.today())


def _closed_payments(teller: Teller) -> None:
    """Tell payments that came to nothing: declined, cancelled before and after declaring, expired."""
    now, client = teller.now, teller.people.clients[0]
    declared = now - 9 * _DAY
    reason = "No such transfer has reached the account. Please check with your bank."
    payment = teller.payment(
        teller.take("rent", mine=True),
        client,
        "declined",
        declared - _HOUR,
        declared=declared,
        decided=declared + _DAY,
        reason=reason,
    )
    teller.contract(payment, "canceled", start=clock.today())
    teller.payment(teller.take("rent", mine=False), teller.client(), "canceled", now - 12 * _DAY)
    declared = now - 6 * _DAY
    payment = teller.payment(
        teller.take("rent", mine=True), teller.client(), "canceled", declared - _HOUR, declared=declared
    )
    payment.refund_due = True
    teller.contract(payment, "canceled", start=clock.today())
    teller.payment(teller.take("rent", mine=False), client, "expired", now - 20 * _DAY)


def _tenancies(teller: Teller) -> None:
    """Tell tenancies: running, ending tomorrow, with notice given, expired, ended early; one beat another client."""
    client, today = teller.people.clients[0], clock.today()
    running = teller.take("rent", mine=True)
    teller.payment(running, teller.client(), "superseded", _noon(today - 130 * _DAY), decided=_noon(today - 126 * _DAY))
    teller.tenancy(running, client, Tenancy(start=today - 125 * _DAY))
    teller.tenancy(teller.take("rent", mine=True), teller.client(), Tenancy(end=today + _DAY))
    teller.tenancy(
        teller.take("rent", mine=False), teller.client(), Tenancy(start=today - 100 * _DAY, leaves=today + 60 * _DAY)
    )
    teller.tenancy(teller.take("rent", mine=True), client, Tenancy("expired", end=today - 45 * _DAY))
    teller.tenancy(teller.take("rent", mine=False), teller.client(), Tenancy("terminated", start=today - 250 * _DAY))


def _renewals(teller: Teller) -> None:
    """Tell renewals: one holding over while undecided, one scheduled, one that has begun."""
    today = clock.today()
    over = teller.tenancy(teller.take("rent", mine=True), teller.client(), Tenancy(end=today - 3 * _DAY))
    teller.renewal(over, "declared", "pending")
    soon = teller.tenancy(teller.take("rent", mine=False), teller.client(), Tenancy(end=today + 20 * _DAY))
    teller.renewal(soon, "accepted", "scheduled")
    old = teller.tenancy(teller.take("rent", mine=False), teller.client(), Tenancy("renewed", end=today - 60 * _DAY))
    teller.renewal(old, "accepted", "active")


def _sales(teller: Teller) -> None:
    """Tell two sales: one paid and not handed over yet, one complete."""
    today = clock.today()
    teller.sale(teller.take("sale", mine=True), teller.client(), "active", today - 6 * _DAY)
    teller.sale(teller.take("sale", mine=False), teller.client(), "completed", today - 50 * _DAY)


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=clock.LAGOS)
