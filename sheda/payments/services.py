"""The verbs of a payment. Each locks the property first; what follows in contracts reacts to their events."""

import secrets
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, and_, not_, or_, select

from sheda.accounts.events import AccountClosing
from sheda.appointments import services as appointments
from sheda.appointments.events import AppointmentCanceled, AppointmentMissed
from sheda.appointments.models import Appointment
from sheda.core import clock
from sheda.core.access import find_visible, get_visible
from sheda.core.actor import SYSTEM, Actor
from sheda.core.banks import bank_name
from sheda.core.db import db, flush, lock, lock_one, refuse_on
from sheda.core.errors import Conflict, InvalidInput, NotAllowed
from sheda.core.events import emit
from sheda.core.states import record
from sheda.payments.access import is_payer
from sheda.payments.events import PaymentChanging, PaymentEscalated, PaymentInitiated
from sheda.payments.models import HOLDING_STATES, OPEN_STATES, File, Payment
from sheda.payments.quotes import Quote, chosen_terms, quote
from sheda.payments.states import PAYMENT
from sheda.profiles import services as profiles
from sheda.properties import services as properties
from sheda.properties.events import PropertyArchived, TermsChanging
from sheda.properties.models import Property
from sheda.properties.services import PropertyInUse, PropertyUnavailable, UnderOffer

_REFERENCE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without those that are read or typed as one another: a client copies a reference into his bank's form."""


class PaymentOpen(Conflict):
    """Refuse what an open payment stands in the way of."""

    code = "payment_open"
    detail = "A payment is open. Wait for its decision, or cancel it first."


class ViewingRequired(Conflict):
    """Refuse a payment for a home that the client has not seen."""

    code = "viewing_required"
    detail = "See the home first: you can pay once the viewing has begun or the agent has closed it."


class PaymentDetailsMissing(Conflict):
    """Refuse a payment to an agent who has named no bank account."""

    code = "payment_details_missing"
    detail = "The agent has not named a bank account yet. Ask the agent to add one."


class PaymentRequired(Conflict):
    """Refuse a declaration without an open payment that it could be about."""

    code = "payment_required"
    detail = "There is no open payment of yours for this property. Use “Make payment” first."


for _index in ("uq_payments_open", "uq_payments_open_renewal"):
    refuse_on(_index, PaymentOpen)
refuse_on("uq_payments_holding", UnderOffer)


# ── Making payments ──────────────────────────────────────────────────────────────────────────────────────────────────


def initiate(
    actor: Actor,
    appointment_id: int,
    *,
    periods: int | None = None,
    months: int | None = None,
    start_date: date | None = None,
) -> Payment:
    """Begin a payment after a viewing, or return one's own open payment; see `find_or_initiate`."""
    return find_or_initiate(actor, appointment_id, periods=periods, months=months, start_date=start_date)[0]


def find_or_initiate(
    actor: Actor,
    appointment_id: int,
    *,
    periods: int | None = None,
    months: int | None = None,
    start_date: date | None = None,
) -> tuple[Payment, bool]:
    """Return one's own open payment for the property, else begin one; True when it is new. Either shows the account.

    `periods` 1…60 (one when not said), or `months` that make whole periods; `start_date` from today to 90 days on.
    Raises NotFound, InvalidInput, PaymentOpen when other terms are open, ViewingRequired, PropertyUnavailable,
    UnderOffer, PaymentDetailsMissing.
    """
    seen = get_visible(actor, Appointment, appointment_id)
    subject = properties.lock_property(seen.property_id)
    chosen = chosen_terms(subject, periods=periods, months=months, start_date=start_date)
    mine = Payment.client_id == actor.id, Payment.property_id == subject.id, Payment.kind != "renewal"
    for payment in _lock_open(*mine):
        if chosen not in {None, payment.periods} or start_date not in {None, payment.start_date}:
            raise PaymentOpen("Your payment for this home is open with other terms. Cancel it to choose new ones.")
        show_account(actor, payment)
        return payment, False
    viewing = lock_one(Appointment, appointment_id)
    _check_payable(viewing, subject)
    payment = _begin(
        actor, subject, quote(subject, chosen), kind=subject.listing_type,
        client_id=viewing.client_id, appointment_id=viewing.id, start_date=start_date,
    )  # fmt: skip
    show_account(actor, payment)
    return payment, True


