"""Full text of listings: what words may mean, filters as tags beside the words, and how often something is found.

`property_texts` (alias `t`) holds the words of a listing and, as lexemes that begin with #, what most filters ask for.
"""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from sheda.core.db import db, is_among, read, read_as_asked
from sheda.properties.models import AMENITY_FLAGS, Property, PropertyText

FOUND = "t.words @@ CAST(:found AS tsquery)"

SAMPLE = 4000
"""Texts, always the same, of which a share is found."""

MOST_WORDS = 6

NAMED = 2000
"""Listings that words name in a list of the office; where there are more, the list is walked through in its order."""

PAST = "z" * 20
"""What is added to a reference to be behind all that begin with it: they have capitals and digits."""

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


def shares(conditions: str, values: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return how many texts there are, the share of them that is found, and the share that fits the conditions, too.

    Of a sample: the planner takes words and places for independent of each other, which they are not.
    """
    percent = f"100.0 * {SAMPLE} / greatest({SAMPLE}, {_LISTINGS})"
    fitting = f"SELECT properties.id FROM properties WHERE {conditions} AND properties.id = t.property_id OFFSET 0"
    ((listings, found, fit),) = read_as_asked(
        f"""SELECT {_LISTINGS}, count(*), count(p.id)
 FROM property_texts t TABLESAMPLE SYSTEM ({percent}) REPEATABLE (1) LEFT JOIN LATERAL ({fitting}) p ON true
 WHERE {FOUND}""",
        **values,
    )
    looked_at = min(SAMPLE, listings)
    return float(listings), found / looked_at, fit / looked_at


def listings_with(words: str) -> ColumnElement[bool]:
    """Return the condition of listings whose title, place or kind has words that begin so, or with such a reference."""
    reference = words.upper().replace(" ", "")
    is_called = and_(Property.reference >= reference, Property.reference < reference + PAST)
    beginnings = [f"{word}:*ABC" for word in re.findall(r"\w+", words.replace("_", " "))[:MOST_WORDS]]
    if not beginnings:
        return is_called
    has_words = PropertyText.words.bool_op("@@")(func.to_tsquery("sheda", func.normalize(" & ".join(beginnings))))
    called = select(Property.id).where(is_called).limit(NAMED + 1)
    worded = select(PropertyText.property_id).where(has_words).limit(NAMED + 1)
    ids = {*db.session.scalars(called), *db.session.scalars(worded)}
    if len(ids) <= NAMED:
        return is_among(Property.id, ids)
    # Asked of one listing after the other, as OFFSET makes sure: of a word that is everywhere, a page has soon enough.
    own = select(PropertyText.property_id).where(PropertyText.property_id == Property.id, has_words).offset(0)
    return or_(is_called, own.exists())
