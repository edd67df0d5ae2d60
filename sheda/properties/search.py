"""The list of listings: every filter and order of the API in one statement whose pages cost the same at any depth.

Two statements when words are searched for: the first finds out what they may mean.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from flask import current_app

from sheda.core.access import COUNT_CAP
from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.core.errors import Unauthorized
from sheda.core.money import LARGEST
from sheda.core.paging import moment, read_cursor, write_cursor
from sheda.properties import cards
from sheda.properties.models import AMENITY_FLAGS

Query = Mapping[str, Any]

RANKED = 2000
"""Matches that are ranked: the newest so many. Ranking every match of a common word costs more than the page."""

KM_PER_DEGREE = 111.195
"""Of latitude, on a sphere of 6371.0088 km radius."""

MOST_RADIUS_KM = 100.0

_SPOT = "point(properties.longitude, properties.latitude)"
_HERE = "point(:longitude, :latitude)"
_DISTANCE = """(12742.0176 * asin(sqrt(least(1, power(sin(radians(properties.latitude - :latitude) / 2), 2)
 + cos(radians(:latitude)) * cos(radians(properties.latitude))
 * power(sin(radians(properties.longitude - :longitude) / 2), 2)))))"""


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


@dataclass
class Asked:
    """What a list is asked for, as SQL conditions on `properties` and the values they name."""

    order_name: str
    limit: int
    conditions: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> Order:
        """Return the sort order."""
        return ORDERS[self.order_name]


WORDS = "t.words @@ CAST(:words AS tsquery)"


def filters_of(query: Query) -> Asked:
    """Return what a loaded query filters by, whoever asks."""
    asked = Asked(query["sort"], 0)
    _add_plain(asked, query)
    _add_place(asked, query)
    if query["search"]:
        _add_words(asked, query["search"])
    return asked


def page(actor: Actor, query: Query) -> str:
    """Return one page of cards as JSON text; `query` is a loaded `ListQuery`. Unauthorized for nobody's `mine`."""
    asked = Asked(query["sort"], query["limit"])
    asked.conditions += _shown(actor, query)
    _add_plain(asked, query)
    _add_place(asked, query)
    if query["search"]:
        _add_words(asked, query["search"])
    behind = _behind(asked, query["cursor"])
    is_near = query["near"] is not None
    card = cards.CARD_WITH_DISTANCE if is_near else cards.CARD
    statement = f"""SELECT {card}::text AS card, p.key AS key, p.id AS id
 FROM ({_page_rows(asked, behind, is_near=is_near)}) p {cards.JOINS}"""
    if query["count"]:
        # An empty page has its count, too.
        statement = f"SELECT c.total, r.* FROM ({_count(asked)}) c LEFT JOIN ({statement}) r ON true"
    down = "DESC" if asked.order.descending else "ASC"
    asked.values |= {"fetched": asked.limit + 1, "media": cards.media()}
    rows = db.session.execute(cards.prepared(f"{statement} ORDER BY key {down}, id {down}"), asked.values).all()
    return _written(asked, rows, counted=query["count"])


def _written(asked: Asked, found: Any, *, counted: bool) -> str:
    count, is_exact = "null", "true"
    if counted:
        total = found[0].total
        count, is_exact = str(min(total, COUNT_CAP)), "true" if total <= COUNT_CAP else "false"
        found = [row for row in found if row.card is not None]
    shown, cursor = found[: asked.limit], "null"
    if len(found) > asked.limit:
        last = shown[-1]
        cursor = f'"{write_cursor([asked.order_name, last.key, last.id])}"'
    result = ", ".join(row.card for row in shown)
    return f'{{"result": [{result}], "count": {count}, "count_is_exact": {is_exact}, "next_cursor": {cursor}}}'


def _shown(actor: Actor, query: Query) -> Iterator[str]:
    yield cards.rows_for(actor)
    if query["mine"]:
        if actor.id is None:
            raise Unauthorized
        yield f"properties.agent_id = {actor.id}"
    # Words of the schema's closed list stand in the statement itself, where partial indexes are recognised.
    status = query["status"] or (None if query["mine"] else "available")
    if status:
        yield f"properties.status = '{status}'"


_PLAIN = {
    "listing_type": "properties.listing_type = :listing_type",
    "property_type": "properties.property_type = ANY(:property_type)",
    "period": "properties.period = :period",
    "min_price": "properties.price >= :min_price",
    "max_price": "properties.price <= :max_price",
    "currency": "properties.currency = :currency",
    "min_bedrooms": "properties.bedroom >= :min_bedrooms",
    "max_bedrooms": "properties.bedroom <= :max_bedrooms",
    "min_bathrooms": "properties.bathroom >= :min_bathrooms",
    "state": "lower(properties.state) = lower(:state)",
    "lga": "lower(properties.lga) = lower(:lga)",
    "city": "lower(properties.city) = lower(:city)",
    "furnished": "properties.furnished = :furnished",
    "agent_id": "properties.agent_id = :agent_id",
    "updated_since": "properties.updated_at >= :updated_since",
}


def _add_plain(asked: Asked, query: Query) -> None:
    values = {name: query[name] for name in _PLAIN if query[name] not in (None, "", [])}
    compares_money = {"min_price", "max_price"} & set(values) or asked.order.column == "price"
    if compares_money and "currency" not in values:
        # Amounts of different currencies are never compared.
        values["currency"] = current_app.config["CURRENCIES"][0]
    if len(values.get("property_type", ())) == 1:
        # One kind leaves an index in the order of prices, several do not.
        asked.conditions.append("properties.property_type = :only_type")
        asked.values["only_type"] = values.pop("property_type")[0]
    asked.conditions += [_PLAIN[name] for name in values]
    asked.values |= values
    codes = set(query["amenities"] or ())
    asked.conditions += [f"properties.{flag}" for flag in AMENITY_FLAGS if flag in codes]
    if further := sorted(codes - set(AMENITY_FLAGS)):
        asked.conditions.append("properties.amenities @> CAST(:amenities AS varchar[])")
        asked.values["amenities"] = further


