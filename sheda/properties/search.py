"""The list of listings: every filter and order of the API, by pages that cost the same at any depth.

A page is one statement, planned for the values that it is asked with. Words and places take a look first: what the
words may mean, how many listings fit, whether many homes are there. What was seen decides the way, never the answer.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import current_app

from sheda.core.access import COUNT_CAP
from sheda.core.actor import Actor
from sheda.core.db import read, read_as_asked
from sheda.core.errors import Unauthorized
from sheda.core.paging import json_page, read_cursor, write_cursor
from sheda.properties import cards, texts
from sheda.properties.models import AMENITY_FLAGS
from sheda.properties.orders import ORDERS, Order

Query = Mapping[str, Any]

RANKED = 300
"""Matches that are ranked: the newest so many. Ranking every match of a common word costs more than the page."""

KM_PER_DEGREE = 111.195
"""Of latitude, on a sphere of 6371.0088 km radius."""

MOST_RADIUS_KM = 100.0

MANY_AMENITIES = 4
"""Further amenities that are found together faster than one listing after the other is looked at."""

FEW, FEW_UNLIKE = 2000, 5000
"""Homes in an area that are all looked at. Where there are more, the page is found in the order that it is asked in; an
order of prices is not worth it so soon, for prices differ by place."""

NEIGHBOURS = 1500
"""The nearest homes, among which a page of the nearest that fit is looked for first."""

NEXT_TEXT, NEXT_PRICE, FETCH, FETCH_WHOLE = 0.6, 3.5, 4.7, 8.0
"""Microseconds, about: for the next text in the order of time, the next listing in the order of prices with its text,
one text out of the index of words, and that with its listing. Only how they compare matters."""

WALKED_FROM = 10_000
"""Listings; fewer are not worth the trouble."""

MOST_FETCHED = 60_000.0
"""Microseconds from which on the planner's own way is no worse, though it takes words and places for independent."""

_SPOT = "point(properties.longitude, properties.latitude)"
_HERE = "point(:longitude, :latitude)"
_DISTANCE = """(12742.0176 * asin(sqrt(least(1, power(sin(radians(properties.latitude - :latitude) / 2), 2)
 + cos(radians(:latitude)) * cos(radians(properties.latitude))
 * power(sin(radians(properties.longitude - :longitude) / 2), 2)))))"""


@dataclass
class Asked:
    """What a list is asked for, as SQL conditions on `properties` and the values they name."""

    order_name: str
    limit: int
    conditions: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    area: tuple[float, ...] | None = None
    widest: float = 0.0
    """Degrees that a kilometre has at most, around the place that is asked for."""
    is_all_there: bool = False
    """Whether everything fits that lies near the place."""
    table: str = "properties"
    texts: str = ""
    """What is joined as `t`, where full text search takes part."""
    in_texts: bool = False
    """Whether the texts are what is walked through or fetched first, in the order of time."""
    share: float = 0.0
    """Of all listings, those that fit, about; where it is worth while to walk until there are enough."""
    farthest: float = 0.0
    """How many to walk past until it would have been better to fetch all that is found."""
    is_wide: bool = False
    """Whether there is hardly a value that a plan could depend on: the statement is planned once, then."""

    @property
    def order(self) -> Order:
        """Return the sort order."""
        return ORDERS[self.order_name]

    @property
    def keys(self) -> tuple[str, str]:
        """Return the columns of the order, those of the texts where they are what is walked through."""
        if self.in_texts:
            return "t.created_at", "t.property_id"
        return f"properties.{self.order.column}", "properties.id"


ON_OFFER = "properties.status = 'available'"
WORDS = "t.words @@ CAST(:words AS tsquery)"


def filters_of(query: Query) -> Asked:
    """Return what a loaded query filters by, whoever asks."""
    asked = _plainly(query, [])
    if query["search"]:
        asked.conditions.append(WORDS)
        asked.values["words"] = texts.meant(query["search"])
    return asked


def _plainly(query: Query, conditions: Iterable[str]) -> Asked:
    asked = Asked(query["sort"], query.get("limit", 0), [*conditions])
    _add_plain(asked, query)
    _add_place(asked, query)
    return asked


