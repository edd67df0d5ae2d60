"""Stripe Checkout: `Stripe-Signature` with a time in it, which may be five minutes old; amounts in cents.

Source: docs.stripe.com/webhooks (verify manually) and /api/checkout/sessions.
"""

from typing import Any
from urllib.parse import quote

from flask import current_app
from werkzeug.datastructures import Headers

from sheda.core import clock
from sheda.payments.gateways.wire import (
    GatewayDown,
    Kind,
    News,
    Order,
    Receipt,
    ask,
    from_minor,
    matches_any,
    signatures,
    to_minor,
)

CURRENCIES = frozenset({"NGN", "USD", "GBP", "EUR"})

TOLERANCE = 300
"""Seconds between the signing and now, either way: an old webhook that was caught is worth nothing."""

KINDS: dict[str, Kind] = {
    "checkout.session.async_payment_succeeded": "paid",
    "checkout.session.async_payment_failed": "failed",
    "checkout.session.expired": "failed",
    "charge.refunded": "refund",
    "charge.dispute.created": "dispute",
}


def is_open() -> bool:
    """Tell whether its keys are set."""
    return bool(current_app.config["STRIPE_SECRET_KEY"] and current_app.config["STRIPE_SIGNING_SECRETS"])


def start(order: Order) -> str:
    """Begin a checkout and return the address where the client pays."""
    answer = _ask(
        "POST",
        "/v1/checkout/sessions",
        data={
            "mode": "payment",
            "client_reference_id": order.reference,
            "customer_email": order.email,
            "success_url": order.back,
            "cancel_url": order.back,
            "payment_intent_data[metadata][reference]": order.reference,
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": order.currency.lower(),
            "line_items[0][price_data][unit_amount]": str(to_minor(order.amount)),
            "line_items[0][price_data][product_data][name]": order.label,
        },
    )
    try:
        return str(answer["url"])
    except KeyError as fault:
        raise GatewayDown from fault


def is_signed(body: bytes, headers: Headers) -> bool:
    """Tell whether a webhook was signed with one of the live secrets, less than five minutes ago."""
    parts = [part.strip().partition("=") for part in headers.get("Stripe-Signature", "").split(",")]
    moment = next((value for name, _, value in parts if name == "t"), "")
    given = [value for name, _, value in parts if name == "v1"]
    if not (moment.isascii() and moment.isdigit() and len(moment) <= len("9999999999")):
        return False
    wanted = signatures(moment.encode() + b"." + body, current_app.config["STRIPE_SIGNING_SECRETS"], "sha256")
    fresh = abs(clock.now().timestamp() - int(moment)) <= TOLERANCE
    return matches_any(given, wanted) and fresh


def read(event: dict[str, Any]) -> News:
    """Read a signed webhook."""
    name, thing = str(event["type"]), event["data"]["object"]
    kind = KINDS.get(name, "other")
    if name == "checkout.session.completed":
        kind = "paid" if thing["payment_status"] == "paid" else "pending"
    is_after = kind in {"refund", "dispute"}
    amount = thing["amount_refunded"] if kind == "refund" else thing["amount"] if kind == "dispute" else None
    return News(
        event_id=str(event["id"]),
        name=name,
        kind=kind,
        reference="" if is_after else str(thing.get("client_reference_id") or ""),
        transaction=str(thing["payment_intent"] if is_after else thing["id"]),
        amount=None if amount is None else from_minor(amount),
    )


def find(news: News) -> Receipt:
    """Ask Stripe about a checkout by its id, or about what a refund or a dispute goes back to."""
    name = quote(news.transaction, safe="")
    try:
        if news.kind in {"refund", "dispute"}:
            paid = _ask("GET", f"/v1/payment_intents/{name}")
            reference, amount = paid["metadata"]["reference"], paid["amount_received"]
            return Receipt("paid", str(reference), from_minor(amount), str(paid["currency"]).upper())
        found = _ask("GET", f"/v1/checkout/sessions/{name}")
        has_failed = found.get("status") == "expired" or news.kind == "failed"
        state = "paid" if found["payment_status"] == "paid" else "failed" if has_failed else "pending"
        reference, amount = found["client_reference_id"], found["amount_total"]
        return Receipt(state, str(reference), from_minor(amount), str(found["currency"]).upper())  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError) as fault:
        raise GatewayDown from fault


def _ask(method: str, path: str, **sent: Any) -> dict[str, Any]:
    settings = current_app.config
    return ask(method, settings["STRIPE_URL"] + path, settings["STRIPE_SECRET_KEY"], **sent)
