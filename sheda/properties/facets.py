"""How many listings of each kind answer what is asked: counts beside the filters of a page."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import current_app

from sheda.core.access import COUNT_CAP
from sheda.core.actor import Actor
from sheda.core.db import read_as_asked
from sheda.properties import search
from sheda.properties.models import AMENITY_FLAGS

LOOKED_AT = 5000
"""Listings that are counted. Where more answer, every count is of those, and told as "at least"."""

LOOKED_AT_BY_TEXT = 2000

SHOWN = 20
"""Values of each facet, the commonest."""

BANDS = [Decimal(base) * 10**power for power in range(2, 12) for base in ("1", "2.5", "5")] + [Decimal(10**12)]
"""Where bands of prices begin, in any currency."""

CENT = Decimal("0.01")

_COLUMNS = """properties.listing_type, properties.property_type, properties.period, properties.bedroom,
 properties.furnished, properties.state, properties.city, properties.location, properties.price, properties.currency,
 properties.amenities, """ + ", ".join(f"properties.{flag}" for flag in AMENITY_FLAGS)

_FLAGS = ", ".join(f"CASE WHEN m.{flag} THEN '{flag}' END" for flag in AMENITY_FLAGS)

_COUNTED = f"""SELECT (SELECT count(*) FROM m), (SELECT jsonb_object_agg(facet, counts) FROM (
 SELECT facet, jsonb_agg(jsonb_build_object('value', value, 'count', number) ORDER BY number DESC, value) AS counts
 FROM (SELECT f.*, row_number() OVER (PARTITION BY facet ORDER BY number DESC, value) AS place FROM (
  SELECT 'listing_type' AS facet, to_jsonb(listing_type) AS value, count(*) AS number FROM m GROUP BY listing_type
  UNION ALL SELECT 'property_type', to_jsonb(property_type), count(*) FROM m GROUP BY property_type
  UNION ALL SELECT 'period', to_jsonb(period), count(*) FROM m WHERE period IS NOT NULL GROUP BY period
  UNION ALL SELECT 'bedrooms', to_jsonb(bedroom), count(*) FROM m WHERE bedroom IS NOT NULL GROUP BY bedroom
  UNION ALL SELECT 'furnished', to_jsonb(furnished), count(*) FROM m GROUP BY furnished
  UNION ALL SELECT 'state', to_jsonb(max(state)), count(*) FROM m WHERE state <> '' GROUP BY lower(state)
  UNION ALL SELECT 'city', to_jsonb(max(city)), count(*) FROM m WHERE city <> '' GROUP BY lower(city)
  UNION ALL SELECT 'area', to_jsonb(max(location)), count(*) FROM m GROUP BY lower(location)
  UNION ALL SELECT 'amenities', to_jsonb(code), count(*) FROM m, unnest(m.amenities || array_remove(
   ARRAY[{_FLAGS}], NULL)::varchar[]) code GROUP BY code
  UNION ALL SELECT 'price', to_jsonb(width_bucket(price, CAST(:bands AS numeric[]))), count(*) FROM m
   WHERE currency = :money GROUP BY width_bucket(price, CAST(:bands AS numeric[]))
 ) f) ranked WHERE place <= {SHOWN} OR facet = 'price' GROUP BY facet) facets)"""

NAMES = (
    "listing_type", "property_type", "period", "bedrooms", "furnished", "state", "city", "area", "amenities", "price",
)  # fmt: skip


def facets(actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counts of what a loaded query asks for, whatever its order. Unauthorized for nobody's `mine`."""
    money = query["currency"] or current_app.config["CURRENCIES"][0]
    asked = search.asked_of(actor, {**query, "sort": "newest", "limit": LOOKED_AT})
    most = LOOKED_AT_BY_TEXT if asked.texts else LOOKED_AT
    matching = search.matching(asked, _COLUMNS, most + 1)
    values = asked.values | {"bands": BANDS, "money": money}
    ((total, found),) = read_as_asked(f"WITH m AS MATERIALIZED ({matching}) {_COUNTED}", **values)
    is_exact = total <= most
    found = found or {}
    told = {name: [_told(one, is_exact=is_exact) for one in found.get(name, ())] for name in NAMES}
    told["price"] = [_band(one, money) for one in sorted(told["price"], key=lambda one: one["value"])]
    return {**_number(total, is_exact=is_exact), "currency": money, **told}


def _told(one: Mapping[str, Any], *, is_exact: bool) -> dict[str, Any]:
    return {"value": one["value"], **_number(one["count"], is_exact=is_exact)}


def _number(number: int, *, is_exact: bool) -> dict[str, Any]:
    """Tell a number, or that it is at least so much."""
    return {"count": number if is_exact else min(number, COUNT_CAP), "count_is_exact": is_exact}


def _band(one: dict[str, Any], currency: str) -> dict[str, Any]:
    """Name a band by its bounds, which are filters: from the one, up to a hundredth below the other."""
    at = one.pop("value")
    least = f"{BANDS[at - 1]:.2f}" if at else "0.00"
    most = f"{BANDS[at] - CENT:.2f}" if at < len(BANDS) else None
    return {"min_price": least, "max_price": most, "currency": currency, **one}