def asked_of(actor: Actor, query: Query) -> Asked:
    """Return what an actor asks for by a loaded query, the way it is best looked for. Unauthorized for nobody's `mine`.

    With words, or with many amenities, full text search can find whatever is told by tags; what is left decides later.
    """
    shown = [*_shown(actor, query)]
    asked = _plainly(query, shown)
    asked.is_all_there = len(asked.conditions) == len(shown) + 2
    if asked.area is not None and asked.order_name != "distance" and ON_OFFER in shown:
        _look_around(asked)
    words = texts.meant(query["search"]) if query["search"] else ""
    if query["search"]:
        asked.values["words"], asked.texts = words, texts.TEXTS
        asked.conditions.append(WORDS)
    further = set(query["amenities"] or ()) - set(AMENITY_FLAGS)
    if asked.table != "properties" or not (words or (not query["search"] and len(further) >= MANY_AMENITIES)):
        return asked
    tags, left = texts.tags_of(query)
    tagged = _plainly(left, shown)
    tagged.values |= {"words": words, "found": " & ".join([f"({words})"] * bool(words) + tags)}
    return _better(asked, tagged, is_first=not query.get("cursor"))


def _better(asked: Asked, tagged: Asked, *, is_first: bool) -> Asked:
    """Choose: walk in the order that is asked for until there are enough, fetch all that is found, or let plan."""
    fitting = " AND ".join(tagged.conditions)
    seen = texts.shares(fitting, tagged.values)
    if asked.order_name == "distance":
        if seen.fit or seen.found * seen.listings * FETCH_WHOLE > MOST_FETCHED:
            return replace(tagged, conditions=[*tagged.conditions, texts.HAS_TEXT])
        return replace(tagged, texts=texts.ALL_FOUND)
    tagged.in_texts = asked.order_name in {"newest", "relevance"}
    step, fetch = (NEXT_TEXT, FETCH) if tagged.in_texts else (NEXT_PRICE, FETCH_WHOLE)
    fetch *= seen.found * seen.listings
    walk = 1.5 * step * _wanted(asked) / max(seen.fit, 0.5 / texts.SAMPLE)
    if seen.fit and is_first and not tagged.in_texts:
        walk += step * texts.passed_by(fitting, tagged.values, seen, descending=asked.order.descending)
    if min(walk, fetch) > MOST_FETCHED and seen.fit < seen.found / 4:
        return asked
    if seen.listings >= WALKED_FROM and seen.fit and walk < fetch:
        tagged.share, tagged.farthest = seen.fit, fetch / step
    tagged.texts = texts.ALL_FOUND_NEWEST if tagged.in_texts else texts.ALL_FOUND
    return tagged


def _wanted(asked: Asked) -> int:
    return RANKED if asked.order_name == "relevance" else asked.limit + 1


def page(actor: Actor, query: Query) -> str:
    """Return one page of cards as JSON text; `query` is a loaded `ListQuery`. Unauthorized for nobody's `mine`."""
    asked = asked_of(actor, query)
    behind = _behind(asked, query["cursor"])
    asked.is_wide = not set(asked.values) - {"currency"}
    asked.values |= {"fetched": asked.limit + 1, "media": cards.media()}
    total = _counted(asked) if query["count"] else None
    is_near, rows = query["near"] is not None, []
    is_nearest = asked.order_name == "distance" and not asked.texts and ON_OFFER in asked.conditions
    if is_nearest:
        rows = _rows(_among_neighbours(asked, behind), behind, is_near=True)
    elif asked.share:
        rows = _rows(_walking(asked, behind, _wanted(asked)), behind, is_near=is_near)
    if len(rows) < asked.limit + 1:
        # There is no more, or what there is lies elsewhere: the dearest homes are in other places than the cheapest.
        if is_nearest:
            _look_around(asked)
        rows = _rows(asked, behind, is_near=is_near)
    return _written(asked, rows, total)


