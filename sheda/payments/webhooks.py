"""What gateways tell: kept as it came and answered at once, then worked through from the table.

Nothing moves on the word of a webhook: the gateway is asked again, outside any transaction, and amount, currency and
reference must be the frozen ones. Whatever does not fit changes nothing and is shown to staff.
"""

import hashlib
import json
import logging
import time
from dataclasses import dataclass
from datetime import timedelta

from flask import current_app
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from sheda.appointments.models import Appointment
from sheda.core import clock
from sheda.core.actor import SYSTEM, Actor
from sheda.core.api import Raw, read_json
from sheda.core.db import db, flush, in_transaction, lock_one
from sheda.core.errors import NotFound, Refusal, Unauthorized
from sheda.core.events import emit
from sheda.core.states import record
from sheda.payments import services
from sheda.payments.events import GatewayFlagged, PaymentChanging
from sheda.payments.gateways import GATEWAYS, GatewayDown, News, Receipt, find_gateway
from sheda.payments.models import Checkout, Payment, WebhookEvent
from sheda.payments.states import PAYMENT
from sheda.properties import services as properties
from sheda.properties.models import Property

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
"""How long a claimed event is left to its worker: above the longest that a gateway is waited for."""

TURN = 20.0
"""Seconds in which a sweep takes up new events, within a task's time limit."""

FIRST_PAUSE, LONGEST_PAUSE, MOST_ATTEMPTS = timedelta(seconds=10), timedelta(hours=1), 40
LONGEST_NAME, LONGEST_REFERENCE = 60, 120

FLAGGED = (
    "amount_differs",
    "currency_differs",
    "dispute",
    "paid_twice",
    "payment_closed",
    "property_unavailable",
    "reference_differs",
    "refund",
    "under_offer",
    "unknown_reference",
    "unreadable",
    "viewing_required",
)
"""Outcomes that staff must look at: money may be where it should not be."""


class SignatureInvalid(Unauthorized):
    """Refuse a webhook that none of the live keys has signed."""

    code = "signature_invalid"
    detail = "This is not signed with a key of ours."


# ── Taking in ────────────────────────────────────────────────────────────────────────────────────────────────────────


def take(provider: str, raw: Raw) -> bool:
    """Keep a signed webhook; False when it had been kept before.

    NotFound for a gateway that is not set up, SignatureInvalid, BadRequest for a signed body that is no JSON object.
    """
    gateway = find_gateway(provider)
    if gateway is None:
        raise NotFound
    if not gateway.is_signed(raw.body, raw.headers):
        raise SignatureInvalid
    event, now = read_json(raw.body), clock.now()
    digest = hashlib.sha256(raw.body).hexdigest()
    try:
        news = gateway.read(event)
        event_id, name = news.event_id, news.name
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        event_id, name = digest, "unreadable"
    row = {
        "provider": provider,
        "event_id": event_id if _is_plain(event_id, 120) else digest,
        "name": name if _is_plain(name, LONGEST_NAME) else "unreadable",
        "payload": json.dumps(event),
        "received_at": now,
        "due_at": now,
    }
    kept = insert(WebhookEvent).values(**row).on_conflict_do_nothing().returning(WebhookEvent.id)
    return db.session.scalar(kept) is not None


def _is_plain(text: str, most: int) -> bool:
    return 0 < len(text) <= most and text.isascii() and text.isprintable()


# ── Working through ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Claim:
    """An event that is this worker's while its lease runs."""

    row_id: int
    attempt: int
    provider: str
    payload: str


def process_due(*, limit: int = 200) -> dict[str, int]:
    """Work through the events that are due, one at a time; safe beside itself and to be killed at any line."""
    tally, until = {"processed": 0, "failed": 0}, time.monotonic() + TURN
    for _ in range(limit):
        claim = in_transaction(_claim) if time.monotonic() < until else None
        if claim is None:
            break
        tally["processed" if _process(claim) else "failed"] += 1
    return tally


