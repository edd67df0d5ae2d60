"""The list of listings: every filter and order of the API, by pages that cost the same at any depth.

What is on a page is found by one statement, planned for the values that it is asked with; another, prepared, reads the
cards. Words and places take a look at a sample first. What was seen decides the way, never the answer.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sheda.core.access import COUNT_CAP
from sheda.core.actor import Actor
from sheda.core.db import read, read_as_asked
from sheda.core.errors import Unauthorized
from sheda.core.paging import json_page, write_cursor
from sheda.properties import cards, texts
from sheda.properties.filters import DISTANCE, ON_OFFER, SEVERAL_TYPES, WORDS, Asked, Query, plainly
from sheda.properties.models import AMENITY_FLAGS

RANKED = 200
"""Matches that are ranked: the newest so many. Ranking every match of a common word costs more than the page."""

MANY_AMENITIES = 4
"""Further amenities that are found together faster than one listing after the other is looked at."""

NEIGHBOURS = 1500
"""The nearest homes, among which a page of the nearest that fit is looked for first."""

NEXT_TEXT, NEXT_PRICE, FETCH, FETCH_WHOLE = 0.75, 6.0, 4.0, 4.5
"""Microseconds, about: for the next text in the order of time, the next listing in the order of prices with its text,
one text out of the index of words, and that with its listing. Only how they compare matters."""

GATHER, STEP = 1.3, 0.2
"""The same for a home out of the index of places, and for the next entry of an index of an order, twice: what is asked
for may lie at its end."""

MOST_GATHERED, MOST_READ = 10_000, 1000
"""Homes of an area that are all looked at, without words and with them."""

NOT_IN_ORDERS = frozenset({"amenities", "agent_id", "updated_since"})
"""Filters that the indexes in the order of prices do not know: each listing passed by would be read for them."""

WALKED_FROM = 10_000
"""Listings; fewer are not worth the trouble."""

MOST_FETCHED = 60_000.0
"""Microseconds from which on the planner's own way is no worse, though it takes words and places for independent."""

_SPOT = "point(properties.longitude, properties.latitude)"
_HERE = "point(:longitude, :latitude)"
_INSIDE = f"{ON_OFFER} AND {_SPOT} <@ box(point(:area_west, :area_south), point(:area_east, :area_north))"


def asked_of(actor: Actor, query: Query) -> Asked:
    """Return what an actor asks for by a loaded query, the way it is best looked for. Unauthorized for nobody's `mine`.

    With words, or with many amenities, full text search can find whatever is told by tags; what is left decides later.
    """
    shown = [*_shown(actor, query)]
    asked = plainly(query, shown)
    asked.is_all_there = len(asked.conditions) == len(shown) + 2
    # What is one agent's is few, and has an index.
    is_anyones = query["agent_id"] is None and not query["mine"]
    if asked.area is not None and asked.order_name != "distance" and ON_OFFER in shown and is_anyones:
        _look_around(asked, has_words=bool(query["search"]))
    words = texts.meant(query["search"]) if query["search"] else ""
    if query["search"]:
        asked.values["words"], asked.texts = words, texts.TEXTS
        asked.conditions.append(WORDS)
    further = set(query["amenities"] or ()) - set(AMENITY_FLAGS)
    if asked.table != "properties" or not (words or (not query["search"] and len(further) >= MANY_AMENITIES)):
        return asked
    tags, left = texts.tags_of(query)
    tagged = plainly(left, shown)
    tagged.values |= {"words": words, "found": " & ".join([f"({words})"] * bool(words) + tags)}
    return _better(asked, tagged)


def _better(asked: Asked, tagged: Asked) -> Asked:
    """Choose: walk in the order that is asked for, fetch all that is found, or let plan."""
    fitting = " AND ".join(tagged.conditions)
    tagged.in_texts = asked.order_name in {"newest", "relevance"}
    seen = texts.shares(fitting, tagged.values, "true" if tagged.in_texts else tagged.further, tagged.order)
    if asked.order_name == "distance":
        if seen.fit or seen.found * seen.listings * FETCH_WHOLE > MOST_FETCHED:
            return replace(tagged, conditions=[*tagged.conditions, texts.HAS_TEXT])
        return replace(tagged, texts=texts.ALL_FOUND)
    step, whole = (NEXT_TEXT, FETCH) if tagged.in_texts else (NEXT_PRICE, FETCH_WHOLE)
    fetch = whole * seen.found * seen.listings
    walk = 1.5 * step * _wanted(asked) / max(seen.fit, 0.5 / texts.SAMPLE)
    if seen.first is not None and not tagged.in_texts:
        walk += step * texts.passed_by(f"{fitting} AND {tagged.further}", tagged.values, seen.first, tagged.order)
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
    asked.is_wide = not set(asked.values) - {"currency", "last_key", "last_id"}
    asked.values["fetched"] = asked.limit + 1
    total = _counted(asked) if query["count"] else None
    is_near = query["near"] is not None
    if asked.is_wide:
        return _written(asked, _whole_rows(asked), total)
    found: list[Any] = []
    is_nearest = asked.order_name == "distance" and not asked.texts and ON_OFFER in asked.conditions
    if is_nearest:
        found = _find(_among_neighbours(asked), is_near=True)
    elif asked.share:
        found = _find(_walking(asked, _wanted(asked)), is_near=is_near)
    if len(found) < asked.limit + 1:
        # There is no more, or what there is lies elsewhere: the dearest homes are in other places than the cheapest.
        if is_nearest:
            _look_around(asked, has_words=False)
        found = _find(asked, is_near=is_near)
    return _written(asked, _with_cards(found, _shown(actor, query), is_near=is_near), total)


