"""Payments in the admin UI: the proof beside the expected amount, and the decision."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

from flask import Response
from flask_appbuilder import expose
from markupsafe import Markup
from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import joinedload

from sheda.core import clock, files, widgets
from sheda.core.access import select_visible, visible_to
from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.core.errors import NotFound
from sheda.core.generated import RoomView
from sheda.core.lists import Empty, RoomInterface
from sheda.core.money import format_money
from sheda.core.states import Move, letters_on
from sheda.core.views import counts, deal_href, require, view_of, waits
from sheda.core.widgets import Card, Link, Section
from sheda.payments import refunds, services, webhooks
from sheda.payments.models import HOLDING_STATES, Payment, WebhookEvent
from sheda.payments.states import PAYMENT
from sheda.payments.webhooks import FLAGGED

SHOWN_AT_HOME = 10

RETRY = Move("retry", ("dead",), "waiting", "S", "Try again", confirm="The event gets another round of tries, now.")

SHOWN_OF_EVENTS = frozenset(
    {
        "amount", "amount_total", "amount_refunded", "client_reference_id", "created", "created_at", "currency",
        "event", "id", "object", "paid_at", "payment_status", "reference", "refund_amount", "status",
        "transaction_reference", "tx_ref", "type",
    }
)  # fmt: skip
"""Members of a gateway's event that staff read; all others, names, cards and addresses among them, are masked."""

WORDS = {
    "initiated": "Details shown",
    "processing": "At the bank",
    "declared": "To decide",
    "verified": "Proved by the bank",
    "accepted": "Received",
    "declined": "Not received",
    "canceled": "Cancelled",
    "expired": "Lapsed",
    "superseded": "Home taken",
}


def _account(row: Payment) -> str:
    return f"{row.account['bank_name']} ••••{row.account['account_number'][-4:]}"


def _made_of(row: Payment) -> str:
    lines = [(line["label"], Decimal(line["amount"])) for line in row.lines]
    return " · ".join(f"{label} {format_money(amount, row.currency)}" for label, amount in lines)


def _said(row: Payment) -> Any:
    """Say what the client says: from whose account, when, how much, and the bank's own reference."""
    return widgets.joined(
        row.payer_name,
        widgets.day_words(row.paid_on) if row.paid_on else "",
        widgets.money(row.amount_paid, row.currency) if row.amount_paid else "",
        widgets.reference(row.bank_reference) if row.bank_reference else "",
    )


def _refund_note(row: Payment) -> Any:
    return widgets.badge("refund", {"refund": "To refund"}, tone="wait") if row.refund_due else ""