def _walking(asked: Asked, behind: str, wanted: int) -> Asked:
    """Return the same asked only of what comes first in the order, at least thrice what should be enough.

    OFFSET 0 keeps the planner from joining in another order than the one that is walked in.
    """
    first = math.ceil(max(asked.farthest, 3 * wanted / asked.share))
    down = "DESC" if asked.order.descending else "ASC"
    key, number = asked.keys
    further = "true" if asked.order_name == "relevance" else behind.format(key=key, id=number)
    fitting = " AND ".join(asked.conditions)
    if asked.in_texts:
        some = f"""(SELECT t.property_id, t.created_at FROM (SELECT * FROM property_texts t WHERE {further}
 ORDER BY {key} DESC, {number} DESC LIMIT {first}) t WHERE {texts.FOUND}
 ORDER BY {key} DESC, {number} DESC OFFSET 0) t"""
        beside = f"SELECT * FROM properties WHERE properties.id = t.property_id AND {fitting} OFFSET 0"
        return replace(asked, table=f"{some} JOIN LATERAL ({beside}) properties ON true", texts="", conditions=["true"])
    some = f"""(SELECT * FROM properties WHERE {fitting} AND {further}
 ORDER BY {key} {down}, {number} {down} LIMIT {first}) properties"""
    beside = f"SELECT FROM property_texts t WHERE t.property_id = properties.id AND {texts.FOUND} OFFSET 0"
    return replace(asked, table=f"{some} JOIN LATERAL ({beside}) t ON true", texts="", conditions=["true"])


def _rows(asked: Asked, behind: str, *, is_near: bool) -> list[Any]:
    card = cards.CARD_WITH_DISTANCE if is_near else cards.CARD
    down = "DESC" if asked.order.descending else "ASC"
    statement = f"""SELECT {card}::text AS card, p.key AS key, p.id AS id
 FROM ({_page_rows(asked, behind, is_near=is_near)}) p {cards.JOINS} ORDER BY key {down}, id {down}"""
    return (read if asked.is_wide else read_as_asked)(statement, **asked.values)


def _written(asked: Asked, rows: Sequence[Any], total: int | None) -> str:
    shown, cursor = rows[: asked.limit], None
    if len(rows) > asked.limit:
        _card, key, last = shown[-1]
        cursor = write_cursor([asked.order_name, key, last])
    return json_page(
        [row[0] for row in shown],
        next_cursor=cursor,
        count=None if total is None else min(total, COUNT_CAP),
        count_is_exact=total is None or total <= COUNT_CAP,
    )


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
        asked.area = tuple(query["bbox"])
    if query["near"] is None:
        return
    latitude, longitude = query["near"]
    radius = query["radius_km"] or MOST_RADIUS_KM
    # A kilometre is at most so many degrees, at the edge of the circle; an index looks there, the distance decides.
    edge = min(89.0, abs(latitude) + radius / KM_PER_DEGREE)
    widest = 1.01 / (KM_PER_DEGREE * math.cos(math.radians(edge)))
    reach = radius * widest
    asked.values |= {"latitude": latitude, "longitude": longitude, "radius": radius}
    # The planner knows how many homes lie between two numbers, but guesses how many lie in a circle.
    asked.conditions.append(_within("left", "low", "right", "high"))
    asked.values |= {"left": longitude - reach, "right": longitude + reach}
    asked.values |= {"low": latitude - reach, "high": latitude + reach}
    asked.area = asked.area or (longitude - reach, latitude - reach, longitude + reach, latitude + reach)
    asked.widest = widest
    asked.conditions.append(f"{_DISTANCE} <= :radius")


def _within(west: str, south: str, east: str, north: str) -> str:
    return f"properties.latitude BETWEEN :{south} AND :{north} AND properties.longitude BETWEEN :{west} AND :{east}"


_INSIDE = f"{ON_OFFER} AND {_SPOT} <@ box(point(:area_west, :area_south), point(:area_east, :area_north))"


