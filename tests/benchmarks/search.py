"""Measure the list of listings: hundreds of random combinations of filters, orders and later pages.

`python -m tests.benchmarks.search [COUNT] [SEED] [http://…]` reads the database of DATABASE_URL in this process, or
asks a running Sheda; the combinations come from DATABASE_URL either way. Prints milliseconds per family, and the worst.
`CPU=1` counts processor time, of this process and of a database on this machine: what a busy machine cannot distort.
"""

import os
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import text

Query = dict[str, Any]

SAMPLE = """SELECT id, created_at, price, currency, listing_type, property_type, period, bedroom, bathroom, city, lga,
 state, furnished, agent_id, latitude, longitude, amenities, title, location, updated_at,
 array_remove(ARRAY[CASE WHEN air_condition THEN 'air_condition' END, CASE WHEN pop_ceiling THEN 'pop_ceiling' END,
 CASE WHEN floor_tiles THEN 'floor_tiles' END, CASE WHEN running_water THEN 'running_water' END,
 CASE WHEN prepaid_meter THEN 'prepaid_meter' END, CASE WHEN wifi THEN 'wifi' END], NULL) AS flags
 FROM properties WHERE listing_state = 'published' AND latitude IS NOT NULL ORDER BY hashint8(id # :seed)
 LIMIT :number"""

SLOWEST = 10
REPEATS = 3


def _words(draw: Random, home: Any) -> Query:
    words = [word for word in f"{home.title} {home.location}".replace(",", " ").split() if word.isalpha()]
    chosen = draw.sample(words, min(len(words), draw.randint(1, 3)))
    return {"search": " ".join(misspelt(draw, word) for word in chosen)}


def _prices(draw: Random, home: Any) -> Query:
    width, price = draw.choice((1.02, 1.3, 3)), float(home.price)
    return {"min_price": f"{price / width:.2f}", "max_price": f"{price * width:.2f}", "currency": home.currency}


def _box(draw: Random, home: Any) -> Query:
    size = draw.choice((0.01, 0.1, 0.5))
    edges = (home.longitude - size, home.latitude - size, home.longitude + size, home.latitude + size)
    return {"bbox": ",".join(f"{edge:.5f}" for edge in edges)}


FILTERS: dict[str, Callable[[Random, Any], Query]] = {
    **{
        name: lambda _draw, home, name=name: {name: getattr(home, name)}  # type: ignore[misc]
        for name in ("listing_type", "property_type", "period", "state", "lga", "city", "agent_id")
    },
    "types": lambda draw, home: {"property_type": f"{home.property_type},{draw.choice(('duplex', 'house', 'office'))}"},
    "price": _prices,
    "bedrooms": lambda _draw, home: {"min_bedrooms": home.bedroom},
    "bathrooms": lambda _draw, home: {"min_bathrooms": home.bathroom},
    "amenity": lambda _draw, home: {"amenities": ",".join(home.amenities[:1])},
    "amenities": lambda _draw, home: {"amenities": ",".join(home.amenities)},
    "flags": lambda _draw, home: {"amenities": ",".join(home.flags)},
    "furnished": lambda _draw, home: {"furnished": str(home.furnished).lower()},
    "near": lambda draw, home: {"near": f"{home.latitude},{home.longitude}", "radius_km": draw.choice((1, 5, 20, 100))},
    "bbox": _box,
    "updated_since": lambda _draw, home: {"updated_since": home.updated_at.isoformat()},
    "search": _words,
}
"""Filters that a listing fits."""


def misspelt(draw: Random, word: str) -> str:
    """Return a word, one time in three without one of its letters."""
    at = draw.randrange(1, len(word)) if len(word) > 4 else 0
    return word[:at] + word[at + 1 :] if at and draw.random() < 1 / 3 else word


