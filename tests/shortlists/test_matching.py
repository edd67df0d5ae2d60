"""A saved search finds exactly what the list shows for the same filters."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from sheda.accounts.models import User
from sheda.core import clock
from sheda.core.db import db
from sheda.properties import saved, schemas
from sheda.shortlists import jobs, services
from sheda.shortlists.models import SearchHit
from tests.factories import make_saved_search
from tests.shortlists.conftest import publish

HOMES: tuple[dict[str, Any], ...] = (
    {},
    {
        "title": "Serviced duplex in Lekki",
        "property_type": "duplex",
        "city": "Lekki",
        "lga": "Eti-Osa",
        "state": "Lagos",
    },
    {"latitude": 6.4474, "longitude": 3.4723, "city": "LEKKI", "bedroom": 4, "bathroom": 5, "furnished": True},
    {"latitude": 6.6018, "longitude": 3.3515, "city": "Ìkẹjà", "price": Decimal("900000.00")},
    {"listing_type": "sale", "period": None, "price": Decimal("90000000.00"), "property_type": "house"},
    {"price": Decimal("3000.00"), "currency": "USD", "period": "month", "wifi": True, "amenities": ["swimming_pool"]},
    {"property_type": "land", "listing_type": "sale", "period": None, "bedroom": None, "bathroom": None},
    {"amenities": ["swimming_pool", "gym"], "running_water": True, "wifi": True, "description": "A pool and a gym."},
)

ASKED: tuple[dict[str, Any], ...] = (
    {},
    {"status": "available"},
    {"status": "rented"},
    {"search": "duplex"},
    {"search": "duplx leki"},
    {"search": "gym"},
    {"search": "the"},
    {"search": "nothing of the kind"},
    {"search": "ikeja"},
    {"listing_type": "sale"},
    {"property_type": "duplex"},
    {"property_type": ["duplex", "house"]},
    {"period": "month"},
    {"min_price": "1000000"},
    {"max_price": "1000000"},
    {"min_price": "0", "currency": "USD"},
    {"currency": "NGN"},
    {"min_bedrooms": 3},
    {"max_bedrooms": 2},
    {"min_bathrooms": 5},
    {"city": "lekki"},
    {"lga": "eti-osa", "state": "lagos"},
    {"furnished": True},
    {"furnished": False},
    {"amenities": ["wifi"]},
    {"amenities": ["wifi", "swimming_pool"]},
    {"amenities": "gym"},
    {"near": "6.45,3.47", "radius_km": 5},
    {"near": "6.45,3.47"},
    {"near": "6.45,3.47", "sort": "distance"},
    {"bbox": "3.3,6.5,3.4,6.7"},
    {"bbox": "3.3,6.5,3.4,6.7", "near": "6.45,3.47", "radius_km": 100},
    {"near": "6.45,3.47", "radius_km": 5, "sort": "distance"},
    {"updated_since": "2026-01-01T00:00:00Z"},
    {"updated_since": "2096-01-01T00:00:00Z"},
    {"sort": "price"},
    {"search": "flat", "sort": "relevance", "min_bedrooms": 2, "listing_type": "rent", "city": "Yaba"},
)


@pytest.fixture
def market(ada: User, agent: User, excused_invariants: set[str]) -> dict[int, set[int]]:
    """Save every search, put every home on the market, and return what each search found."""
    excused_invariants.add("I8")
    publish(agent, title="A duplex in Lekki")  # what misspelt words mean is settled when a search is saved
    start = clock.now()
    with clock.travel(start):
        searches = [make_saved_search(ada, alert="weekly", **asked).id for asked in ASKED]
    with clock.travel(start + timedelta(minutes=1)):
        for home in HOMES:
            publish(agent, **home)
    with clock.travel(start + timedelta(minutes=2)):
        jobs.alert()
    found: dict[int, set[int]] = {search: set() for search in searches}
    for search_id, property_id in db.session.execute(select(SearchHit.search_id, SearchHit.property_id)):
        found[search_id].add(property_id)
    return found


def test_every_filter_means_what_it_means_in_the_list(client: FlaskClient, market: dict[int, set[int]]) -> None:
    shown = []
    for asked in ASKED:
        first = min(market[next(iter(market))])
        query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in asked.items()}
        answer = client.get("/api/v1/properties", query_string={"limit": 100, **query})
        assert answer.status_code == 200, answer.json
        shown.append({card["id"] for card in answer.json["result"] if card["id"] >= first})
    assert dict(zip(map(str, ASKED), market.values(), strict=True)) == dict(zip(map(str, ASKED), shown, strict=True))
    assert {len(found) for found in shown} > {0, 1, 2, len(HOMES)}


def test_each_filter_is_among_those_that_were_tried() -> None:
    filters = set(schemas.ListQuery().fields) - {"limit", "cursor", "count", "q", "mine", "sort"}
    assert filters - {"property_type"} == set(saved.EVERYTHING)
    assert filters - {"agent_id"} <= {name for asked in ASKED for name in asked}


def test_one_agents_homes_can_be_followed(ada: User, agent: User, excused_invariants: set[str]) -> None:
    excused_invariants.add("I8")
    start = clock.now()
    with clock.travel(start):
        search = make_saved_search(ada, alert="weekly", agent_id=agent.id)
        make_saved_search(ada, alert="weekly", agent_id=ada.id)
    with clock.travel(start + timedelta(minutes=1)):
        home = publish(agent)
        jobs.alert()
    assert db.session.execute(select(SearchHit.search_id, SearchHit.property_id)).all() == [(search.id, home.id)]


def test_terms_hold_plain_values_and_the_version_of_the_conditions(ada: User) -> None:
    search = make_saved_search(ada, min_price="5", amenities=["wifi"], updated_since="2026-01-01T00:00:00Z")
    assert search.terms == {
        "min_price": "5.00",
        "currency": "NGN",
        "wifi": True,
        "updated_since": "2026-01-01T00:00:00+00:00",
        "version": services.listings.terms_version(),
    }
