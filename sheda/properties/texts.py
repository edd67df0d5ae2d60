"""Full text of listings: what words may mean, filters as tags beside the words, and how often something is found.

`property_texts` (alias `t`) holds the words of a listing and, as lexemes that begin with #, what most filters ask for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select

from sheda.core.db import db, is_among, read, read_as_asked
from sheda.properties.models import AMENITY_FLAGS, Property, PropertyText
from sheda.properties.orders import Order

FOUND = "t.words @@ CAST(:found AS tsquery)"

TEXTS = "property_texts t"
HAS_TEXT = f"EXISTS (SELECT FROM property_texts t WHERE t.property_id = properties.id AND {FOUND} OFFSET 0)"
ALL_FOUND = f"(SELECT t.property_id FROM property_texts t WHERE {FOUND} OFFSET 0) t"
ALL_FOUND_NEWEST = f"""(SELECT t.property_id, t.created_at FROM property_texts t WHERE {FOUND}
 ORDER BY t.created_at DESC, t.property_id DESC OFFSET 0) t"""

SAMPLE = 2500
"""Texts, always the same, of which a share is found."""

SAMPLED_HOMES = 1600
"""The same of listings, of which a share lies in an area."""

MOST_WORDS = 6

NAMED = 10_000
"""Listings that words name in a list of the office; where there are more, the list is walked through in its order."""

PAST = "z" * 20
"""What is added to a reference to be behind all that begin with it: they have capitals and digits."""

NAMES: ColumnElement[Any] = literal_column("ts_filter(property_texts.words, '{a,b,c}')")
"""The words of title, place and kind alone, as they are indexed."""

_LISTINGS = "(SELECT greatest(reltuples, 1) FROM pg_class WHERE oid = 'property_texts'::regclass)"


def meant(search: str) -> str:
    """Return what words may mean, as a tsquery; "" for words without a meaning, such as "in the"."""
    ((found,),) = read("SELECT search_query(:search)::text", search=search)
    return found or ""


def tags_of(query: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Return the parts of a tsquery that stand for filters of a loaded query, and the query without those."""
    left, tags = dict(query), []
    for name in ("listing_type", "period"):
        if query[name]:
            tags.append(_tag(query[name]))
            left[name] = None
    if query["property_type"]:
        tags.append(f"({' | '.join(_tag(kind) for kind in query['property_type'])})")
        left["property_type"] = None
    for name in ("state", "lga", "city"):
        # Only of these letters PostgreSQL and Python certainly have the same small ones.
        if query[name] and query[name].isascii():
            tags.append(_tag(f"{name}:{query[name].lower()}"))
            left[name] = ""
    if query["furnished"] is not None:
        tags.append(_tag("furnished" if query["furnished"] else "unfurnished"))
        left["furnished"] = None
    codes = set(query["amenities"] or ())
    tags += [_tag(flag) for flag in AMENITY_FLAGS if flag in codes]
    further, left["amenities"] = sorted(codes - set(AMENITY_FLAGS)), None
    # Two amenities are a tag of their own, far rarer than each; the odd one goes with the first.
    pairs = [further[at : at + 2] for at in range(0, len(further), 2)]
    return tags + [_tag(f"has:{'+'.join(sorted({*pair, *further[: len(pair) % 2]}))}") for pair in pairs], left


def _tag(words: str) -> str:
    quoted = words.replace("\\", "\\\\").replace("'", "''")
    return f"'#{quoted}'"


@dataclass(frozen=True)
class Shares:
    """How many texts there are, and of a sample the shares that are found and that fit, too.

    Of those behind the cursor that fit, the price of the first in the order that is asked for.
    """

    listings: float
    found: float
    fit: float
    first: Decimal | None = None