def initiate_renewal(actor: Actor, subject: Property, *, contract_id: int, client_id: int, periods: int) -> Payment:
    """Begin the payment that renews a tenancy of a locked property: rent alone, the fees were paid at its beginning."""
    return _begin(
        actor, subject, quote(subject, periods, with_fees=False), kind="renewal",
        client_id=client_id, renews_contract_id=contract_id,
    )  # fmt: skip


def chosen_periods(subject: Property, *, periods: int | None, months: int | None) -> int | None:
    """Return the periods that were asked for, None when nothing was said; InvalidInput when they do not fit."""
    return chosen_terms(subject, periods=periods, months=months, start_date=None)


def show_account(actor: Actor, payment: Payment) -> None:
    """Note that the payer, if this is he, is shown the account in full."""
    if is_payer(actor, payment):
        note_showing(actor, payment)


def note_showing(actor: Actor, payment: Payment) -> None:
    """Leave a history row, as every showing of the account in full does (access.md)."""
    record(actor, payment, "show_account", payment.status, payment.status)


def _check_payable(viewing: Appointment, subject: Property) -> None:
    begun = viewing.status == "confirmed" and viewing.has_begun(clock.now())
    if viewing.status != "completed" and not begun:
        raise ViewingRequired
    if subject.status != "available" or subject.listing_state == "archived":
        raise PropertyUnavailable
    if subject.is_under_offer:
        raise UnderOffer


def _begin(actor: Actor, subject: Property, due: Quote, *, kind: str, **details: Any) -> Payment:
    account = profiles.default_bank_account(subject.agent_id)
    if account is None:
        raise PaymentDetailsMissing
    now = clock.now()
    payment = Payment(
        reference=new_reference("PAY"),
        kind=kind,
        property_id=subject.id,
        agent_id=subject.agent_id,
        period=due.period,
        periods=due.periods,
        lines=due.lines,
        amount=due.amount,
        currency=subject.currency,
        bank_account_id=account.id,
        account={
            "bank_code": account.bank_code,
            "bank_name": bank_name(account.bank_code),
            "account_name": account.account_name,
            "account_number": account.account_number,
        },
        status="initiated",
        expires_at=now + current_app.config["PAY_WITHIN"],
        created_at=now,
        updated_at=now,
        **details,
    )
    db.session.add(payment)
    flush()
    PAYMENT.begin(actor, payment, move="initiate")
    emit(PaymentInitiated(payment, actor))
    return payment


def new_reference(kind: str) -> str:
    """Return a new reference of three letters and eight more that nobody can guess."""
    return f"{kind}-" + "".join(secrets.choice(_REFERENCE_LETTERS) for _ in range(8))


# ── Declaring and deciding ───────────────────────────────────────────────────────────────────────────────────────────


def find_declarable(actor: Actor, subject: Property, payment_id: int | None = None) -> Payment:
    """Return and lock the client's payment for a locked property that a declaration is about.

    An initiated one before a declared one; the named one also when it was accepted since. InvalidInput on
    `payment_id` when that payment is not there for him, PaymentRequired when none is open.
    """
    if payment_id is None:
        mine = Payment.client_id == actor.id, Payment.property_id == subject.id
        found = _lock_open(*mine)
    else:
        named = find_visible(actor, Payment, payment_id)
        if named is None or named.property_id != subject.id:
            raise InvalidInput.on("payment_id", "You have no such payment for this property.")
        found = _lock_open(Payment.id == payment_id) or ([named] if named.status == "accepted" else [])
    for payment in sorted(found, key=lambda one: one.status != "initiated"):
        return payment
    raise PaymentRequired


