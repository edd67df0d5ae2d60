"""A deal: one client and one home, with every viewing, payment, contract and word between them.

It is no row of its own: it is there for whoever may see any of its parts, and holds only those.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, func, literal, or_, select, tuple_, union_all
from sqlalchemy.orm import joinedload, selectinload

from sheda.accounts.models import User
from sheda.appointments.models import OPEN_STATES as OPEN_VIEWINGS
from sheda.appointments.models import Appointment
from sheda.chat.models import Conversation, Message
from sheda.contracts.models import Contract
from sheda.core.access import LARGEST_ID, select_visible, visible_to
from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.core.errors import NotFound
from sheda.core.states import History
from sheda.payments.models import OPEN_STATES as OPEN_PAYMENTS
from sheda.payments.models import Payment
from sheda.properties.models import Property

Row = TypeVar("Row", bound=Any)

MOVES_SHOWN = 100
MESSAGES_SHOWN = 40
DEALS_SHOWN = 50

RUNNING = ("pending", "scheduled", "active")
LOST = ("canceled", "rejected", "expired", "declined", "superseded")


@dataclass(frozen=True)
class Deal:
    """What belongs together, each kind oldest first."""

    home: Property
    client: User
    agent_id: int
    viewings: Sequence[Appointment]
    payments: Sequence[Payment]
    contracts: Sequence[Contract]

    @property
    def viewing(self) -> Appointment | None:
        """Return the viewing that counts: an open one, else the latest that took place, else the latest."""
        return _telling(self.viewings, OPEN_VIEWINGS)

    @property
    def payment(self) -> Payment | None:
        """Return the payment that counts: an open one, else the latest that came to something, else the latest."""
        return _telling(self.payments, OPEN_PAYMENTS)

    @property
    def contract(self) -> Contract | None:
        """Return the contract that counts: the one that runs, else the latest that was not called off."""
        return _telling(self.contracts, ("active",))

    @property
    def rows(self) -> list[Any]:
        """Return every viewing, payment and contract."""
        return [*self.viewings, *self.payments, *self.contracts]


def _telling(rows: Sequence[Row], open_states: Iterable[str]) -> Row | None:
    for group in (
        [row for row in rows if row.status in open_states],
        [row for row in rows if row.status not in LOST],
        rows,
    ):
        if group:
            return group[-1]
    return None


def deal_of(actor: Actor, property_id: int, client_id: int) -> Deal:
    """Return what one client and one home have come to, as far as it is there for the actor; NotFound for nothing."""
    if not (0 < property_id <= LARGEST_ID and 0 < client_id <= LARGEST_ID):
        raise NotFound

    def between(model: type[Any], *options: Any) -> Sequence[Any]:
        statement = select_visible(actor, model).where(model.property_id == property_id, model.client_id == client_id)
        return db.session.scalars(statement.options(*options).order_by(model.id)).unique().all()

    people = (selectinload(Appointment.subject).selectinload(Property.images),)
    viewings = between(Appointment, joinedload(Appointment.client), *people)
    payments = between(Payment, joinedload(Payment.client), joinedload(Payment.subject), joinedload(Payment.proof))
    contracts = between(Contract, joinedload(Contract.client), joinedload(Contract.subject))
    rows = [*viewings, *payments, *contracts]
    if not rows:
        raise NotFound
    return Deal(rows[0].subject, rows[0].client, rows[0].agent_id, viewings, payments, contracts)


def moves_of(deal: Deal) -> list[tuple[History, str]]:
    """Return the latest moves of what a deal has shown its reader, oldest first, with the mover’s name."""
    subjects = [(row.__tablename__, row.id) for row in deal.rows]
    found = db.session.execute(
        select(History, User.first_name, User.last_name)
        .outerjoin(User, User.id == History.actor_id)
        .where(tuple_(History.subject_type, History.subject_id).in_(subjects))
        .order_by(History.id.desc())
        .limit(MOVES_SHOWN)
    ).all()
    return [(entry, f"{first or ''} {last or ''}".strip() or "Sheda") for entry, first, last in reversed(found)]


def words_of(actor: Actor, deal: Deal) -> list[Message]:
    """Return the latest messages between the actor and the client that are about this home or none, oldest first."""
    low, high = sorted((actor.user_id, deal.client.id))
    conversation = select(Conversation.id).where(Conversation.low_id == low, Conversation.high_id == high)
    found = db.session.scalars(
        select_visible(actor, Message)
        .where(
            Message.conversation_id == conversation.scalar_subquery(),
            or_(Message.property_id.is_(None), Message.property_id == deal.home.id),
        )
        .order_by(Message.id.desc())
        .limit(MESSAGES_SHOWN)
    ).all()
    return list(reversed(found))


@dataclass(frozen=True)
class Line:
    """One deal in the list of those that run: the step it stands at, and when it was last moved."""

    property_id: int
    client_id: int
    title: str
    client: str
    step: str
    at: datetime


def running_deals(actor: Actor) -> list[Line]:
    """Return the deals in which something is open, latest first: one statement over what is open in each room."""
    parts = [
        _open(actor, Appointment, 1, Appointment.status.in_(OPEN_VIEWINGS), Appointment.updated_at),
        _open(actor, Payment, 2, Payment.status.in_(OPEN_PAYMENTS), Payment.updated_at),
        _open(actor, Contract, 3, Contract.status.in_(RUNNING), Contract.created_at),
    ]
    part = union_all(*parts).subquery()
    latest = (
        select(
            part.c.property_id,
            part.c.client_id,
            func.max(part.c.rank).label("rank"),
            func.max(part.c.at).label("at"),
        )
        .group_by(part.c.property_id, part.c.client_id)
        .order_by(func.max(part.c.at).desc())
        .limit(DEALS_SHOWN)
        .subquery()
    )
    rows = db.session.execute(
        select(latest, Property.title, User.first_name, User.last_name)
        .join(Property, Property.id == latest.c.property_id)
        .join(User, User.id == latest.c.client_id)
        .order_by(latest.c.at.desc())
    )
    steps = {1: "Viewing", 2: "Payment", 3: "Contract"}
    return [
        Line(
            row.property_id,
            row.client_id,
            row.title,
            f"{row.first_name} {row.last_name}".strip(),
            steps[row.rank],
            row.at,
        )
        for row in rows
    ]


def _open(actor: Actor, model: type[Any], rank: int, is_open: ColumnElement[bool], at: Any) -> Any:
    return (
        select(model.property_id, model.client_id, literal(rank).label("rank"), at.label("at"))
        .where(visible_to(actor, model), is_open)
        .order_by(at.desc())
        .limit(DEALS_SHOWN)
        .subquery()
        .select()
    )