def shares(conditions: str, values: Mapping[str, Any], ahead: str, order: Order) -> Shares:
    """Return what a sample says: the planner takes words and places for independent of each other, and they are not."""
    fitting = f"SELECT * FROM properties WHERE {conditions} AND properties.id = t.property_id OFFSET 0"
    first_of = "max" if order.descending else "min"
    ((listings, found, fit, first),) = read_as_asked(
        f"""SELECT {_LISTINGS}, count(*), count(properties.id), {first_of}(properties.price) FILTER (WHERE {ahead})
 FROM property_texts t {_sample(SAMPLE)} LEFT JOIN LATERAL ({fitting}) properties ON true WHERE {FOUND}""",
        **values,
    )
    looked_at = min(SAMPLE, listings)
    return Shares(float(listings), found / looked_at, fit / looked_at, first)


def homes(within: str, conditions: str, values: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return how many listings there are, and the shares of a sample that lie in an area and that fit, too."""
    ((listings, inside, fit),) = read_as_asked(
        f"""SELECT {_LISTINGS}, count(*), count(*) FILTER (WHERE {conditions})
 FROM properties {_sample(SAMPLED_HOMES)} WHERE {within}""",
        **values,
    )
    looked_at = min(SAMPLED_HOMES, listings)
    return float(listings), inside / looked_at, fit / looked_at


def _sample(number: int) -> str:
    return f"TABLESAMPLE SYSTEM (100.0 * {number} / greatest({number}, {_LISTINGS})) REPEATABLE (1)"


def passed_by(conditions: str, values: Mapping[str, Any], first: Decimal, order: Order) -> float:
    """Return about how many listings come before the first that fits, by price: Ikoyi has no cheap ones."""
    beyond = f"properties.price {'>' if order.descending else '<'} :first_price"
    asked = f"EXPLAIN (FORMAT JSON) SELECT FROM properties WHERE {conditions} AND {beyond}"
    ((plan,),) = read_as_asked(asked, **values, first_price=first)
    return float(plan[0]["Plan"]["Plan Rows"])


def listings_with(words: str) -> ColumnElement[bool]:
    """Return the condition of listings whose title, place or kind has words that begin so, or with such a reference."""
    reference = words.upper().replace(" ", "")
    is_called = and_(Property.reference >= reference, Property.reference < reference + PAST)
    beginnings = [f"{word}:*" for word in re.findall(r"\w+", words.replace("_", " "))[:MOST_WORDS]]
    if not beginnings:
        return is_called
    if not _is_common(" & ".join(f"{one}ABC" for one in beginnings)):
        # An index of these words alone: of a word that stands in descriptions only, nothing is read.
        named = select(PropertyText.property_id).where(_asks(NAMES, " & ".join(beginnings))).limit(NAMED + 1)
        ids = {*db.session.scalars(select(Property.id).where(is_called).limit(NAMED + 1)), *db.session.scalars(named)}
        if len(ids) <= NAMED:
            return cast("ColumnElement[bool]", is_among(Property.id, ids))
    # Asked of one listing after the other, as OFFSET makes sure: of a word that is everywhere, a page has soon enough.
    has_words = _asks(PropertyText.words, " & ".join(f"{one}ABC" for one in beginnings))
    own = select(PropertyText.property_id).where(PropertyText.property_id == Property.id, has_words).offset(0)
    return or_(is_called, own.exists())


def _asks(column: Any, beginnings: str) -> ColumnElement[bool]:
    asked: ColumnElement[bool] = column.bool_op("@@")(func.to_tsquery("sheda", func.normalize(beginnings)))
    return asked


def _is_common(beginnings: str) -> bool:
    """Tell by the sample whether more listings have these words than are worth naming."""
    ((listings, found),) = read(
        f"""SELECT {_LISTINGS}, count(*) FROM property_texts t {_sample(SAMPLE)}
 WHERE t.words @@ to_tsquery('sheda', normalize(:beginnings))""",
        beginnings=beginnings,
    )
    return bool(found * float(listings) > NAMED * min(SAMPLE, float(listings)))
