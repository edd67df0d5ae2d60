"""The verbs of a contract. Payments bring contracts about: what follows from them stands here as reactions."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select

from sheda.accounts.events import AccountClosing
from sheda.contracts import renewals
from sheda.contracts.ending import ContractNotDue, complete, expire, settle, successor_of, terminate
from sheda.contracts.models import Contract
from sheda.contracts.paper import document_of
from sheda.contracts.renewals import ContractExpired, accept_renewal, propose_renewal, renew
from sheda.contracts.states import CONTRACT
from sheda.contracts.terms import end_of
from sheda.core import clock
from sheda.core.access import find_visible, get_visible
from sheda.core.actor import Actor
from sheda.core.db import db, flush, lock
from sheda.core.errors import Conflict, InvalidInput, NotFound
from sheda.payments import services as payments
from sheda.payments.events import (
    PaymentAccepted,
    PaymentCanceled,
    PaymentChanging,
    PaymentDeclared,
    PaymentDeclined,
    PaymentSuperseded,
)
from sheda.payments.models import Payment
from sheda.properties import services as properties
from sheda.properties.events import PropertyArchived, TermsChanging
from sheda.properties.models import Property
from sheda.properties.services import PropertyInUse

__all__ = [
    "ContractExpired",
    "ContractLive",
    "ContractNotDue",
    "accept_renewal",
    "begin",
    "call_off_pending",
    "complete",
    "confirm_payment",
    "contract_of",
    "declare",
    "document_of",
    "draw_up",
    "expire",
    "find_or_declare",
    "find_payable_property",
    "hold_before",
    "keep_account",
    "keep_terms",
    "propose_renewal",
    "renew",
    "settle",
    "successor_of",
    "terminate",
]

RUNNING_STATES = ("pending", "active", "scheduled")


class ContractLive(Conflict):
    """Refuse to close an account with a contract that runs or is about to."""

    code = "contract_live"
    detail = "A contract of yours is running. It has to end, or to be handed over, first."


# ── “I have made payment” and the answer ─────────────────────────────────────────────────────────────────────────────


def find_payable_property(actor: Actor, property_id: int) -> Property:
    """Return the property of a declaration: one that is shown, or that the client has a payment for; else NotFound.

    An agent may pause a listing between the showing of the account and the transfer.
    """
    shown = find_visible(actor, Property, property_id)
    if shown is not None:
        return shown
    paid_for = exists().where(Payment.property_id == Property.id, Payment.client_id == actor.id)
    found = db.session.scalars(select(Property).where(Property.id == property_id, paid_for)).unique().one_or_none()
    if found is None:
        raise NotFound
    return found


def declare(actor: Actor, property_id: int, **said: Any) -> Contract:
    """Say "I have made payment", and return the contract that now waits for the agent; see `find_or_declare`."""
    return find_or_declare(actor, property_id, **said)[0]


def find_or_declare(
    actor: Actor,
    property_id: int,
    *,
    amount_paid: Decimal,
    paid_on: date,
    payment_id: int | None = None,
    payer_name: str | None = None,
    bank_reference: str | None = None,
    proof_file_id: int | None = None,
    rental_period_months: int | None = None,
    amount: Decimal | None = None,
) -> tuple[Contract, bool]:
    """Declare the client's payment: the property is held, the contract drawn up. True when that is news.

    Raises NotFound, InvalidInput on what differs from the frozen terms, PaymentRequired, UnderOffer, and
    ContractExpired for the renewal of a tenancy that has ended.
    """
    find_payable_property(actor, property_id)
    subject = properties.lock_property(property_id)
    payment = payments.find_declarable(actor, subject, payment_id)
    _check_frozen(payment, rental_period_months, amount)
    if payment.status != "initiated":
        payments.check_declaration(actor, payment, amount_paid, paid_on, proof_file_id)
        return contract_of(payment), False
    if payment.renews_contract_id is not None:
        renewals.check_renewable(db.session.get_one(Contract, payment.renews_contract_id))
    is_new = payments.declare(
        actor, payment, amount_paid=amount_paid, paid_on=paid_on, payer_name=payer_name,
        bank_reference=bank_reference, proof_file_id=proof_file_id,
    )  # fmt: skip
    return contract_of(payment), is_new


def _check_frozen(payment: Payment, rental_period_months: int | None, amount: Decimal | None) -> None:
    faults = []
    if rental_period_months not in {None, payment.months}:
        message = (
            f"The agreed term is {payment.months} months."
            if payment.months
            else "The agreed term is not counted in months."
        )
        faults.append({"field": "rental_period_months", "message": message})
    if amount not in {None, payment.amount}:
        faults.append({"field": "amount", "message": f"The amount to pay is {payment.amount} {payment.currency}."})
    if faults:
        raise InvalidInput(errors=faults)


def confirm_payment(actor: Actor, contract_id: int, *, decision: str = "accept", reason: str | None = None) -> Contract:
    """Accept or decline the payment of a contract; repeating the same decision changes nothing.

    Raises NotFound, NotAllowed, InvalidInput on `reason`, IllegalMove for the other decision, ContractExpired for the
    renewal of a tenancy that has ended meanwhile.
    """
    contract = get_visible(actor, Contract, contract_id)
    decide = payments.accept if decision == "accept" else payments.decline
    decide(actor, contract.payment_id, reason=reason)
    return contract


def contract_of(payment: Payment) -> Contract:
    """Return the contract that was drawn up for a declared payment."""
    return db.session.scalars(select(Contract).where(Contract.payment_id == payment.id)).one()


# ── What payments bring about ────────────────────────────────────────────────────────────────────────────────────────


def hold_before(event: PaymentChanging) -> None:
    """Lock a payment's contract and the one that it renews before the payment itself: the order of locks."""
    payment = event.payment
    which = or_(Contract.payment_id == payment.id, Contract.id == payment.renews_contract_id)
    lock(Contract, db.session.scalars(select(Contract.id).where(which)))