def _walking(asked: Asked, wanted: int) -> Asked:
    """Return the same asked only of what comes first in the order, at least thrice what should be enough.

    OFFSET 0 keeps the planner from joining in another order than the one that is walked in.
    """
    first = math.ceil(max(asked.farthest, 3 * wanted / asked.share))
    down = "DESC" if asked.order.descending else "ASC"
    key, number = asked.keys
    fitting = " AND ".join(asked.conditions)
    if asked.in_texts:
        some = f"""(SELECT t.property_id, t.created_at FROM (SELECT * FROM property_texts t WHERE {asked.further}
 ORDER BY {key} DESC, {number} DESC LIMIT {first}) t WHERE {texts.FOUND}
 ORDER BY {key} DESC, {number} DESC OFFSET 0) t"""
        beside = f"SELECT * FROM properties WHERE properties.id = t.property_id AND {fitting} OFFSET 0"
        return replace(asked, table=f"{some} JOIN LATERAL ({beside}) properties ON true", texts="", conditions=["true"])
    some = f"""(SELECT * FROM properties WHERE {fitting} AND {asked.further}
 ORDER BY {key} {down}, {number} {down} LIMIT {first}) properties"""
    beside = f"SELECT FROM property_texts t WHERE t.property_id = properties.id AND {texts.FOUND} OFFSET 0"
    return replace(asked, table=f"{some} JOIN LATERAL ({beside}) t ON true", texts="", conditions=["true"])


def _whole_rows(asked: Asked) -> list[Any]:
    """Return the rows of a list that one plan is good for, with their cards, by one statement."""
    down = "DESC" if asked.order.descending else "ASC"
    return read(
        f"""SELECT {cards.CARD}::text AS card, p.key AS key, p.id AS id
 FROM ({_page_rows(asked, "properties.*", is_near=False)}) p {cards.JOINS} ORDER BY key {down}, id {down}""",
        **asked.values,
        media=cards.media(),
    )


def _find(asked: Asked, *, is_near: bool) -> list[Any]:
    """Return id, sort key and, near somewhere, distance of a page's listings."""
    statement = _page_rows(asked, "properties.id", is_near=is_near)
    return read_as_asked(statement, sorts=not asked.in_order, **asked.values)


def _with_cards(found: Sequence[Any], shown: Iterator[str], *, is_near: bool) -> list[Any]:
    """Return card, sort key and id of what was found; what is no longer shown meanwhile has no card."""
    if not found:
        return []
    shape = cards.CARD_WITH_DISTANCE if is_near else cards.CARD
    statement = f"""SELECT properties.place, (SELECT {shape}::text FROM (SELECT properties.*) p {cards.JOINS}) FROM (
 SELECT properties.*, n.place, n.distance FROM unnest(CAST(:ids AS bigint[]), CAST(:distances AS float8[]))
 WITH ORDINALITY n (id, distance, place) JOIN properties ON properties.id = n.id) properties
 WHERE {" AND ".join(shown)} ORDER BY properties.place"""
    distances = [row[2] for row in found] if is_near else []
    ids = [row[0] for row in found]
    rows = dict(read(statement, ids=ids, distances=distances, media=cards.media()))
    return [(rows.get(place), row[1], row[0]) for place, row in enumerate(found, 1)]