def declare(
    actor: Actor,
    payment: Payment,
    *,
    amount_paid: Decimal,
    paid_on: date,
    payer_name: str | None = None,
    bank_reference: str | None = None,
    proof_file_id: int | None = None,
) -> bool:
    """Take the client's word that a locked payment was made, and hold the property; False when it had been given.

    InvalidInput as of `check_declaration`; UnderOffer when somebody was faster.
    """
    check_declaration(actor, payment, amount_paid, paid_on, proof_file_id)
    if PAYMENT.check(actor, payment, "declare") is None:
        return False
    if payment.kind != "renewal":
        viewing = lock_one(Appointment, payment.appointment_id or 0)
        if viewing.status not in {"confirmed", "completed"}:
            raise ViewingRequired
        properties.hold(properties.lock_property(payment.property_id), payment.id)
    payment.amount_paid, payment.paid_on, payment.proof_file_id = amount_paid, paid_on, proof_file_id
    payment.payer_name, payment.bank_reference = payer_name or None, bank_reference or None
    payment.declared_at = payment.updated_at = clock.now()
    payment.decide_by = payment.declared_at + current_app.config["DECIDE_WITHIN"]
    PAYMENT.move(actor, payment, "declare")
    flush()
    return True


def check_declaration(
    actor: Actor, payment: Payment, amount_paid: Decimal, paid_on: date, proof_file_id: int | None
) -> None:
    """Refuse with InvalidInput an amount that differs, a day to come, and a proof that is no file of one's own."""
    faults = []
    if amount_paid != payment.amount:
        faults.append({"field": "amount_paid", "message": f"The amount to pay is {payment.amount} {payment.currency}."})
    if paid_on > clock.today(payment.subject.time_zone):
        faults.append({"field": "paid_on", "message": "This day is still to come."})
    if proof_file_id is not None:
        proof = find_visible(actor, File, proof_file_id)
        if proof is None or proof.owner_id != actor.id:
            faults.append({"field": "proof_file_id", "message": "You have uploaded no such file."})
    if faults:
        raise InvalidInput(errors=faults)


def accept(actor: Actor, payment_id: int, *, reason: str | None = None) -> Payment:
    """Say that the money has come: the contract begins, the home leaves the market, whoever else wanted it is told.

    Staff give a reason. Nobody decides on his own payment.
    """
    subject, payment = _take_up(actor, payment_id)
    move = PAYMENT.check(actor, payment, "accept", reason=reason)
    if move is None:
        return payment
    is_letting = payment.kind != "renewal"
    if is_letting and subject.held_by_payment_id != payment.id:
        raise UnderOffer
    payment.decided_at = payment.updated_at = clock.now()
    if is_letting:
        supersede_others(subject, payment.id)
    PAYMENT.apply(actor, payment, move, reason=reason)
    if is_letting:
        appointments.cancel_future_for_property(subject, keep_appointment_id=payment.appointment_id)
    flush()
    return payment


def decline(actor: Actor, payment_id: int, *, reason: str | None = None) -> Payment:
    """Say that the money has not come; the reason is read by the client, and this is final."""
    subject, payment = _take_up(actor, payment_id)
    move = PAYMENT.check(actor, payment, "decline", reason=reason)
    if move is not None:
        payment.decided_at = payment.updated_at = clock.now()
        payment.refund_due = payment.status == "verified"
        properties.release(subject, payment.id)
        PAYMENT.apply(actor, payment, move, reason=reason)
        flush()
    return payment


def cancel(actor: Actor, payment_id: int, *, reason: str | None = None) -> Payment:
    """Call a payment off before its decision; one that was declared becomes a refund for staff to look after."""
    subject, payment = _take_up(actor, payment_id)
    expire_if_due(payment)
    move = PAYMENT.check(actor, payment, "cancel", reason=reason)
    if move is not None:
        payment.refund_due = payment.status == "declared"
        payment.updated_at = clock.now()
        properties.release(subject, payment.id)
        PAYMENT.apply(actor, payment, move, reason=reason)
        flush()
    return payment


