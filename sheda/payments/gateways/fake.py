"""A gateway without money, to be clicked through offline: for development, never in production.

Its ledger is a file for each checkout in the state directory, so that asking again means something here too.
"""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import current_app
from werkzeug.datastructures import Headers

from sheda.payments.gateways.wire import (
    GatewayDown,
    Kind,
    News,
    Order,
    Receipt,
    State,
    from_minor,
    matches,
    signatures,
    to_minor,
)

CURRENCIES = frozenset({"NGN", "USD", "GBP", "EUR"})
SIGNATURE = "x-fake-signature"
KINDS: dict[str, Kind] = {"paid": "paid", "pending": "pending", "failed": "failed", "refund": "refund"}
STATES: dict[str, State] = {"paid": "paid", "failed": "failed"}


def is_open() -> bool:
    """Tell whether it may be used here."""
    return bool(current_app.config["FAKE_GATEWAY"]) and current_app.config["ENVIRONMENT"] != "production"


def start(order: Order) -> str:
    """Begin a checkout and return the address of its page."""
    _write(
        {
            "reference": order.reference,
            "amount": to_minor(order.amount),
            "currency": order.currency,
            "label": order.label,
            "back": order.back,
            "status": "open",
            "paid": 0,
        }
    )
    return f"{current_app.config['PUBLIC_URL']}/fake-checkout/{order.reference}"


def find_charge(reference: str) -> dict[str, Any] | None:
    """Return what the ledger says of a checkout; None when there is none."""
    path = _path(reference)
    return json.loads(path.read_text()) if path is not None and path.is_file() else None


def settle(reference: str, status: str, *, short_by: int = 0) -> tuple[bytes, dict[str, str]]:
    """Note that a checkout was paid (less `short_by` kobo) or has failed, and return the webhook that says so."""
    charge = find_charge(reference)
    if charge is None:
        raise GatewayDown
    paid = charge["amount"] - short_by if status == "paid" else 0
    _write({**charge, "status": status, "paid": paid})
    event = {"id": f"{reference}:{status}:{paid}", "event": status, "reference": reference}
    body = json.dumps(event).encode()
    return body, {SIGNATURE: signatures(body, [_key()], "sha256")[0]}


def is_signed(body: bytes, headers: Headers) -> bool:
    """Tell whether a webhook is this Sheda's own."""
    return matches(headers.get(SIGNATURE, ""), *signatures(body, [_key()], "sha256"))


def read(event: dict[str, Any]) -> News:
    """Read a signed webhook."""
    name = str(event["event"])
    amount = Decimal(event["amount"]) / 100 if "amount" in event else None
    return News(str(event["id"]), name, KINDS.get(name, "other"), str(event["reference"]), amount=amount)


def find(news: News) -> Receipt:
    """Look into the ledger."""
    charge = find_charge(news.reference)
    if charge is None:
        raise GatewayDown
    amount = from_minor(charge["paid"] if charge["status"] == "paid" else charge["amount"])
    return Receipt(STATES.get(charge["status"], "pending"), charge["reference"], amount, charge["currency"])


def _key() -> str:
    return f"fake gateway {current_app.config['SECRET_KEY']}"


def _path(reference: str) -> Path | None:
    if not re.fullmatch(r"[A-Z0-9-]{1,40}", reference):
        return None
    return Path(current_app.config["STATE_DIR"]) / "fake-gateway" / f"{reference}.json"


def _write(charge: dict[str, Any]) -> None:
    path = _path(charge["reference"])
    if path is None:
        raise GatewayDown
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(json.dumps(charge))