def _written(asked: Asked, rows: Sequence[Any], total: int | None) -> str:
    shown, cursor = rows[: asked.limit], None
    if len(rows) > asked.limit:
        _card, key, last = shown[-1]
        cursor = write_cursor([asked.order_name, key, last])
    return json_page(
        [row[0] for row in shown if row[0] is not None],
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


def _look_around(asked: Asked, *, has_words: bool) -> None:
    """Choose: all homes of an area, where they are few, or along the order: how many there are, no planner knows."""
    listings, homes, fit = texts.homes(asked.within, " AND ".join([*asked.conditions, asked.further]), asked.values)
    homes *= listings
    is_few = homes <= (MOST_READ if has_words else MOST_GATHERED)
    if asked.has_column and not has_words:
        is_few = GATHER * homes <= STEP * (asked.limit + 1) / (fit or 0.5 / texts.SAMPLED_HOMES)
        asked.in_order = fit > 0 and not is_few
    if is_few:
        asked.table = f"(SELECT * FROM properties WHERE {_INSIDE} OFFSET 0) properties"
        edges = ("area_west", "area_south", "area_east", "area_north")
        asked.values |= dict(zip(edges, asked.area or (), strict=True))


def _from(asked: Asked, *further: str) -> str:
    joined = f" JOIN {asked.texts} ON t.property_id = properties.id" if asked.texts else ""
    return f"FROM {asked.table}{joined} WHERE {' AND '.join([*asked.conditions, *further])}"


def matching(asked: Asked, columns: str, most: int) -> str:
    """Return the SELECT of some listings that fit, in no order; no more than so many are looked for."""
    if asked.share:
        asked = _walking(replace(asked, order_name="relevance", in_texts=True), most)
    return f"SELECT {columns} {_from(asked)} LIMIT {most}"


def _counted(asked: Asked) -> int:
    """Count what fits, up to one above the cap."""
    if asked.share and COUNT_CAP / asked.share < asked.farthest:
        walking = _walking(replace(asked, order_name="relevance", in_texts=True), COUNT_CAP + 1)
        if (total := _total(walking)) > COUNT_CAP:
            return total
    return _total(asked)


def _total(asked: Asked) -> int:
    matching = f"SELECT {_from(asked)} LIMIT {COUNT_CAP + 1}"
    ((total,),) = read_as_asked(f"SELECT count(*) FROM ({matching}) matching", **asked.values)
    return int(total)


def _page_rows(asked: Asked, columns: str, *, is_near: bool) -> str:
    """Return the statement of the page's rows: columns of them, their sort `key` and, near somewhere, `distance`."""
    if asked.order_name == "distance":
        further = asked.behind.format(key=DISTANCE, id="properties.id")
        return f"""SELECT {columns}, {DISTANCE} AS key, {DISTANCE} AS distance {_from(asked, further)}
 ORDER BY key, properties.id LIMIT :fetched"""
    distance = f", {DISTANCE} AS distance" if is_near else ""
    key, number = asked.keys
    if asked.order_name == "relevance":
        newest = (key, number) if asked.in_texts else ("properties.created_at", "properties.id")
        return f"""SELECT k.* FROM (
 SELECT n.id, CAST(ts_rank(w.words, CAST(:words AS tsquery)) AS float8) AS key{", n.distance" * is_near} FROM (
 SELECT {columns}{distance} {_from(asked)} ORDER BY {newest[0]} DESC, {newest[1]} DESC LIMIT {RANKED}) n
 JOIN property_texts w ON w.property_id = n.id) k
 WHERE {asked.behind.format(key="k.key", id="k.id")} ORDER BY k.key DESC, k.id DESC LIMIT :fetched"""
    down = "DESC" if asked.order.descending else "ASC"
    is_told = asked.table == "properties" and not NOT_IN_ORDERS & set(asked.values)
    if SEVERAL_TYPES in asked.conditions and asked.order.column == "price" and is_told:
        return _page_of_types(asked, columns, is_near=is_near)
    # The limit stands in the statement, for no plan is kept of one whose limit the planner cannot see.
    return f"""SELECT {columns}, {key} AS key{distance} {_from(asked, asked.further)}
 ORDER BY {key} {down}, {number} {down} LIMIT {asked.limit + 1}"""


def _page_of_types(asked: Asked, columns: str, *, is_near: bool) -> str:
    """Return the same as a page of each kind: an index in the order of prices holds one kind after the other."""
    left = [one for one in asked.conditions if one != SEVERAL_TYPES]
    kinds = [[*left, f"properties.property_type = '{kind}'"] for kind in dict.fromkeys(asked.values["property_type"])]
    pages = [_page_rows(replace(asked, conditions=one), columns, is_near=is_near) for one in kinds]
    down = "DESC" if asked.order.descending else "ASC"
    every = f"(({') UNION ALL ('.join(pages)})) kinds"
    return f"SELECT * FROM {every} ORDER BY key {down}, id {down} LIMIT {asked.limit + 1}"


def _among_neighbours(asked: Asked) -> Asked:
    """Return the same asked only of the nearest homes, and of those only as far as no other home can be nearer.

    The index orders by degrees, and a circle on the ground is an ellipse there.
    """
    further = asked.behind.format(key=DISTANCE, id="properties.id")
    nearest = f"""SELECT properties.*, {_SPOT} <-> {_HERE} AS degrees FROM properties WHERE {ON_OFFER} AND {further}
 ORDER BY {_SPOT} <-> {_HERE} LIMIT :neighbours"""
    known = f"""(SELECT properties.* FROM (
 SELECT properties.*, max(degrees) OVER () AS far, count(*) OVER () AS number FROM ({nearest}) properties) properties
 WHERE number < :neighbours OR {DISTANCE} <= far / :widest) properties"""
    neighbours = 10 * asked.values["fetched"] if asked.is_all_there else NEIGHBOURS
    return replace(asked, table=known, values=asked.values | {"widest": asked.widest, "neighbours": neighbours})
