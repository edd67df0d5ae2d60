"""The daily job's two ways: whose day has come, and the end of all that ask for nothing more, many at once."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, and_, cast, exists, func, not_, or_, select
from sqlalchemy.orm import aliased

from sheda.contracts.models import Contract
from sheda.contracts.states import CONTRACT
from sheda.core import clock
from sheda.core.actor import SYSTEM
from sheda.core.db import check_deferred, db, is_among
from sheda.payments.models import OPEN_STATES, Payment
from sheda.properties import services as properties
from sheda.properties.models import Property

BATCH = 2_000
"""Contracts that one transaction ends: large enough for the database's pace, small enough to be undone."""


def due_ids(after: int, *, renewed: bool) -> list[int]:
    """Name and hold up to BATCH tenancies above an id whose day has come; `renewed` those that a renewal follows on.

    Held by their properties, which come first in the order of locks; what somebody else holds is left for later. The
    contracts are held as well: so those that another process ended meanwhile are seen as they are now, and left out.
    """
    statement = (
        select(Contract.id)
        .join(Property, Property.id == Contract.property_id)
        .where(Contract.id > after, _is_due(), _is_followed() if renewed else not_(_is_followed()))
        .order_by(Contract.id)
        .limit(BATCH)
        .with_for_update(of=(Property, Contract), skip_locked=True)
    )
    return list(db.session.scalars(statement))


def end_plain(ids: list[int]) -> list[int]:
    """End at once those of the due tenancies, held by their properties, that end and no more; return which.

    Left to be settled one by one: what a renewal follows on, or is being agreed for or paid, with all that may hold
    over; and what is not as it should be.
    """
    asks_for_more = exists().where(Payment.renews_contract_id == Contract.id, Payment.status.in_(OPEN_STATES))
    plain = (
        select(Contract.id, Contract.property_id, _has_notice_due().label("by_notice"))
        .join(Property, Property.id == Contract.property_id)
        .where(is_among(Contract.id, ids), _is_due(), not_(_is_followed()), not_(asks_for_more))
        .where(Property.status == "rented")
        .order_by(Contract.id)
        .with_for_update(of=Contract)
    )
    rows = db.session.execute(plain).all()
    left: dict[str, Any] = {"ended_at": clock.now(), "renewal_periods": None, "renewal_by": None}
    for name, by_notice in (("expire", False), ("terminate", True)):
        chosen = [row.id for row in rows if row.by_notice is by_notice]
        if chosen:
            CONTRACT.move_all(SYSTEM, Contract, chosen, name, **left)
    properties.return_all_to_market(SYSTEM, [row.property_id for row in rows])
    check_deferred()
    return [row.id for row in rows]


def _today() -> ColumnElement[Any]:
    return cast(func.timezone(Property.time_zone, clock.now()), Date)


def _is_due() -> ColumnElement[bool]:
    # The first of the two days is what the index of due contracts is read by; no zone is a day ahead of it.
    soon = or_(Contract.end_date <= clock.today("UTC") + timedelta(days=1), Contract.ends_early_on.is_not(None))
    is_running = and_(Contract.status == "active", Contract.contract_type == "rent")
    return and_(is_running, soon, func.least(Contract.end_date, Contract.ends_early_on) <= _today())


def _has_notice_due() -> ColumnElement[bool]:
    early = Contract.ends_early_on
    return func.coalesce(and_(early < Contract.end_date, early <= _today()), False)


def _is_followed() -> ColumnElement[bool]:
    successor = aliased(Contract)
    return exists().where(successor.replaces_id == Contract.id, successor.status == "scheduled")