def _add_place(asked: Asked, query: Query) -> None:
    if query["bbox"] is not None:
        asked.conditions.append(_within("west", "south", "east", "north"))
        asked.values |= dict(zip(("west", "south", "east", "north"), query["bbox"], strict=True))
    if query["near"] is None:
        return
    latitude, longitude = query["near"]
    radius = query["radius_km"] or MOST_RADIUS_KM
    # A kilometre is at most so many degrees, at the edge of the circle; an index looks there, the distance decides.
    edge = min(89.0, abs(latitude) + radius / KM_PER_DEGREE)
    widest = 1.01 / (KM_PER_DEGREE * math.cos(math.radians(edge)))
    reach = radius * widest
    asked.values |= {"latitude": latitude, "longitude": longitude, "radius": radius}
    if asked.order_name == "distance":
        asked.conditions.append(f"{_SPOT} <@ circle({_HERE}, :reach)")
        asked.values |= {"widest": widest, "reach": reach}
    else:
        # The planner knows how many homes lie between two numbers, but guesses how many lie in a circle.
        asked.conditions.append(_within("left", "low", "right", "high"))
        asked.values |= {"left": longitude - reach, "right": longitude + reach}
        asked.values |= {"low": latitude - reach, "high": latitude + reach}
    asked.conditions.append(f"{_DISTANCE} <= :radius")


def _within(west: str, south: str, east: str, north: str) -> str:
    return f"properties.latitude BETWEEN :{south} AND :{north} AND properties.longitude BETWEEN :{west} AND :{east}"


def _add_words(asked: Asked, search: str) -> None:
    # A word may be in every listing or in none: the page is planned for these words, not for words in general.
    plan = "set_config('plan_cache_mode', 'force_custom_plan', true)"
    meant = db.session.execute(
        cards.prepared(f"SELECT search_query(:search)::text AS words, {plan}"), {"search": search}
    )
    asked.conditions.append(WORDS)
    asked.values["words"] = meant.one().words or ""


def _from(asked: Asked, *further: str, beside: str = "") -> str:
    words = " JOIN property_texts t ON t.property_id = properties.id" if "words" in asked.values else ""
    return f"FROM {beside} properties{words} WHERE {' AND '.join([*asked.conditions, *further])}"


def _count(asked: Asked) -> str:
    return f"SELECT count(*) AS total FROM (SELECT {_from(asked)} LIMIT {COUNT_CAP + 1}) matching"


def _behind(asked: Asked, cursor: str | None) -> str:
    """Return the condition of the rows behind a cursor, on the columns `key` and `id`; every cursor knows its order."""
    if cursor is None:
        return "true"

    def same_order(value: Any) -> str:
        if value != asked.order_name:
            raise ValueError("a cursor of another order")
        return asked.order_name

    order = asked.order
    _name, asked.values["last_key"], asked.values["last_id"] = read_cursor(cursor, [same_order, order.parse, int])
    return f"({{key}}, {{id}}) {'<' if order.descending else '>'} (CAST(:last_key AS {order.cast}), :last_id)"


def _page_rows(asked: Asked, behind: str, *, is_near: bool) -> str:
    """Return the statement of the page's rows: `properties`, their sort `key` and, near somewhere, `distance`."""
    if asked.order_name == "distance":
        return _nearest(asked, behind.format(key=_DISTANCE, id="properties.id"))
    distance = f", {_DISTANCE} AS distance" if is_near else ""
    down = "DESC" if asked.order.descending else "ASC"
    if asked.order_name == "relevance":
        return f"""SELECT * FROM (
 SELECT n.*, CAST(ts_rank(n.words, CAST(:words AS tsquery)) AS float8) AS key FROM (
 SELECT properties.*, t.words{distance} {_from(asked)}
 ORDER BY properties.created_at DESC, properties.id DESC LIMIT {RANKED}) n) k
 WHERE {behind.format(key="k.key", id="k.id")} ORDER BY k.key DESC, k.id DESC LIMIT :fetched"""
    column = f"properties.{asked.order.column}"
    further = behind.format(key=column, id="properties.id")
    return f"""SELECT properties.*, {column} AS key{distance} {_from(asked, further)}
 ORDER BY {column} {down}, properties.id {down} LIMIT :fetched"""


def _nearest(asked: Asked, behind: str) -> str:
    """Return the nearest rows, exactly, by an index that orders by degrees: a circle on the ground is an ellipse there.

    Any rows behind the cursor, as many as the page wants, say how far it can reach; the page is among all within that.
    """
    some = f"SELECT {_DISTANCE} AS km {_from(asked, behind)} ORDER BY {_SPOT} <-> {_HERE} LIMIT :fetched"
    within = f"{_SPOT} <@ circle({_HERE}, far.km * :widest + 1e-6) AND {_DISTANCE} <= far.km"
    return f"""SELECT properties.*, {_DISTANCE} AS key, {_DISTANCE} AS distance
 {_from(asked, behind, within, beside=f"(SELECT max(km) AS km FROM ({some}) reached) far,")}
 ORDER BY key, properties.id LIMIT :fetched"""
