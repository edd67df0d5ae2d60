"""Whatever way a list is looked for, it holds what a plain look at every listing finds, in the same order."""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from math import asin, cos, radians, sin, sqrt
from random import Random
from typing import Any

import pytest
from flask import Flask

from sheda.accounts.models import User
from sheda.core import clock
from sheda.core.actor import ANONYMOUS, Role
from sheda.core.db import db
from sheda.properties import facets, schemas, search, texts
from sheda.properties.models import AMENITY_FLAGS, Property
from tests.factories import make_user

HOMES, QUERIES, PAGE = 150, 120, 7
CODES = ("balcony", "bq", "cctv", "gym", "solar")
WORDS = ("bungalow", "terrace", "maisonette", "penthouse")
PLACES = (
    ("Lekki", "Eti-Osa", "Lagos", 6.45, 3.47),
    ("Ikeja", "Ikeja", "Lagos", 6.6, 3.35),
    ("Wuse", "Amac", "FCT", 9.07, 7.4),
)
KINDS = ("apartment", "house", "duplex")


def shares(found: float, fit: float) -> Callable[..., texts.Shares]:
    return lambda *_args: texts.Shares(1e6, found, fit, Decimal(1))


def around(inside: float, fit: float) -> Callable[..., tuple[float, float, float]]:
    return lambda *_args: (1e6, inside, fit)


WAYS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "all that is found": {"MOST_FETCHED": 1e18, "MANY_AMENITIES": 1, "homes": around(1.0, 0.0)},
    "by the planner": {"MOST_FETCHED": -1.0, "shares": shares(1.0, 0.0), "homes": around(1.0, 0.0)},
    "all of an area": {"homes": around(0.0, 0.0)},
    "along the order": {"homes": around(1.0, 1.0)},
    "walking far": {
        "MANY_AMENITIES": 1, "NEIGHBOURS": 20, "shares": shares(1e9, 0.001), "homes": around(1.0, 0.0),
    },
    "walking not far enough": {"MANY_AMENITIES": 2, "shares": shares(1e9, 1.0), "homes": around(0.0, 0.0)},
}  # fmt: skip
"""What the samples are made to say, so that each way is gone, also where it is the wrong one."""


@pytest.fixture
def homes(db_session: Any) -> list[Property]:
    draw, agent, now = Random(7), make_user(Role.AGENT), clock.now()
    made = [make_home(draw, agent, number, now) for number in range(HOMES)]
    db.session.add_all(made)
    db.session.commit()
    return made


def make_home(draw: Random, agent: User, number: int, now: Any) -> Property:
    city, lga, state, latitude, longitude = draw.choice(PLACES)
    sold = draw.random() < 0.3
    at = now - timedelta(minutes=draw.randrange(40))
    return Property(
        reference=f"SHD-W{number:05}", agent_id=agent.id, title=f"A {' '.join(draw.sample(WORDS, 2))} to see",
        description="Bright and dry.", price=Decimal(draw.randrange(1, 12) * 100_000),
        currency=draw.choice(("NGN", "NGN", "USD")), listing_type="sale" if sold else "rent",
        period=None if sold else draw.choice(("year", "month")), property_type=draw.choice(KINDS),
        location=f"{city}, {state}",
        city=city, lga=lga, state=state, latitude=latitude + draw.uniform(-0.05, 0.05),
        longitude=longitude + draw.uniform(-0.05, 0.05), bedroom=draw.randrange(6), bathroom=draw.randrange(1, 4),
        furnished=draw.random() < 0.4, amenities=sorted(draw.sample(CODES, draw.randrange(5))),
        status="available",
        listing_state=draw.choice(("published", "published", "published", "draft")),
        created_at=at, updated_at=at + timedelta(minutes=draw.randrange(40)), published_at=at,
        **{flag: draw.random() < 0.6 for flag in AMENITY_FLAGS},
    )  # fmt: skip


def kilometres(home: Property, latitude: float, longitude: float) -> float:
    (a, b), (c, d) = map(radians, (home.latitude, home.longitude)), map(radians, (latitude, longitude))
    return 2 * 6371.0088 * asin(sqrt(sin((c - a) / 2) ** 2 + cos(a) * cos(c) * sin((d - b) / 2) ** 2))


def draw_query(draw: Random, home: Property) -> dict[str, str]:
    codes = draw.sample([*CODES, *AMENITY_FLAGS], draw.randrange(1, 4))
    edges = (home.longitude - 0.06, home.latitude - 0.04, home.longitude + 0.03, home.latitude + 0.05)
    filters: list[dict[str, str]] = [
        {"listing_type": home.listing_type}, {"property_type": home.property_type}, {"property_type": "house,duplex"},
        {"period": home.period or "month"}, {"min_price": str(min(home.price, 500_000)), "currency": home.currency},
        {"max_price": "700000"}, {"min_bedrooms": str(min(home.bedroom or 0, 3))}, {"max_bedrooms": "3"},
        {"min_bathrooms": "2"}, {"property_type": "duplex,duplex"},
        {"state": home.state or ""}, {"lga": (home.lga or "").upper()}, {"city": (home.city or "").lower()},
        {"amenities": ",".join(codes)}, {"amenities": ",".join(home.amenities) or "gym"},
        {"furnished": str(home.furnished).lower()}, {"bbox": ",".join(f"{edge:.6f}" for edge in edges)},
        {"near": f"{home.latitude:.6f},{home.longitude:.6f}", "radius_km": "9"},
        {"updated_since": home.updated_at.isoformat()}, {"search": draw.choice(home.title.split()[1:3])},
        {"search": f"{draw.choice(WORDS)} {home.city}"}, {"status": "available"},
    ]  # fmt: skip
    query: dict[str, str] = {}
    for one in draw.sample(filters, draw.randrange(5)):
        query |= one
    orders = ["newest", "price", "-price"] + ["distance"] * ("near" in query) + ["relevance"] * ("search" in query)
    return {**query, "sort": draw.choice(orders)}