class PaymentView(RoomView):
    """Payments by bank transfer: what clients say they have paid, and what has been decided."""

    datamodel = RoomInterface(Payment)
    class_permission_name = "Payment"
    route_base = "/admin/payments"
    nouns = ("payment", "payments")
    icon = "money"
    show_template = "admin/payment_show.html"
    machine = PAYMENT
    words = WORDS
    moves = {"accept": services.accept, "decline": services.decline, "refund": refunds.send_refund}
    weighty = frozenset({"accept"})
    done = {
        "accept": "Money received. The contract has begun, and everybody has been told.",
        "decline": "Not received. The home is free again, and the client has your reason.",
        "refund": "The refund is noted, and the client has been told.",
    }
    list_columns = ["client", "property", "amount", "status", "decide_by", "reference"]
    show_columns = [
        "property",
        "amount_paid",
        "paid_on",
        "payer_name",
        "bank_reference",
        "created_at",
        "declared_at",
        "decided_at",
    ]
    order_columns = ["amount", "decide_by"]
    base_order = ("id", "desc")
    search_columns = ["status", "amount", "created_at"]
    find_columns = (Payment.reference, Payment.bank_reference, Payment.payer_name)
    find_label = "Reference or payer"
    choices = {"status": tuple(WORDS.items())}
    label_columns = {
        "status": "State",
        "decide_by": "Decide by",
        "amount_paid": "Said to be paid",
        "paid_on": "On",
        "payer_name": "From the account of",
        "bank_reference": "Bank's reference",
        "created_at": "Details shown",
        "declared_at": "Said paid",
        "decided_at": "Decided",
    }
    looks = {"amount": "s-num", "reference": "s-p3", "property": "is-long s-p2"}
    list_options = (joinedload(Payment.client), joinedload(Payment.subject), joinedload(Payment.proof))
    empty = Empty("No payment yet", "When a client says he has paid, it appears here and on Home, with the proof.")
    tabs = {
        "decide": ("To decide", lambda _actor: Payment.status.in_(HOLDING_STATES)),
        "open": ("Open", lambda _actor: Payment.status.in_(("initiated", "processing"))),
        "refunds": ("To refund", lambda _actor: Payment.refund_due.is_(True)),
        "all": ("All", lambda _actor: None),
    }
    cells = {
        "client": lambda row: row.client.get_full_name(),
        "property": lambda row: row.subject.title,
        "amount": lambda row: widgets.money(row.amount, row.currency),
        "amount_paid": lambda row: widgets.money(row.amount_paid, row.currency),
        "reference": lambda row: widgets.reference(row.reference),
        "decide_by": lambda row: widgets.countdown(row.decide_by) if row.status in HOLDING_STATES else None,
    }

    def own_routes(self) -> tuple[str, ...]:
        """Add the proof."""
        return ("proof",)

    def links(self, _actor: Actor, row: Payment) -> list[Link]:
        """Lead to the deal."""
        return [Link("Whole deal", deal_href(row), "deal")]

    def rule(self, name: str) -> Move | None:
        """Return the row of a move; a refund is one beside the machine's."""
        return refunds.REFUND if name == refunds.REFUND.name else super().rule(name)

    def possible(self, actor: Actor, row: Payment) -> list[Move]:
        """Offer to note a refund where one is owed."""
        owed = [refunds.REFUND] if row.refund_due and letters_on(actor, row) & set(refunds.REFUND.by) else []
        return super().possible(actor, row) + owed

    def title_of(self, row: Payment) -> str:
        """Name a payment by its client and amount."""
        return f"{row.client.get_full_name()}, {format_money(row.amount, row.currency)}"

    def extras(self, _actor: Actor, row: Payment) -> dict[str, Any]:
        """Set what was expected beside what was sent."""
        return {
            "client": row.client.first_name,
            "expected": format_money(row.amount, row.currency),
            "proof": f"{self.route_base}/proof/{row.id}" if row.proof else "",
            "proof_is_picture": row.proof is not None and row.proof.content_type.startswith("image/"),
            "note": widgets.countdown(row.decide_by) if row.status in HOLDING_STATES else _refund_note(row),
            "money": [
                ("Reference", widgets.reference(row.reference)),
                ("Into", _account(row)),
                *([("From", _said(row))] if row.declared_at else []),
                ("Made of", _made_of(row)),
            ],
        }

    @expose("/proof/<pk>")
    def proof(self, pk: str) -> Response:
        """Send the proof of a payment to those who may see the payment."""
        require("read", "File")
        row = self.row(pk)
        if row.proof is None:
            raise NotFound
        return Response(
            files.get(row.proof.key),
            content_type=row.proof.content_type,
            headers={"Cache-Control": "private, no-store"},
        )


@counts("PaymentView")
def undecided(actor: Actor) -> ScalarSelect[int]:
    """Count what waits for a decision: an agent's own, and for the office what no agent has decided in time."""
    found = select(func.count()).where(visible_to(actor, Payment), Payment.status.in_(HOLDING_STATES))
    return (found.where(Payment.decide_by < clock.now()) if actor.is_office else found).scalar_subquery()


def _event_state(row: WebhookEvent) -> Markup:
    if row.dead_at:
        return widgets.badge("dead", {"dead": "Gave up"}, tone="bad")
    if row.outcome is None:
        return widgets.badge("waiting", {"waiting": "Waits for next try" if row.attempts else "Waiting"}, tone="info")
    return widgets.badge(
        row.outcome, {row.outcome: widgets.plain(row.outcome)}, tone="bad" if row.outcome in FLAGGED else "good"
    )


def _masked(value: Any, name: str = "") -> Any:
    """Hide what is nobody's business here: only amounts, states, references and moments are shown."""
    if isinstance(value, dict):
        return {key: _masked(one, str(key)) for key, one in value.items()}
    if isinstance(value, list):
        return [_masked(one, name) for one in value]
    return value if name.lower() in SHOWN_OF_EVENTS or value is None else "•••"


