"""Flutterwave, version 3: a secret hash in `verif-hash` proves little, so that the verify call is what counts.

Source: developer.flutterwave.com/v3.0.0, Webhooks and Transaction verification. Amounts are in naira.
"""

from typing import Any
from urllib.parse import quote

from flask import current_app
from werkzeug.datastructures import Headers

from sheda.payments.gateways.wire import GatewayDown, Kind, News, Order, Receipt, State, ask, from_major, matches

CURRENCIES = frozenset({"NGN", "USD", "GBP", "EUR"})

CHARGES: dict[str, Kind] = {"successful": "paid", "pending": "pending", "failed": "failed"}
STATES: dict[str, State] = {"successful": "paid", "pending": "pending"}


def is_open() -> bool:
    """Tell whether its keys are set."""
    return bool(current_app.config["FLUTTERWAVE_SECRET_KEY"] and current_app.config["FLUTTERWAVE_HASHES"])


def start(order: Order) -> str:
    """Begin a checkout and return the address where the client pays."""
    answer = _ask(
        "POST",
        "/v3/payments",
        json={
            "tx_ref": order.reference,
            "amount": str(order.amount),
            "currency": order.currency,
            "redirect_url": order.back,
            "customer": {"email": order.email},
            "customizations": {"title": order.label},
        },
    )
    try:
        return str(answer["data"]["link"])
    except (KeyError, TypeError) as fault:
        raise GatewayDown from fault


def is_signed(_body: bytes, headers: Headers) -> bool:
    """Tell whether a webhook carries one of the live hashes; it does not depend on the body."""
    return matches(headers.get("verif-hash", ""), *current_app.config["FLUTTERWAVE_HASHES"])


def read(event: dict[str, Any]) -> News:
    """Read a signed webhook."""
    name, data = str(event["event"]), event["data"]
    status = str(data.get("status", "")).lower()
    kind: Kind = "other"
    if name == "charge.completed":
        kind = CHARGES.get(status, "pending")
    elif name == "refund.completed":
        kind = "refund"
    elif name.startswith(("chargeback.", "dispute.")):
        kind = "dispute"
    amount = data.get("AmountRefunded", data.get("amount")) if kind in {"refund", "dispute"} else None
    return News(
        event_id=f"{name}:{data['id']}:{status}",
        name=name,
        kind=kind,
        reference=str(data.get("tx_ref") or ""),
        transaction=str(data.get("TransactionId") or data.get("transaction_id") or data["id"]),
        amount=None if amount is None else from_major(amount),
    )


def find(news: News) -> Receipt:
    """Ask Flutterwave about a transaction by its own id."""
    answer = _ask("GET", f"/v3/transactions/{quote(news.transaction, safe='')}/verify")
    try:
        data = answer["data"]
        state = STATES.get(str(data["status"]).lower(), "failed")
        return Receipt(state, str(data["tx_ref"]), from_major(data["amount"]), str(data["currency"]))
    except (KeyError, TypeError, ValueError) as fault:
        raise GatewayDown from fault


def _ask(method: str, path: str, **sent: Any) -> dict[str, Any]:
    settings = current_app.config
    return ask(method, settings["FLUTTERWAVE_URL"] + path, settings["FLUTTERWAVE_SECRET_KEY"], **sent)