def fits(home: Property, asked: dict[str, Any]) -> bool:
    """Tell by plain Python whether a listing answers a loaded query."""
    words = f"{home.title} {home.location}".lower().replace(",", "").split()
    has = {*home.amenities, *(flag for flag in AMENITY_FLAGS if getattr(home, flag))}
    by_price = asked["sort"] in {"price", "-price"} or asked["min_price"] or asked["max_price"]
    currency = asked["currency"] or ("NGN" if by_price else None)
    west, south, east, north = asked["bbox"] or (-180, -90, 180, 90)
    return all((
        home.listing_state == "published", home.status == (asked["status"] or "available"),
        asked["listing_type"] in (None, home.listing_type), asked["period"] in (None, home.period),
        not asked["property_type"] or home.property_type in asked["property_type"],
        currency in (None, home.currency), home.price >= (asked["min_price"] or 0),
        home.price <= (asked["max_price"] or home.price), (home.bedroom or 0) >= (asked["min_bedrooms"] or 0),
        asked["max_bedrooms"] is None or (home.bedroom or 0) <= asked["max_bedrooms"],
        (home.bathroom or 0) >= (asked["min_bathrooms"] or 0),
        *(not asked[name] or asked[name].lower() == getattr(home, name).lower() for name in ("state", "lga", "city")),
        has >= set(asked["amenities"] or ()), asked["furnished"] in (None, home.furnished),
        west <= (home.longitude or 0) <= east and south <= (home.latitude or 0) <= north,
        asked["near"] is None or kilometres(home, *asked["near"]) <= asked["radius_km"],
        asked["updated_since"] is None or home.updated_at >= asked["updated_since"],
        all(word.lower() in words for word in asked["search"].split()),
    ))  # fmt: skip


def expected(homes: list[Property], asked: dict[str, Any]) -> list[int]:
    keys: dict[str, Callable[[Property], Any]] = {
        "newest": lambda home: (-home.created_at.timestamp(), -home.id),
        "price": lambda home: (home.price, home.id),
        "-price": lambda home: (-home.price, -home.id),
        "distance": lambda home: (kilometres(home, *asked["near"]), home.id),
        "relevance": lambda home: -home.id,
    }
    return [home.id for home in sorted(homes, key=keys[asked["sort"]]) if fits(home, asked)]


def pages(query: dict[str, str]) -> tuple[list[int], list[int | None]]:
    """Return the ids of all pages, and their counts."""
    ids, counts, cursor = [], [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        loaded = schemas.ListQuery().load({**query, **more, "limit": str(PAGE), "count": "true"})
        page = json.loads(search.page(ANONYMOUS, loaded))
        ids += [one["id"] for one in page["result"]]
        counts.append(page["count"])
        cursor = page["next_cursor"]
        if cursor is None:
            return ids, counts


@pytest.mark.parametrize("way", WAYS)
def test_every_way_finds_the_same(app: Flask, homes: list[Property], way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WAYS[way].items():
        monkeypatch.setattr(texts if name in {"shares", "homes"} else search, name, value)
    draw = Random(way)
    met = 0
    for _ in range(QUERIES):
        query = draw_query(draw, draw.choice(homes))
        wanted = expected(homes, schemas.ListQuery().load(query))
        found, counts = pages(query)
        if query["sort"] == "relevance":
            assert sorted(found) == sorted(wanted), query
        else:
            assert found == wanted, query
        assert set(counts) == {len(wanted)}, query
        met += bool(wanted)
    assert met > QUERIES / 2


# Facets look no further than they walk, and say "at least".
@pytest.mark.parametrize("way", [way for way in WAYS if way != "walking not far enough"])
def test_facets_count_what_the_list_holds(
    app: Flask, homes: list[Property], way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in WAYS[way].items():
        monkeypatch.setattr(texts if name in {"shares", "homes"} else search, name, value)
    draw = Random(way)
    for _ in range(QUERIES // 4):
        query = {name: value for name, value in draw_query(draw, draw.choice(homes)).items() if name != "sort"}
        loaded = schemas.ListQuery().load(query)
        matching = [home for home in homes if fits(home, loaded)]
        told = facets.facets(ANONYMOUS, schemas.FacetQuery().load(query))
        assert (told["count"], told["count_is_exact"]) == (len(matching), True), query
        for name, column in (("property_type", "property_type"), ("city", "city"), ("bedrooms", "bedroom")):
            counted = {one["value"]: one["count"] for one in told[name]}
            values = [getattr(home, column) for home in matching]
            assert counted == {value: values.count(value) for value in values}, query
        codes = [code for home in matching for code in home.amenities]
        assert {one["value"]: one["count"] for one in told["amenities"]}.items() >= {
            code: codes.count(code) for code in codes
        }.items()
        priced = [home for home in matching if home.currency == told["currency"]]
        assert sum(one["count"] for one in told["price"]) == len(priced)
        for band in told["price"]:
            least, most = Decimal(band["min_price"]), Decimal(band["max_price"])
            assert band["count"] == sum(least <= home.price <= most for home in priced)