def draw_up(event: PaymentDeclared) -> None:
    """Write the pending contract of a declared payment, with that payment's terms."""
    payment = event.subject
    start = _start_of(payment)
    if payment.renews_contract_id is not None:
        start = db.session.get_one(Contract, payment.renews_contract_id).end_date or start
    contract = Contract(
        reference=payments.new_reference("CON"),
        property_id=payment.property_id,
        client_id=payment.client_id,
        agent_id=payment.agent_id,
        payment_id=payment.id,
        replaces_id=payment.renews_contract_id,
        contract_type="sale" if payment.kind == "sale" else "rent",
        amount=payment.amount,
        currency=payment.currency,
        period=payment.period,
        periods=payment.periods,
        start_date=start,
        end_date=end_of(start, payment.period, payment.periods),
        status="pending",
        created_at=clock.now(),
    )
    db.session.add(contract)
    flush()
    CONTRACT.begin(event.actor, contract)


def begin(event: PaymentAccepted) -> None:
    """Let the contract of an accepted payment begin: a renewal on the old end, any other now, and the home is taken.

    It starts today when the agreed day has passed while the payment waited.
    """
    payment = event.subject
    contract = contract_of(payment)
    if contract.replaces_id is not None:
        renewals.begin(event.actor, contract, db.session.get_one(Contract, contract.replaces_id))
        return
    contract.start_date = _start_of(payment)
    contract.end_date = end_of(contract.start_date, contract.period, contract.periods)
    contract.activated_at = clock.now()
    properties.take(event.actor, properties.lock_property(payment.property_id))
    CONTRACT.move(event.actor, contract, "activate")
    flush()


def call_off_pending(event: PaymentDeclined | PaymentCanceled | PaymentSuperseded) -> None:
    """Cancel the contract that waited for a payment which has come to nothing."""
    waiting = select(Contract.id).where(Contract.payment_id == event.subject.id, Contract.status == "pending")
    for contract in lock(Contract, db.session.scalars(waiting)):
        contract.ended_at = clock.now()
        CONTRACT.move(event.actor, contract, "cancel", reason=event.reason)
        flush()


def _start_of(payment: Payment) -> date:
    today = clock.today(payment.subject.time_zone)
    return max(today, payment.start_date or today)


# ── What others' moves mean for contracts ────────────────────────────────────────────────────────────────────────────


def keep_terms(event: TermsChanging | PropertyArchived) -> None:
    """Refuse new terms for, and the archiving of, a property with a contract that runs or is about to."""
    if _is_running(Contract.property_id == event.subject.id):
        raise PropertyInUse


def keep_account(event: AccountClosing) -> None:
    """Refuse to close an account with a contract that runs or is about to."""
    if _is_running(or_(Contract.client_id == event.user.id, Contract.agent_id == event.user.id)):
        raise ContractLive


def _is_running(which: ColumnElement[bool]) -> bool:
    return bool(db.session.scalar(select(exists().where(which, Contract.status.in_(RUNNING_STATES)))))
