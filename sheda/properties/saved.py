"""Searches that were saved: the conditions of the list itself, asked of many searches at once.

A saved search keeps the values that its conditions take (`terms_of`). `predicate` is every condition that the list can
have, each with its values taken from a column of a record and left out where its first is NULL: not asked.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sheda.properties import search
from sheda.properties.models import AMENITY_FLAGS, LISTING_TYPES, PERIODS, PROPERTY_TYPES

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
"""A query that asks for everything; several kinds of property are asked for otherwise than one."""

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
    asked = search.filters_of(query)
    flags = {found[1]: True for one in asked.conditions if (found := _FLAG.fullmatch(one))}
    status = {"status": query["status"]} if query["status"] else {}
    terms = asked.values | flags | status
    return {name: _plain(value) for name, value in terms.items()} | {"version": version()}


@lru_cache(maxsize=8)
def predicate(record: str) -> str:
    """Return the SQL of all conditions on `properties` (alias `t` its text), with values from a record's columns."""
    conditions, _ = _catalogue()
    column = rf'{record}."\1"'  # quoted: LEFT is a value of ours and a word of SQL
    return " AND ".join(f'({record}."{_gate(one)}" IS NULL OR {_NAMED.sub(column, one)})' for one in conditions)


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
    for kinds in (PROPERTY_TYPES[:1], PROPERTY_TYPES[:2]):
        asked = search.filters_of({**EVERYTHING, "property_type": list(kinds)})
        conditions |= dict.fromkeys(asked.conditions)
        values |= asked.values
    conditions |= {"properties.status = :status": None, search.WORDS: None}
    values |= {_gate(one): True for one in conditions if _FLAG.fullmatch(one)}
    named = {name for one in conditions for name in [_gate(one), *_NAMED.findall(one)]}
    return tuple(conditions), {name: TYPES[type(values[name])] for name in sorted(named)}


def _gate(condition: str) -> str:
    """Return the value without which a condition is not asked: the first it names, or the column that must be true."""
    found = _NAMED.search(condition) or _FLAG.fullmatch(condition)
    if found is None:
        raise ValueError(f"no value decides about {condition}")
    return found[1]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value
