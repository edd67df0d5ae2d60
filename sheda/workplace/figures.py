"""The figures of home: each block one statement over the rows that are there for whoever looks, nothing kept.

The week is the last seven days with today, compared with the seven before up to the same hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Numeric, Select, Text, and_, cast, func, literal_column, null, or_, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased, joinedload

from sheda.appointments.models import Appointment
from sheda.contracts.models import LIVE_STATES, Contract
from sheda.core import clock
from sheda.core.access import select_visible, visible_to
from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.core.jobs import JobRun
from sheda.core.outbox import Outbox, given_up
from sheda.core.states import History
from sheda.payments.models import HOLDING_STATES, Payment
from sheda.properties.models import AgentViews, Property

WEEK = timedelta(days=7)
_DAY = timedelta(days=1)

ON_THE_DAY = ("pending", "confirmed", "completed", "no_show")
"""Viewings that belong on a day's list; those that fell through do not."""

SUCCEEDED = ("scheduled", "active", "renewed", "expired", "terminated")
"""What a paid renewal is or has been."""

_RENT_LINE: ColumnElement[Any] = literal_column("""'$[*] ? (@.kind == "rent")'::jsonpath""")

Window = tuple[datetime, datetime]


@dataclass(frozen=True)
class Pair:
    """One figure of the week, and the same of the week before."""

    now: int
    before: int

    @property
    def change(self) -> int:
        """Return how much more it is than before."""
        return self.now - self.before


@dataclass(frozen=True)
class Week:
    """From a look to a contract in one week; `days` are the median minutes to an answer, None where none was due."""

    first: date
    last: date
    views: Pair
    requests: Pair
    viewings: Pair
    missed: int
    payments: Pair
    contracts: Pair
    signed: list[tuple[Decimal, str]]
    answer: int | None
    answer_before: int | None
    days: list[tuple[date, int | None]]


@dataclass(frozen=True)
class Homes:
    """The homes in one's care by what becomes of them; `waiting` is the longest on the market, as (id, title, days)."""

    let: int
    offer: int
    free: int
    waiting: tuple[int, str, int] | None

    @property
    def total(self) -> int:
        """Return how many are let or could be."""
        return self.let + self.offer + self.free

    @property
    def share(self) -> int:
        """Return how many of a hundred are let."""
        return round(100 * self.let / self.total) if self.total else 0


@dataclass(frozen=True)
class RentDue:
    """The rents that fall due in one month, in one currency: a tenancy's next rent is due on the day it ends."""

    currency: str
    received: Decimal
    coming: Decimal
    late: Decimal
    last_day: date

    @property
    def total(self) -> Decimal:
        """Return the sum of all."""
        return self.received + self.coming + self.late


@dataclass(frozen=True)
class Desk:
    """What staff watch: counts of what nobody has settled."""

    escalated: int
    refunds: int
    unanswered: int
    messages: int
    jobs: int


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), clock.here())


def _within(column: Any, window: Window) -> ColumnElement[bool]:
    return and_(column >= window[0], column < window[1])


