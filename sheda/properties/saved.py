"""Searches that were saved: the conditions of the list itself, asked of many searches at once.

A saved search keeps the values that its conditions take (`terms_of`). `predicate` is every condition that the list can
have, each with its values taken from the columns of a record, and left out where one of them is NULL: not asked.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import product
from typing import Any

from sheda.properties import filters
from sheda.properties.models import AMENITY_FLAGS, LISTING_TYPES, PERIODS, PROPERTY_TYPES
from sheda.properties.orders import ORDERS

EVERYTHING: dict[str, Any] = {
    "search": "",
    "status": "available",
    "listing_type": LISTING_TYPES[0],
    "period": PERIODS[0],
    "min_price": Decimal(1),
    "max_price": Decimal(1),
    "currency": "NGN",
    "min_bedrooms": 1,
    "max_bedrooms": 1,
    "min_bathrooms": 1,
    "state": "Lagos",
    "lga": "Eti-Osa",
    "city": "Lekki",
    "amenities": [*AMENITY_FLAGS, "swimming_pool"],
    "furnished": True,
    "agent_id": 1,
    "near": (1.0, 1.0),
    "radius_km": 1.0,
    "bbox": (1.0, 1.0, 1.0, 1.0),
    "updated_since": datetime(2026, 1, 1, tzinfo=UTC),
}
"""A query that asks for everything. Several kinds of property, and other orders, are asked for in other ways."""

TYPES: dict[type[Any], str] = {
    str: "text",
    Decimal: "numeric",
    bool: "boolean",
    int: "bigint",
    float: "float8",
    datetime: "timestamptz",
    list: "text[]",
}

_NAMED = re.compile(r"(?<!:):([a-z_]+)")
_FLAG = re.compile(r"properties\.([a-z_]+)")


def terms_of(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the conditions of a loaded query take, as JSON can hold it, with the version of the conditions."""
    asked = filters.filters_of(query)
    flags = {found[1]: True for one in asked.conditions if (found := _FLAG.fullmatch(one))}
    status = {"status": query["status"]} if query["status"] else {}
    terms = asked.values | flags | status
    return {name: _plain(value) for name, value in terms.items()} | {"version": version()}


@lru_cache(maxsize=8)
def predicate(record: str) -> str:
    """Return the SQL of all conditions on `properties` (alias `t` its text), with values from a record's columns."""
    conditions, _ = _catalogue()

    def optional(condition: str) -> str:
        # Quoted: LEFT is a value of ours and a word of SQL.
        missing = [f'{record}."{name}" IS NULL' for name in _values_of(condition)]
        return f"({' OR '.join(missing)} OR {_NAMED.sub(quoted, condition)})"

    quoted = rf'{record}."\1"'
    return " AND ".join(optional(one) for one in conditions)


@lru_cache(maxsize=1)
def columns() -> str:
    """Return the columns of the record that terms are, as SQL declares them."""
    _, types = _catalogue()
    return ", ".join(f'"{name}" {kind}' for name, kind in types.items())


@lru_cache(maxsize=1)
def version() -> str:
    """Return what changes with the conditions: terms of another version are made again from their filters."""
    return hashlib.sha256(f"{predicate('r')} {columns()}".encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def _catalogue() -> tuple[tuple[str, ...], dict[str, str]]:
    """Return every condition that a list can have, and the SQL type of every value that they name."""
    conditions: dict[str, None] = {}
    values: dict[str, Any] = {"status": "", "words": ""}
    for kinds, sort in product((PROPERTY_TYPES[:1], PROPERTY_TYPES[:2]), ORDERS):
        asked = filters.filters_of({**EVERYTHING, "property_type": list(kinds), "sort": sort})
        conditions |= dict.fromkeys(asked.conditions)
        values |= asked.values
    conditions |= {"properties.status = :status": None, filters.WORDS: None}
    values |= {name: True for one in conditions if _FLAG.fullmatch(one) for name in _values_of(one)}
    named = {name for one in conditions for name in _values_of(one)}
    return tuple(conditions), {name: TYPES[type(values[name])] for name in sorted(named)}


def _values_of(condition: str) -> list[str]:
    """Return the values without one of which a condition is not asked, or the column that must be true."""
    flag = _FLAG.fullmatch(condition)
    return [flag[1]] if flag else list(dict.fromkeys(_NAMED.findall(condition)))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value