def _claim() -> Claim | None:
    now, model = clock.now(), WebhookEvent
    row = db.session.scalars(
        select(model)
        .where(
            model.processed_at.is_(None),
            model.dead_at.is_(None),
            model.due_at <= now,
            model.claimed_until.is_(None) | (model.claimed_until < now),
        )
        .order_by(model.due_at, model.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    row.claimed_until, row.attempts = now + LEASE, row.attempts + 1
    return Claim(row.id, row.attempts, row.provider, row.payload)


def _process(claim: Claim) -> bool:
    try:
        try:
            news = GATEWAYS[claim.provider].read(json.loads(claim.payload))
            _check_names(news.reference, news.transaction)
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            in_transaction(lambda: _close(claim, "unreadable", None))
            return True
        receipt = None if news.kind == "other" else GATEWAYS[claim.provider].find(news)
        if receipt is not None:
            _check_names(receipt.reference)
        in_transaction(lambda: _settle(claim, news, receipt))
    except GatewayDown:
        return in_transaction(lambda: _postpone(claim, "the gateway does not answer"))
    except Exception as fault:
        log.exception("webhook event %s failed", claim.row_id)
        error = type(fault).__name__
        return in_transaction(lambda: _postpone(claim, error))
    return True


def _check_names(*names: str) -> None:
    if not all(name == "" or _is_plain(name, LONGEST_REFERENCE) for name in names):
        raise ValueError("a name that neither we nor a gateway would give")


def _postpone(claim: Claim, error: str) -> bool:
    row, now = lock_one(WebhookEvent, claim.row_id), clock.now()
    if row.processed_at is None and row.attempts == claim.attempt:
        row.claimed_until, row.last_error = None, error
        row.due_at = now + min(FIRST_PAUSE * 2 ** min(row.attempts - 1, 12), LONGEST_PAUSE)
        row.dead_at = now if row.attempts >= MOST_ATTEMPTS else None
    return False


def _close(claim: Claim, outcome: str, payment: Payment | None) -> None:
    row = lock_one(WebhookEvent, claim.row_id)
    row.processed_at, row.claimed_until, row.last_error, row.outcome = clock.now(), None, None, outcome
    row.payment_id = payment.id if payment is not None else None
    if outcome in FLAGGED:
        flush()
        emit(GatewayFlagged(row, row.provider, outcome, payment))


def retry(actor: Actor, event_id: int, *, reason: str | None = None) -> None:
    """Give an event that was given up another round of tries; any other stays as it is."""
    row = lock_one(WebhookEvent, event_id)
    if row.dead_at is not None:
        row.dead_at, row.attempts, row.due_at, row.claimed_until = None, 0, clock.now(), None
        record(actor, row, "retry", "dead", "waiting", reason=reason)


# ── What follows ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _settle(claim: Claim, news: News, receipt: Receipt | None) -> None:
    event = lock_one(WebhookEvent, claim.row_id)
    if event.processed_at is not None:
        return
    if receipt is None:
        _close(claim, "ignored", None)
        return
    checkout = db.session.scalars(
        select(Checkout).where(Checkout.provider == claim.provider, Checkout.reference == receipt.reference)
    ).one_or_none()
    if checkout is None:
        _close(claim, "unknown_reference", None)
        return
    seen = db.session.get_one(Payment, checkout.payment_id)
    subject = properties.lock_property(seen.property_id)
    emit(PaymentChanging(seen))
    payment, checkout = lock_one(Payment, seen.id), lock_one(Checkout, checkout.id)
    outcome = _outcome(subject, payment, checkout, news, receipt)
    payment.updated_at = clock.now()
    flush()
    _close(claim, outcome, payment)


def _outcome(subject: Property, payment: Payment, checkout: Checkout, news: News, receipt: Receipt) -> str:
    """Do what a receipt asks for, and name it."""
    if news.reference and news.reference != receipt.reference:
        return "reference_differs"
    if news.kind in {"refund", "dispute"}:
        return _note(payment, checkout, news)
    if receipt.state != "paid":
        return _follow(payment, receipt)
    fault = _fault_of(payment, receipt)
    if fault:
        return fault
    if checkout.paid_at is not None:
        return "repeated"
    checkout.paid_at = clock.now()
    return _take_money(subject, payment, checkout)


def _fault_of(payment: Payment, receipt: Receipt) -> str:
    """Name what of the money is not as it was frozen; nothing when all is."""
    if receipt.currency != payment.currency:
        return "currency_differs"
    return "" if receipt.amount == payment.amount else "amount_differs"


def _follow(payment: Payment, receipt: Receipt) -> str:
    """Follow a checkout that has not ended, or ended without money; late news of either changes nothing."""
    move, outcome = ("process", "processing") if receipt.state == "pending" else ("fail", "failed")
    if payment.status not in PAYMENT.moves[move].source:
        return "repeated"
    PAYMENT.move(SYSTEM, payment, move)
    return outcome


def _note(payment: Payment, checkout: Checkout, news: News) -> str:
    details = {"provider": checkout.provider, "amount": f"{news.amount:.2f}" if news.amount is not None else "unknown"}
    record(SYSTEM, payment, news.kind, payment.status, payment.status, details=details)
    if news.kind == "refund" and news.amount is not None and news.amount >= payment.amount:
        payment.refund_due = False
    return news.kind


def _take_money(subject: Property, payment: Payment, checkout: Checkout) -> str:
    """Count a payment as proved, or as money that must go back."""
    if payment.status not in {"initiated", "processing", "declared"}:
        is_second = payment.status in {"verified", "accepted"}
        payment.refund_due = True
        record(SYSTEM, payment, "late_money", payment.status, payment.status, details={"provider": checkout.provider})
        return "paid_twice" if is_second else "payment_closed"
    if payment.status == "declared":
        PAYMENT.move(SYSTEM, payment, "prove", provider=checkout.provider, reference=checkout.reference)
    else:
        try:
            _hold(subject, payment)
        except Refusal as refusal:
            payment.refund_due = True
            PAYMENT.move(SYSTEM, payment, "supersede", provider=checkout.provider)
            return refusal.code
        now = clock.now()
        payment.declared_at, payment.decide_by = now, now + current_app.config["DECIDE_WITHIN"]
        payment.amount_paid, payment.paid_on = payment.amount, clock.today(subject.time_zone)
        payment.bank_reference = checkout.reference
        PAYMENT.move(SYSTEM, payment, "verify", provider=checkout.provider, reference=checkout.reference)
    flush()
    return _accept(payment) if current_app.config["AUTO_ACCEPT_VERIFIED"] else "verified"


def _hold(subject: Property, payment: Payment) -> None:
    viewing = lock_one(Appointment, payment.appointment_id or 0)
    if viewing.status not in {"confirmed", "completed"}:
        raise services.ViewingRequired
    properties.hold(subject, payment.id)


def _accept(payment: Payment) -> str:
    try:
        with db.session.begin_nested():
            services.accept(SYSTEM, payment.id)
    except Refusal as refusal:
        log.warning("payment %s is verified, and not accepted: %s", payment.id, refusal.code)
        return "verified"
    return "accepted"