def combinations(draw: Random, homes: list[Any], count: int) -> list[tuple[str, Query]]:
    """Return queries with the family that each belongs to: how many filters, which order, which page."""
    from sheda.core.paging import write_cursor

    drawn = []
    for _ in range(count):
        home, other = draw.sample(homes, 2)
        query: Query = {}
        for name in draw.sample(list(FILTERS), draw.choice((0, 1, 1, 2, 2, 3, 3, 4, 5, 6))):
            # One in eight filters is another home's, so that some queries find little or nothing.
            drawn_from = other if draw.random() < 1 / 8 else home
            query |= {key: value for key, value in FILTERS[name](draw, drawn_from).items() if value not in (None, "")}
        orders = ["newest", "price", "-price", "newest", "price"]
        orders += ["relevance"] * 3 if "search" in query else []
        orders += ["distance"] * 3 if "near" in query else []
        query["sort"] = draw.choice(orders)
        later = draw.random() < 1 / 3 and query["sort"] in {"newest", "price", "-price"}
        if later:
            key = home.created_at if query["sort"] == "newest" else home.price
            query["cursor"] = write_cursor([query["sort"], key, home.id])
        if draw.random() < 1 / 6:
            query["count"] = "true"
        kind = next((name for name in ("search", "near", "bbox", "amenities") if name in query), "plain")
        drawn.append((f"{kind}, {query['sort']}{', later' if later else ''}{', counted' * ('count' in query)}", query))
    return drawn


def in_process() -> Callable[[Query], Any]:
    """Return what answers a query in this process, for the public."""
    from sheda.core.actor import ANONYMOUS
    from sheda.core.db import db
    from sheda.properties import schemas, search

    schema = schemas.ListQuery()

    def ask(query: Query) -> Any:
        found = search.page(ANONYMOUS, schema.load({name: str(value) for name, value in query.items()}))
        db.session.rollback()
        return found

    return ask


def over_http(server: str) -> Callable[[Query], Any]:
    """Return what asks a running Sheda."""

    def ask(query: Query) -> Any:
        with urllib.request.urlopen(f"{server}/api/v1/properties?{urlencode(query)}", timeout=60) as answer:
            return answer.read()

    return ask


def processor_time() -> Callable[[], float]:
    """Return a clock of the seconds that this process and its spare connection's server have computed."""
    from sheda.core.db import read

    ((backend,),) = read("SELECT pg_backend_pid()")
    spent = Path(f"/proc/{backend}/schedstat")
    return lambda: time.process_time() + int(spent.read_text().split()[0]) / 1e9


def measure(
    ask: Callable[[Query], Any], drawn: list[tuple[str, Query]], clock: Callable[[], float]
) -> list[tuple[float, str, Query]]:
    """Return each query's middle time of some, the first one apart: it parses and prepares."""
    found = []
    for family, query in drawn:
        times: list[float] = []
        for _ in range(REPEATS + 1):
            started = clock()
            ask(query)
            times.append((clock() - started) * 1000)
        found.append((statistics.median(times[1:]), family, query))
    return found


def report(found: list[tuple[float, str, Query]]) -> None:
    """Print the families and the slowest queries."""
    families: dict[str, list[float]] = {}
    for took, family, _query in found:
        families.setdefault(family, []).append(took)
        families.setdefault("all", []).append(took)
    print(f"{'family':<36}{'queries':>8}{'p50':>8}{'p95':>8}{'max':>8}")
    for family, times in sorted(families.items()):
        times.sort()
        row = (times[len(times) // 2], times[int(len(times) * 0.95)], times[-1])
        print(f"{family:<36}{len(times):>8}" + "".join(f"{one:>8.1f}" for one in row))
    over = sum(took >= 15 for took, _family, _query in found)
    print(f"{over} of {len(found)} take 15 ms or more; the slowest:")
    for took, _family, query in sorted(found, key=lambda one: -one[0])[:SLOWEST]:
        print(f"{took:8.1f}  {urlencode(query)}")


def main(arguments: list[str]) -> None:
    """Draw, ask and print."""
    server = next((one for one in arguments if one.startswith("http")), "")
    numbers = [int(one) for one in arguments if one.isdigit()]
    count, seed = [*numbers, *(300, 1)[len(numbers) :]][:2]
    os.environ.setdefault("SECRET_KEY", "benchmarks only: never served")
    os.environ.setdefault("JWT_SECRET_KEY", "benchmarks only: never used")
    from sheda.app import create_app
    from sheda.core.db import db

    with create_app().app_context():
        draw = Random(seed)
        homes = list(db.session.execute(text(SAMPLE), {"seed": seed, "number": 2 * count}))
        drawn = combinations(draw, homes, count)
        db.session.rollback()
        clock = processor_time() if os.environ.get("CPU") else time.perf_counter
        report(measure(over_http(server) if server else in_process(), drawn, clock))


if __name__ == "__main__":
    main(sys.argv[1:])