def _take_up(actor: Actor, payment_id: int) -> tuple[Property, Payment]:
    seen = get_visible(actor, Payment, payment_id)
    subject = properties.lock_property(seen.property_id)
    emit(PaymentChanging(seen))
    payment = lock_one(Payment, payment_id)
    if actor.is_office and actor.id == payment.client_id:
        raise NotAllowed("Nobody decides on a payment of his own.")
    return subject, payment


def supersede_others(subject: Property, keep_payment_id: int) -> None:
    """Close every other open payment for a locked property; what was declared becomes a refund to look after."""
    others = lock(Payment, _open_ids(Payment.property_id == subject.id, Payment.id != keep_payment_id))
    for payment in others:
        payment.refund_due = payment.status != "initiated"
        payment.updated_at = clock.now()
        PAYMENT.move(SYSTEM, payment, "supersede")
    flush()


def drop_renewal(contract_id: int) -> None:
    """Call off a renewal's payment that nobody has declared, because the tenancy has ended."""
    for payment in lock(Payment, _open_ids(Payment.renews_contract_id == contract_id, Payment.status == "initiated")):
        payment.updated_at = clock.now()
        PAYMENT.move(SYSTEM, payment, "cancel", reason="The tenancy has ended.")


# ── Time-outs, through one function each ─────────────────────────────────────────────────────────────────────────────


def expire_if_due(payment: Payment) -> bool:
    """Let a locked payment lapse that was not declared in time: the one place where that is decided."""
    if payment.status != "initiated" or payment.expires_at > clock.now():
        return False
    payment.updated_at = clock.now()
    return PAYMENT.move(SYSTEM, payment, "expire")


def escalate_if_due(payment: Payment) -> bool:
    """Call staff, once, for a locked payment that nobody has decided in time; it never lapses, money may have moved."""
    overdue = payment.decide_by is not None and payment.decide_by <= clock.now()
    if payment.status not in HOLDING_STATES or payment.escalated_at is not None or not overdue:
        return False
    payment.escalated_at = payment.updated_at = clock.now()
    record(SYSTEM, payment, "escalate", payment.status, payment.status)
    emit(PaymentEscalated(payment, SYSTEM))
    return True


# ── What others' moves mean for payments ─────────────────────────────────────────────────────────────────────────────


def close_with_viewing(event: AppointmentCanceled | AppointmentMissed) -> None:
    """Cancel the undeclared payment of a viewing that is called off; PaymentOpen when a declared one waits."""
    for payment in lock(Payment, _open_ids(Payment.appointment_id == event.subject.id)):
        if payment.status != "initiated":
            raise PaymentOpen("The client has declared a payment after this viewing. Decide on the payment first.")
        payment.updated_at = clock.now()
        PAYMENT.move(SYSTEM, payment, "cancel", reason="The viewing was called off.")


def keep_terms(event: TermsChanging | PropertyArchived) -> None:
    """Refuse new terms for, and the archiving of, a property with an open payment."""
    if _open_ids(Payment.property_id == event.subject.id):
        raise PropertyInUse


def keep_account(event: AccountClosing) -> None:
    """Refuse to close an account with an open payment."""
    if _open_ids(or_(Payment.client_id == event.user.id, Payment.agent_id == event.user.id)):
        raise PaymentOpen


def _open_ids(*which: ColumnElement[bool]) -> list[int]:
    lapsed = and_(Payment.status == "initiated", Payment.expires_at <= clock.now())
    return list(db.session.scalars(select(Payment.id).where(Payment.status.in_(OPEN_STATES), not_(lapsed), *which)))


def _lock_open(*which: ColumnElement[bool]) -> list[Payment]:
    """Lock open payments behind what hangs on them, and let those lapse that are due."""
    found: Iterable[Payment] = db.session.scalars(select(Payment).where(Payment.status.in_(OPEN_STATES), *which))
    ids = []
    for payment in found:
        emit(PaymentChanging(payment))
        ids.append(payment.id)
    return [payment for payment in lock(Payment, ids) if payment.status in OPEN_STATES and not expire_if_due(payment)]
