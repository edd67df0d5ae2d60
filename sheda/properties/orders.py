"""The orders that listings come in, and how a place in one is read back from a cursor."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sheda.core.money import LARGEST
from sheda.core.paging import moment


@dataclass(frozen=True)
class Order:
    """A sort order: column, direction (the id breaks ties in the same), and how its value is read from a cursor."""

    column: str
    descending: bool
    parse: Callable[[Any], Any]
    cast: str


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("no number")
    return float(value)


def _price(value: Any) -> Decimal:
    found = Decimal(value)
    if not isinstance(value, str) or not found.is_finite() or not 0 <= found <= 2 * LARGEST:
        raise ValueError("no price")
    return found


ORDERS = {
    "newest": Order("created_at", descending=True, parse=moment, cast="timestamptz"),
    "price": Order("price", descending=False, parse=_price, cast="numeric"),
    "-price": Order("price", descending=True, parse=_price, cast="numeric"),
    "distance": Order("distance", descending=False, parse=_number, cast="float8"),
    "relevance": Order("rank", descending=True, parse=_number, cast="float8"),
}
