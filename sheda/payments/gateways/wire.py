"""What passes between Sheda and a gateway: orders out, news in, receipts asked for, and the HTTP in between."""

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import httpx

from sheda.core.errors import Unavailable

PATIENCE = 8.0
"""Seconds for each exchange with a gateway."""

Kind = Literal["paid", "pending", "failed", "refund", "dispute", "other"]
State = Literal["paid", "pending", "failed"]


class GatewayDown(Unavailable):
    """Say that a gateway did not answer, or not as it should; asking again later is safe."""

    code = "gateway_unavailable"
    detail = "The payment gateway does not answer just now. Try again in a moment; nothing was charged."


@dataclass(frozen=True)
class Order:
    """One try at paying: a reference that is used once, a frozen amount, and who pays."""

    reference: str
    amount: Decimal
    currency: str
    email: str
    label: str
    back: str


@dataclass(frozen=True)
class News:
    """What a webhook says: `event_id` names it once and for all, `transaction` is the gateway's own id of the payment.

    `amount` is only told of refunds and disputes. A `reference` may be missing: the gateway is asked for it.
    """

    event_id: str
    name: str
    kind: Kind
    reference: str = ""
    transaction: str = ""
    amount: Decimal | None = None


@dataclass(frozen=True)
class Receipt:
    """What the gateway answers when it is asked about a transaction."""

    state: State
    reference: str
    amount: Decimal
    currency: str


def matches(given: str, *wanted: str) -> bool:
    """Compare a signature with what each live key makes of it, in constant time."""
    return matches_any([given], wanted)


def matches_any(given: Iterable[str], wanted: Iterable[str]) -> bool:
    """Compare signatures with what each live key makes of them, in constant time and without stopping at the first."""
    wanted = list(wanted)
    results = [hmac.compare_digest(sent.encode(), one.encode()) for sent in given for one in wanted]
    return True in results


def signatures(body: bytes, keys: Iterable[str], digest: str) -> list[str]:
    """Return the hexadecimal HMAC of a body under each key."""
    return [hmac.new(key.encode(), body, digest).hexdigest() for key in keys]


def from_minor(value: Any) -> Decimal:
    """Read an amount in kobo or cents; TypeError for anything but a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is no amount in minor units")
    return Decimal(value) / 100


def from_major(value: Any) -> Decimal:
    """Read an amount in naira or dollars, with kobo or cents; TypeError or ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError(f"{value!r} is no amount")
    amount = Decimal(str(value))
    if not amount.is_finite():
        raise ValueError(f"{value!r} is no amount")
    return amount


def to_minor(amount: Decimal) -> int:
    """Write an amount in kobo or cents."""
    return int(amount * 100)


def ask(method: str, url: str, key: str, **sent: Any) -> dict[str, Any]:
    """Ask a gateway and return its answer, a JSON object; GatewayDown for every other answer, and for none."""
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    try:
        answer = httpx.request(method, url, headers=headers, timeout=PATIENCE, follow_redirects=False, **sent)
        answer.raise_for_status()
        body = json.loads(answer.content, parse_float=Decimal)
    except (httpx.HTTPError, ValueError) as fault:
        raise GatewayDown from fault
    if not isinstance(body, dict):
        raise GatewayDown
    return body