class WebhookEventView(RoomView):
    """What payment gateways have told, and what became of it; people's data in it is shown to nobody."""

    datamodel = RoomInterface(WebhookEvent)
    class_permission_name = "WebhookEvent"
    route_base = "/admin/gateway-events"
    nouns = ("event", "events")
    list_title = "Gateway events"
    icon = "bank"
    tells_history = True
    moves = {"retry": webhooks.retry}
    done = {"retry": "The event is looked at again."}
    list_columns = ["name", "provider", "received_at", "state", "payment", "attempts"]
    show_columns = [
        "provider",
        "name",
        "event_id",
        "state",
        "payment",
        "received_at",
        "processed_at",
        "attempts",
        "last_error",
        "payload",
    ]
    order_columns = ["received_at"]
    base_order = ("id", "desc")
    search_columns = ["provider", "outcome", "received_at"]
    label_columns = {"name": "Event", "provider": "Gateway", "received_at": "Came", "attempts": "Tries"}
    looks = {"attempts": "s-num s-p3", "received_at": "s-p2"}
    empty = Empty("No event yet", "What Paystack, Flutterwave or Stripe tell Sheda is listed here.")
    tabs = {
        "all": ("All", lambda _actor: None),
        "flagged": ("To look at", lambda _actor: WebhookEvent.outcome.in_(FLAGGED)),
        "dead": ("Given up", lambda _actor: WebhookEvent.dead_at.is_not(None)),
    }
    cells = {
        "state": _event_state,
        "payment": lambda row: f"Payment {row.payment_id}" if row.payment_id else None,
        "payload": lambda row: json.dumps(_masked(json.loads(row.payload)), ensure_ascii=False),
    }

    def title_of(self, row: WebhookEvent) -> str:
        """Name the event as its gateway does."""
        return f"{row.provider.capitalize()}: {row.name}"

    def rule(self, name: str) -> Move | None:
        """Return the one thing that can be done."""
        return RETRY if name == RETRY.name else None

    def possible(self, _actor: Actor, row: WebhookEvent) -> list[Move]:
        """Offer another try for what was given up."""
        return [RETRY] if row.dead_at else []


@waits
def events_to_look_at(actor: Actor) -> Section | None:
    """Show staff where money may be where it should not be: refunds, disputes, amounts that differ."""
    if not actor.is_office:
        return None
    since = clock.now() - timedelta(days=7)
    rows = db.session.scalars(
        select(WebhookEvent)
        .where(WebhookEvent.outcome.in_(FLAGGED), WebhookEvent.processed_at > since)
        .order_by(WebhookEvent.id.desc())
        .limit(SHOWN_AT_HOME)
    )
    view = view_of(WebhookEventView)
    cards = [
        Card("flag", f"{view.title_of(row)}: {widgets.plain(row.outcome or '').lower()}", view.href_of(row), "", None)
        for row in rows
    ]
    return Section("Gateway events to look at", cards, view.list_href("flagged"), rank=70)


@waits
def payments_to_decide(actor: Actor) -> Section | None:
    """Show an agent what clients say they have paid, and staff what no agent has decided in time."""
    undecided = select_visible(actor, Payment).where(Payment.status.in_(HOLDING_STATES))
    if actor.is_office:
        undecided = undecided.where(Payment.decide_by < clock.now())
    rows = db.session.scalars(
        undecided.options(joinedload(Payment.client), joinedload(Payment.subject))
        .order_by(Payment.decide_by)
        .limit(SHOWN_AT_HOME)
    )
    view = view_of(PaymentView)
    cards = [
        Card(
            "flag" if actor.is_office else "payment",
            f"{row.client.get_full_name()} says {format_money(row.amount, row.currency)} is paid",
            deal_href(row),
            widgets.joined(
                row.subject.title,
                widgets.reference(row.reference),
                "proof attached" if row.proof_file_id else "no proof",
            ),
            row.decide_by,
            widgets.countdown(row.decide_by),
            buttons=tuple(view.buttons(actor, row)),
        )
        for row in rows
    ]
    title = "Undecided by their agents" if actor.is_office else "Payments to decide"
    return Section(title, cards, view.list_href("decide"), rank=20)