def _look_around(asked: Asked) -> None:
    """Look at all homes of an area where they are few: how many those are, the planner cannot know."""
    values = dict(zip(("area_west", "area_south", "area_east", "area_north"), asked.area or (), strict=True))
    most = FEW if asked.order_name in {"newest", "relevance"} else FEW_UNLIKE
    some = f"SELECT FROM properties WHERE {_INSIDE} LIMIT {most + 1}"
    ((number,),) = read(f"SELECT count(*) FROM ({some}) met", **values)
    if number <= most:
        asked.table = f"(SELECT * FROM properties WHERE {_INSIDE} OFFSET 0) properties"
        asked.values |= values


def _from(asked: Asked, *further: str, beside: str = "") -> str:
    joined = f" JOIN {asked.texts} ON t.property_id = properties.id" if asked.texts else ""
    return f"FROM {beside} {asked.table}{joined} WHERE {' AND '.join([*asked.conditions, *further])}"


def matching(asked: Asked, columns: str, most: int) -> str:
    """Return the SELECT of some listings that fit, in no order; no more than so many are looked for."""
    if asked.share:
        asked = _walking(replace(asked, order_name="relevance", in_texts=True), "true", most)
    return f"SELECT {columns} {_from(asked)} LIMIT {most}"


def _counted(asked: Asked) -> int:
    """Count what fits, up to one above the cap."""
    if asked.share and COUNT_CAP / asked.share < asked.farthest:
        walking = _walking(replace(asked, order_name="relevance", in_texts=True), "true", COUNT_CAP + 1)
        if (total := _total(walking)) > COUNT_CAP:
            return total
    return _total(asked)


def _total(asked: Asked) -> int:
    matching = f"SELECT {_from(asked)} LIMIT {COUNT_CAP + 1}"
    ((total,),) = read_as_asked(f"SELECT count(*) FROM ({matching}) matching", **asked.values)
    return int(total)


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
        further = behind.format(key=_DISTANCE, id="properties.id")
        return f"""SELECT properties.*, {_DISTANCE} AS key, {_DISTANCE} AS distance {_from(asked, further)}
 ORDER BY key, properties.id LIMIT :fetched"""
    distance = f", {_DISTANCE} AS distance" if is_near else ""
    down = "DESC" if asked.order.descending else "ASC"
    key, number = asked.keys
    if asked.order_name == "relevance":
        newest = (key, number) if asked.in_texts else ("properties.created_at", "properties.id")
        return f"""SELECT * FROM (
 SELECT n.*, CAST(ts_rank(w.words, CAST(:words AS tsquery)) AS float8) AS key FROM (
 SELECT properties.*{distance} {_from(asked)} ORDER BY {newest[0]} DESC, {newest[1]} DESC LIMIT {RANKED}) n
 JOIN property_texts w ON w.property_id = n.id) k
 WHERE {behind.format(key="k.key", id="k.id")} ORDER BY k.key DESC, k.id DESC LIMIT :fetched"""
    further = behind.format(key=key, id=number)
    # The limit stands in the statement, for no plan is kept of one whose limit the planner cannot see.
    return f"""SELECT properties.*, {key} AS key{distance} {_from(asked, further)}
 ORDER BY {key} {down}, {number} {down} LIMIT {asked.limit + 1}"""


def _among_neighbours(asked: Asked, behind: str) -> Asked:
    """Return the same asked only of the nearest homes, and of those only as far as no other home can be nearer.

    The index orders by degrees, and a circle on the ground is an ellipse there.
    """
    further = behind.format(key=_DISTANCE, id="properties.id")
    nearest = f"""SELECT properties.*, {_SPOT} <-> {_HERE} AS degrees FROM properties WHERE {ON_OFFER} AND {further}
 ORDER BY {_SPOT} <-> {_HERE} LIMIT :neighbours"""
    known = f"""(SELECT properties.* FROM (
 SELECT properties.*, max(degrees) OVER () AS far, count(*) OVER () AS number FROM ({nearest}) properties) properties
 WHERE number < :neighbours OR {_DISTANCE} <= far / :widest) properties"""
    neighbours = 10 * asked.values["fetched"] if asked.is_all_there else NEIGHBOURS
    return replace(asked, table=known, values=asked.values | {"widest": asked.widest, "neighbours": neighbours})