def _count(column: Any, window: Window, *also: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(_within(column, window), *also)


def week_of(actor: Actor) -> Week:
    """Count one's week, and the one before it."""
    return _told(_weekly(actor))


def at_home(actor: Actor) -> tuple[Week, Homes, Desk | None]:
    """Count one's week, the homes in one's care, and for the office what staff watch, in one statement."""
    homes, desk = _home_columns(actor), _desk_columns(actor) if actor.is_office else []
    row = _weekly(actor, *homes, *desk)
    counted = row[len(row) - len(homes) - len(desk) :]
    return _told(row), _homes(counted[: len(homes)]), Desk(*counted[len(homes) :]) if desk else None


def _weekly(actor: Actor, *beside: ColumnElement[Any]) -> Any:
    """Ask for the figures of two weeks, and for other columns beside them."""
    # What happened this very moment counts.
    now, today = clock.now() + timedelta.resolution, clock.today(clock.here())
    this: Window = (_midnight(today - 6 * _DAY), now)
    last: Window = (this[0] - WEEK, now - WEEK)
    blocks = [
        block.subquery()
        for block in (
            _viewings(actor, this, last),
            _money(actor, this, last),
            _answers(actor, this, last),
            _views(actor, clock.today()),
        )
    ]
    joined = blocks[0].join(blocks[1], true()).join(blocks[2], true()).join(blocks[3], true())
    return db.session.execute(select(*blocks, *beside).select_from(joined)).one()


def _told(row: Any) -> Week:
    today = clock.today(clock.here())
    by_day = {date.fromisoformat(day): round(seconds / 60) for day, seconds in (row.by_day or {}).items()}
    days = [today - number * _DAY for number in range(6, -1, -1)]
    return Week(
        first=days[0],
        last=today,
        views=Pair(row.views, row.views_before),
        requests=Pair(row.requests, row.requests_before),
        viewings=Pair(row.viewings, row.viewings_before),
        missed=row.missed,
        payments=Pair(row.payments, row.payments_before),
        contracts=Pair(row.contracts, row.contracts_before),
        signed=[(Decimal(amount), currency) for currency, amount in sorted((row.signed or {}).items())],
        answer=None if row.answer is None else round(row.answer / 60),
        answer_before=None if row.answer_before is None else round(row.answer_before / 60),
        days=[(day, by_day.get(day)) for day in days],
    )


def _viewings(actor: Actor, this: Window, last: Window) -> Any:
    model = Appointment
    is_first, was_held = model.replaces_id.is_(None), model.status == "completed"
    return select(
        _count(model.created_at, this, is_first).label("requests"),
        _count(model.created_at, last, is_first).label("requests_before"),
        _count(model.starts_at, this, was_held).label("viewings"),
        _count(model.starts_at, last, was_held).label("viewings_before"),
        _count(model.starts_at, this, model.status == "no_show").label("missed"),
        # No request is for a time before it was made: with this the agent's index leads to the two weeks.
    ).where(visible_to(actor, model), model.starts_at >= last[0])


def _views(actor: Actor, today: date) -> Any:
    """Count looks at one's listings by whole days: the last seven with today, and the seven before."""
    first = today - 6 * _DAY
    number = func.coalesce(func.sum(AgentViews.views).filter(AgentViews.day >= first), 0)
    before = func.coalesce(func.sum(AgentViews.views).filter(AgentViews.day < first), 0)
    return select(number.label("views"), before.label("views_before")).where(
        visible_to(actor, AgentViews), AgentViews.day >= first - WEEK
    )


def _money(actor: Actor, this: Window, last: Window) -> Select[Any]:
    paid = select(
        _count(Payment.declared_at, this).label("payments"),
        _count(Payment.declared_at, last).label("payments_before"),
    ).where(visible_to(actor, Payment), Payment.declared_at >= last[0])
    begun = select(
        _count(Contract.activated_at, this).label("contracts"),
        _count(Contract.activated_at, last).label("contracts_before"),
    ).where(visible_to(actor, Contract), Contract.activated_at >= last[0])
    sums = (
        select(Contract.currency, cast(func.sum(Contract.amount), Text).label("total"))
        .where(visible_to(actor, Contract), _within(Contract.activated_at, this))
        .group_by(Contract.currency)
        .subquery()
    )
    signed = select(func.json_object_agg(sums.c.currency, sums.c.total)).scalar_subquery()
    first, second = paid.subquery(), begun.subquery()
    return select(*first.c, *second.c, signed.label("signed")).select_from(first.join(second, true()))


def _answers(actor: Actor, this: Window, last: Window) -> Select[Any]:
    answered = (
        select(
            Appointment.created_at, func.extract("epoch", func.min(History.at) - Appointment.created_at).label("took")
        )
        .join(History, and_(History.subject_type == "appointments", History.subject_id == Appointment.id))
        .where(
            visible_to(actor, Appointment),
            Appointment.created_at >= last[0],
            Appointment.starts_at >= last[0],
            History.move.in_(("confirm", "reject")),
        )
        .group_by(Appointment.id)
        .cte("answered")
    )
    median = func.percentile_cont(0.5).within_group(answered.c.took)
    day = cast(func.date(func.timezone(clock.here().key, answered.c.created_at)), Text)
    daily = (
        select(day.label("day"), median.label("median"))
        .where(answered.c.created_at >= this[0])
        .group_by(day)
        .subquery()
    )
    by_day = select(func.json_object_agg(daily.c.day, daily.c.median)).scalar_subquery()
    return select(
        median.filter(_within(answered.c.created_at, this)).label("answer"),
        median.filter(_within(answered.c.created_at, last)).label("answer_before"),
        by_day.label("by_day"),
    )


def _own_homes(actor: Actor) -> ColumnElement[bool]:
    """Leave other agents' published homes to the market: these figures are about one's own."""
    return visible_to(actor, Property) if actor.is_office else Property.agent_id == actor.id


def homes_of(actor: Actor) -> Homes:
    """Count the homes in one's care; an agent is also told which has been on the market longest."""
    return _homes(db.session.execute(select(*_home_columns(actor))).one())


def _home_columns(actor: Actor) -> list[ColumnElement[Any]]:
    """Ask for each count from an index of its own: over all of an agency's homes a scan of the table would be felt."""
    own, shown = _own_homes(actor), and_(Property.listing_state == "published", Property.status == "available")
    held = Property.held_by_payment_id.is_not(None)
    since = func.coalesce(Property.published_at, Property.created_at)
    longest = (
        select(func.json_build_array(Property.id, Property.title, func.extract("epoch", since)))
        .where(own, shown, ~held)
        .order_by(since, Property.id)
        .limit(1)
        .scalar_subquery()
    )
    # A home is let or sold exactly while a contract of its lives.
    let = select(func.count()).where(visible_to(actor, Contract), Contract.status.in_(LIVE_STATES))
    return [
        let.scalar_subquery().label("let"),
        select(func.count()).where(own, held).scalar_subquery().label("offer"),
        select(func.count()).where(own, shown).scalar_subquery().label("shown"),
        select(func.count()).where(own, shown, held).scalar_subquery().label("shown_offer"),
        (null() if actor.is_office else longest).label("longest"),
    ]


def _homes(row: Sequence[Any]) -> Homes:
    let, offer, shown, shown_offer, longest = row
    waiting = None
    if longest is not None:
        number, title, moment = longest
        waiting = (number, title, int((clock.now().timestamp() - float(moment)) // _DAY.total_seconds()))
    return Homes(let, offer, shown - shown_offer, waiting)


def rent_due(actor: Actor) -> list[RentDue]:
    """Sum the rents that fall due this month, with those that are late from before, by currency."""
    today = clock.today()
    first = today.replace(day=1)
    beyond = clock.add_months(first, 1)
    successor = aliased(Contract)
    line = func.jsonb_path_query_first(Payment.lines, _RENT_LINE, type_=JSONB)
    rent = cast(line["amount"].astext, Numeric)
    is_paid = successor.id.is_not(None)
    # What has been paid counts with its own amount: rents change with a renewal.
    due = func.coalesce(successor.amount, rent, Contract.amount)
    rows = db.session.execute(
        select(
            Contract.currency,
            func.sum(due).filter(is_paid).label("received"),
            func.sum(due).filter(~is_paid, Contract.end_date > today).label("coming"),
            func.sum(due).filter(~is_paid, Contract.end_date <= today).label("late"),
        )
        .join(Payment, Payment.id == Contract.payment_id)
        .outerjoin(successor, and_(successor.replaces_id == Contract.id, successor.status.in_(SUCCEEDED)))
        .where(
            visible_to(actor, Contract),
            Contract.contract_type == "rent",
            Contract.end_date < beyond,
            or_(Contract.status == "active", and_(Contract.status == "renewed", Contract.end_date >= first)),
        )
        .group_by(Contract.currency)
        .order_by(func.sum(due).desc())
    )
    nothing = Decimal(0)
    return [
        RentDue(row.currency, row.received or nothing, row.coming or nothing, row.late or nothing, beyond - _DAY)
        for row in rows
    ]


def today_of(actor: Actor) -> Sequence[Appointment]:
    """Return the viewings of the reader's today, in their order, with client and home."""
    first = _midnight(clock.today(clock.here()))
    return db.session.scalars(
        select_visible(actor, Appointment)
        .where(_within(Appointment.starts_at, (first, first + _DAY)), Appointment.status.in_(ON_THE_DAY))
        .options(joinedload(Appointment.client), joinedload(Appointment.subject))
        .order_by(Appointment.starts_at, Appointment.id)
    ).all()


def desk_of(actor: Actor) -> Desk:
    """Count what staff watch."""
    return Desk(*db.session.execute(select(*_desk_columns(actor))).one())


def _desk_columns(actor: Actor) -> list[ColumnElement[Any]]:
    """Ask for what staff watch; every count asks the row rule of its own model."""
    now = clock.now()

    def number(model: type[Any], *where: ColumnElement[bool]) -> Any:
        return select(func.count()).select_from(model).where(visible_to(actor, model), *where).scalar_subquery()

    has_failed = JobRun.error.is_not(None) | (JobRun.tally["failed"].as_integer() > 0)
    return [
        number(Payment, Payment.status.in_(HOLDING_STATES), Payment.decide_by < now),
        number(Payment, Payment.refund_due.is_(True)),
        number(Appointment, Appointment.status == "pending", Appointment.expires_at > now),
        number(Outbox, given_up()),
        number(JobRun, JobRun.started_at > now - _DAY, has_failed),
    ]
