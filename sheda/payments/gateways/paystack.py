"""Paystack: HMAC-SHA512 of the raw body under the secret key, amounts in kobo.

Source: paystack.com/docs/payments/webhooks and /verify-payments.
"""

from typing import Any
from urllib.parse import quote

from flask import current_app
from werkzeug.datastructures import Headers

from sheda.payments.gateways.wire import (
    GatewayDown,
    Kind,
    News,
    Order,
    Receipt,
    State,
    ask,
    from_minor,
    matches,
    signatures,
    to_minor,
)

CURRENCIES = frozenset({"NGN", "USD"})

KINDS: dict[str, Kind] = {
    "charge.success": "paid",
    "charge.failed": "failed",
    "refund.processed": "refund",
    "charge.dispute.create": "dispute",
    "charge.dispute.resolve": "dispute",
}
STATES: dict[str, State] = {"success": "paid", "failed": "failed", "abandoned": "failed", "reversed": "failed"}


def is_open() -> bool:
    """Tell whether its keys are set."""
    return bool(current_app.config["PAYSTACK_SECRET_KEYS"])


def start(order: Order) -> str:
    """Begin a checkout and return the address where the client pays."""
    answer = _ask(
        "POST",
        "/transaction/initialize",
        json={
            "email": order.email,
            "amount": to_minor(order.amount),
            "currency": order.currency,
            "reference": order.reference,
            "callback_url": order.back,
        },
    )
    try:
        return str(answer["data"]["authorization_url"])
    except (KeyError, TypeError) as fault:
        raise GatewayDown from fault


def is_signed(body: bytes, headers: Headers) -> bool:
    """Tell whether a webhook is signed with one of the live keys."""
    keys = current_app.config["PAYSTACK_SECRET_KEYS"]
    return matches(headers.get("x-paystack-signature", ""), *signatures(body, keys, "sha512"))


def read(event: dict[str, Any]) -> News:
    """Read a signed webhook."""
    name, data = str(event["event"]), event["data"]
    kind = KINDS.get(name, "other")
    subject = data["transaction"] if kind == "dispute" else data
    reference = subject.get("transaction_reference") if kind == "refund" else subject.get("reference")
    amount = data.get("refund_amount", data.get("amount")) if kind in {"refund", "dispute"} else None
    # News of a refund carry no id of their own, and its amount as text.
    number = data["id"] if "id" in data else f"{data['transaction_reference']}:{data.get('refund_reference')}:{amount}"
    return News(
        event_id=f"{name}:{number}",
        name=name,
        kind=kind,
        reference=str(reference or ""),
        amount=None if amount is None else from_minor(int(amount)),
    )


def find(news: News) -> Receipt:
    """Ask Paystack about a transaction by our reference."""
    answer = _ask("GET", f"/transaction/verify/{quote(news.reference, safe='')}")
    try:
        data = answer["data"]
        state = STATES.get(data["status"], "pending")
        return Receipt(state, str(data["reference"]), from_minor(data["amount"]), str(data["currency"]))
    except (KeyError, TypeError, ValueError) as fault:
        raise GatewayDown from fault


def _ask(method: str, path: str, **sent: Any) -> dict[str, Any]:
    settings = current_app.config
    return ask(method, settings["PAYSTACK_URL"] + path, settings["PAYSTACK_SECRET_KEYS"][0], **sent)
