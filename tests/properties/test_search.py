from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from math import asin, cos, radians, sin, sqrt
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from sheda.accounts.models import User
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db, write_whole
from sheda.core.paging import write_cursor
from sheda.properties import schemas, search
from sheda.properties.models import Property, PropertyImage
from sheda.properties.orders import ORDERS
from tests.factories import auth, make_contract, make_payment, make_property, make_user
from tests.properties.conftest import PROPERTIES, People

LEKKI, IKEJA, ABUJA = (6.4474, 3.4723), (6.6018, 3.3515), (9.0765, 7.3986)


def ask(client: FlaskClient, headers: dict[str, str] | None = None, **query: Any) -> Any:
    return client.get(f"{PROPERTIES}?{urlencode(query, doseq=True)}", headers=headers)


def ids(client: FlaskClient, headers: dict[str, str] | None = None, **query: Any) -> list[int]:
    answer = ask(client, headers, **query)
    assert answer.status_code == 200, answer.get_json()
    return [one["id"] for one in answer.get_json()["result"]]


def at(place: tuple[float, float], **over: Any) -> Property:
    return make_property(latitude=place[0], longitude=place[1], **over)


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    (a, b), (c, d) = map(radians, one), map(radians, other)
    return 2 * 6371.0088 * asin(sqrt(sin((c - a) / 2) ** 2 + cos(a) * cos(c) * sin((d - b) / 2) ** 2))


@pytest.fixture
def statements(count_statements: Any) -> Callable[[], Any]:
    """Return a block that notes what is asked of the database about listings."""

    @contextmanager
    def asking() -> Iterator[list[str]]:
        about: list[str] = []
        with count_statements() as seen:
            yield about
        about += [one for one in seen if "properties" in one or "search_query" in one]

    return asking


class TestCards:
    def test_a_card_is_as_documented(self, client: FlaskClient, people: People) -> None:
        home = make_property(people.agent, latitude=6.5, longitude=3.4, area_sqm=Decimal("85.5"))
        db.session.add(
            PropertyImage(
                property_id=home.id, position=0, is_cover=True, width=9, height=6, status="ready",
                key="public/ab/abcdef", created_at=clock.now(),
            )
        )  # fmt: skip
        db.session.commit()
        body = ask(client).get_json()
        assert set(body) == {"result", "count", "count_is_exact", "next_cursor"}
        assert (body["count"], body["count_is_exact"], body["next_cursor"]) == (None, True, None)
        (card,) = body["result"]
        assert set(card) == set(schemas.PropertyCard().fields) - {"distance_km"}
        assert (card["price"], card["area_sqm"]) == ("2500000.00", 85.5)
        assert card["agent"] == {
            "id": people.agent.id,
            "name": people.agent.get_full_name(),
            "agency_name": None,
            "picture": None,
            "rating": None,
            "is_verified": False,
        }
        assert card["cover_image"]["urls"]["thumb"] == "/media/ab/abcdef.thumb.webp"

    def test_a_declared_payment_shows(self, client: FlaskClient) -> None:
        make_payment(status="declared")
        (card,) = ask(client).get_json()["result"]
        assert (card["status"], card["is_under_offer"]) == ("available", True)

    def test_what_is_hidden_while_a_page_is_read_is_not_on_it(
        self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone, stays = make_property(city="Lekki").id, make_property(city="Lekki").id
        found = search._find

        def found_just_before(*asked: Any, **how: Any) -> Any:
            rows = found(*asked, **how)
            write_whole("UPDATE properties SET listing_state = 'paused' WHERE id = :id", id=gone)
            return rows

        monkeypatch.setattr(search, "_find", found_just_before)
        assert ids(client, city="Lekki") == [stays]

    @pytest.mark.parametrize(
        ("query", "most"),
        [
            ({}, 1),
            ({"sort": "price", "city": "Lekki"}, 2),
            ({"near": "6.5,3.4", "sort": "distance"}, 4),
            ({"near": "6.5,3.4", "sort": "price"}, 5),
            ({"count": "true"}, 2),
            ({"search": "flat"}, 5),
            ({"search": "flat", "sort": "relevance", "count": "true", "city": "Lekki"}, 6),
        ],
    )
    def test_a_list_is_few_statements_however_long(
        self, client: FlaskClient, statements: Any, query: dict[str, str], most: int
    ) -> None:
        for number in (1, 12):
            for _ in range(number):
                make_property(latitude=6.5, longitude=3.4, city="Lekki")
            with statements() as asked:
                assert ids(client, **query)
            assert len(asked) <= most

    def test_a_listing_is_one_statement(self, client: FlaskClient, statements: Any) -> None:
        url = f"{PROPERTIES}/{make_property().id}"
        with statements() as asked:
            client.get(url)
        assert len(asked) == 1


class TestScope:
    def test_everybody_finds_what_is_published_and_available(self, client: FlaskClient, people: People) -> None:
        shown = make_property(people.agent)
        for state in ("draft", "paused", "archived"):
            make_property(people.agent, listing_state=state)
        for headers in (None, auth(people.client), auth(people.other)):
            assert ids(client, headers) == [shown.id]

    def test_an_agent_finds_his_own_too_and_the_office_all(self, client: FlaskClient, people: People) -> None:
        own = [make_property(people.agent, listing_state=state).id for state in ("draft", "published")]
        foreign = make_property(people.other, listing_state="draft").id
        assert set(ids(client, auth(people.agent))) == set(own)
        assert set(ids(client, auth(people.staff))) == {*own, foreign}

    def test_mine_is_own_in_every_state(self, client: FlaskClient, people: People) -> None:
        states = ("draft", "published", "paused", "archived")
        own = [make_property(people.agent, listing_state=state).id for state in states]
        make_property(people.other)
        assert set(ids(client, auth(people.agent), mine="true")) == set(own)
        assert ids(client, auth(people.client), mine="true") == []
        assert ids(client, auth(people.staff), mine="true") == []
        assert ask(client, mine="true").status_code == 401

    def test_what_is_let_is_found_when_asked_for(self, client: FlaskClient) -> None:
        contract = make_contract()
        assert ids(client) == []
        assert ids(client, status="rented") == [contract.property_id]
        agent = db.session.get_one(User, contract.agent_id)
        assert ids(client, auth(agent), mine="true") == [contract.property_id]


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "fits", "fails"),
        [
            ({"listing_type": "sale"}, {"listing_type": "sale"}, {}),
            ({"property_type": "house"}, {"property_type": "house"}, {}),
            ({"property_type": "house,shop"}, {"property_type": "shop"}, {}),
            ({"property_type": ["house", "duplex"]}, {"property_type": "duplex"}, {}),
            ({"min_price": "3000000"}, {"price": 3000000}, {"price": Decimal("2999999.99")}),
            ({"max_price": "2000000"}, {"price": 2000000}, {"price": Decimal("2000000.01")}),
            ({"min_price": "0", "max_price": 100}, {"price": 100}, {"price": 50, "currency": "USD"}),
            ({"max_price": 100, "currency": "USD"}, {"price": 50, "currency": "USD"}, {"price": 50}),
            ({"currency": "USD"}, {"currency": "USD"}, {}),
            ({"period": "night"}, {"period": "night"}, {}),
            ({"min_bedrooms": 3}, {"bedroom": 3}, {"bedroom": 2}),
            ({"max_bedrooms": 1}, {"bedroom": 1}, {"bedroom": 2}),
            ({"min_bedrooms": 0}, {"bedroom": 0}, {"bedroom": None, "bathroom": None, "property_type": "land"}),
            ({"min_bathrooms": 3}, {"bathroom": 3}, {}),
            ({"state": "lagos"}, {"state": "Lagos"}, {"state": "Ogun"}),
            ({"lga": "Eti-Osa"}, {"lga": "Eti-Osa"}, {}),
            ({"city": "LEKKI"}, {"city": "Lekki"}, {"city": "Lekki Phase 1"}),
            ({"amenities": "gym,pool"}, {"amenities": ["bq", "gym", "pool"]}, {"amenities": ["gym"]}),
            ({"amenities": ["wifi", "gym"]}, {"amenities": ["gym"], "wifi": True}, {"amenities": ["gym"]}),
            ({"furnished": "true"}, {"furnished": True}, {}),
            ({"furnished": "false"}, {}, {"furnished": True}),
        ],
    )
    def test_a_filter_keeps_what_fits(
        self, client: FlaskClient, query: dict[str, Any], fits: dict[str, Any], fails: dict[str, Any]
    ) -> None:
        wanted = make_property(**fits)
        make_property(**fails)
        assert ids(client, **query) == [wanted.id]

    def test_an_agents(self, client: FlaskClient, people: People) -> None:
        own = make_property(people.agent)
        make_property(people.other)
        assert ids(client, agent_id=people.agent.id) == [own.id]

    def test_changed_since(self, client: FlaskClient) -> None:
        long_ago, now = clock.now() - timedelta(days=9), clock.now()
        make_property(updated_at=long_ago)
        fresh = make_property(updated_at=now)
        assert ids(client, updated_since=now.isoformat()) == [fresh.id]

    def test_filters_join(self, client: FlaskClient) -> None:
        wanted = make_property(city="Lekki", bedroom=3, furnished=True)
        make_property(city="Lekki", bedroom=3)
        make_property(city="Lekki", furnished=True)
        assert ids(client, city="Lekki", min_bedrooms=3, furnished="true") == [wanted.id]

    def test_empty_words_filter_nothing(self, client: FlaskClient) -> None:
        assert ids(client, city="", search="", state=" ") == ids(client)

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"listing_type": "lease"}, "listing_type"),
            ({"property_type": "house,castle"}, "property_type.1"),
            ({"status": "gone"}, "status"),
            ({"min_price": 5, "max_price": 4}, "min_price"),
            ({"min_bedrooms": 5, "max_bedrooms": 4}, "min_bedrooms"),
            ({"min_price": "NaN"}, "min_price"),
            ({"min_price": "-1"}, "min_price"),
            ({"currency": "XAF"}, "currency"),
            ({"min_bedrooms": "1e3"}, "min_bedrooms"),
            ({"agent_id": 2**31}, "agent_id"),
            ({"near": "6.5"}, "near"),
            ({"near": "nan,3"}, "near"),
            ({"near": "91,3"}, "near"),
            ({"radius_km": 5}, "radius_km"),
            ({"near": "6,3", "radius_km": 101}, "radius_km"),
            ({"near": "6,3", "radius_km": 0}, "radius_km"),
            ({"bbox": "3,6,4"}, "bbox"),
            ({"bbox": "4,6,3,7"}, "bbox"),
            ({"bbox": "3,7,4,6"}, "bbox"),
            ({"updated_since": "2026-01-01T00:00:00"}, "updated_since"),
            ({"updated_since": "yesterday"}, "updated_since"),
            ({"sort": "cheapest"}, "sort"),
            ({"sort": "distance"}, "sort"),
            ({"sort": "relevance"}, "sort"),
            ({"limit": 0}, "limit"),
            ({"limit": 101}, "limit"),
            ({"furnished": "perhaps"}, "furnished"),
            ({"amenities": "Swimming Pool"}, "amenities.0"),
            ({"search": "a\x00b"}, "search"),
            ({"colour": "blue"}, "colour"),
        ],
    )
    def test_bad_values_are_422(self, client: FlaskClient, query: dict[str, Any], field: str) -> None:
        answer = ask(client, **query)
        assert answer.status_code == 422
        assert [one["field"] for one in answer.get_json()["errors"]] == [field]

    def test_an_unknown_word_names_the_allowed(self, client: FlaskClient) -> None:
        message = ask(client, listing_type="lease").get_json()["errors"][0]["message"]
        assert "rent" in message
        assert "sale" in message


class TestPages:
    @pytest.fixture
    def crowd(self, db_session: Any) -> list[Property]:
        now, agent = clock.now(), make_user(Role.AGENT)
        return [
            make_property(
                agent,
                title=f"Quiet flat in Yaba, floor {number % 3}",
                price=Decimal(1000 + number % 4),
                created_at=now - timedelta(minutes=number // 3),
                latitude=6.5 + number % 5 / 100,
                longitude=3.4,
            )
            for number in range(23)
        ]

    def wanted(self, order: str, crowd: list[Property]) -> list[int]:
        keys: dict[str, Any] = {
            "newest": lambda one: (one.created_at, one.id),
            "price": lambda one: (one.price, one.id),
            "-price": lambda one: (one.price, one.id),
            "distance": lambda one: (kilometres((6.5, 3.4), (one.latitude, one.longitude)), one.id),
        }
        return [one.id for one in sorted(crowd, key=keys[order], reverse=ORDERS[order].descending)]

    @pytest.mark.parametrize("order", ["newest", "price", "-price", "distance"])
    def test_pages_follow_each_other_whatever_the_order(
        self, client: FlaskClient, crowd: list[Property], order: str
    ) -> None:
        query = {"sort": order, "limit": 5} | ({"near": "6.5,3.4"} if order == "distance" else {})
        assert self.walk(client, query) == self.wanted(order, crowd)

    def test_relevance_pages_miss_and_repeat_nothing(self, client: FlaskClient, crowd: list[Property]) -> None:
        found = self.walk(client, {"sort": "relevance", "search": "quiet yaba", "limit": 5})
        assert sorted(found) == sorted(one.id for one in crowd)

    def walk(self, client: FlaskClient, query: dict[str, Any]) -> list[int]:
        found: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            body = ask(client, **query, **({"cursor": cursor} if cursor else {})).get_json()
            assert len(body["result"]) <= 5
            found += [one["id"] for one in body["result"]]
            cursor = body["next_cursor"]
        return found

    def test_the_count_comes_when_asked_on_every_page(self, client: FlaskClient, crowd: list[Property]) -> None:
        body = ask(client, count="true", limit=5).get_json()
        assert (body["count"], body["count_is_exact"]) == (23, True)
        last = ask(client, count="true", limit=5, cursor=body["next_cursor"]).get_json()
        assert last["count"] == 23
        nothing = ask(client, count="true", min_price=5000).get_json()
        assert (nothing["result"], nothing["count"]) == ([], 0)

    def test_the_count_is_capped(
        self, client: FlaskClient, crowd: list[Property], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sheda.properties.search.COUNT_CAP", 20)
        body = ask(client, count="true").get_json()
        assert (body["count"], body["count_is_exact"]) == (20, False)

    @pytest.mark.parametrize(
        "cursor",
        [
            "x",
            "%%%",
            "e30",
            write_cursor([1, 2]),
            write_cursor(["price", "1.00", 1]),
            write_cursor(["newest", "x", 1]),
            write_cursor(["newest", "2026-01-01T00:00:00", 1]),
            write_cursor(["newest", None, None]),
            write_cursor(["newest", "2026-01-01T00:00:00+00:00", 2**80]),
        ],
    )
    def test_a_cursor_of_another_list_or_order_is_400(self, client: FlaskClient, cursor: str) -> None:
        answer = ask(client, cursor=cursor)
        assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_cursor")

    @pytest.mark.parametrize("price", ["1e999999", "NaN", "-5", 5, None])
    def test_a_cursor_with_an_impossible_price_is_400(self, client: FlaskClient, price: Any) -> None:
        assert ask(client, sort="price", cursor=write_cursor(["price", price, 1])).status_code == 400


class TestPlaces:
    def test_a_radius_keeps_what_is_within(self, client: FlaskClient) -> None:
        near, far = at((6.4550, 3.4800)), at(IKEJA)
        at(ABUJA)
        make_property()
        here = f"{LEKKI[0]},{LEKKI[1]}"
        assert ids(client, near=here, radius_km=5) == [near.id]
        assert set(ids(client, near=here, radius_km=40)) == {near.id, far.id}

    def test_nearest_come_first_with_their_distance(self, client: FlaskClient) -> None:
        homes = {at(place).id: place for place in (IKEJA, (6.45, 3.48), (6.43, 3.42))}
        body = ask(client, near=f"{LEKKI[0]},{LEKKI[1]}", sort="distance").get_json()
        found = [(one["id"], one["distance_km"]) for one in body["result"]]
        wanted = sorted((round(kilometres(LEKKI, place), 3), row_id) for row_id, place in homes.items())
        assert [(row_id, distance) for distance, row_id in wanted] == found

    @pytest.mark.parametrize("centre", [LEKKI, (51.5, -0.1), (78.0, 15.0), (-33.9, 18.4)])
    def test_nearest_are_exact_on_any_latitude(self, client: FlaskClient, centre: tuple[float, float]) -> None:
        spots = [
            (centre[0] + north / 100, centre[1] + east / 100) for north in range(-3, 4) for east in range(-6, 7, 2)
        ]
        homes = {at(spot).id: spot for spot in spots}
        wanted = sorted(homes, key=lambda one: (round(kilometres(centre, homes[one]), 9), one))
        found: list[int] = []
        cursor = None
        for _ in range(5):
            more = {"cursor": cursor} if cursor else {}
            body = ask(client, near=f"{centre[0]},{centre[1]}", sort="distance", limit=7, **more).get_json()
            found += [one["id"] for one in body["result"]]
            cursor = body["next_cursor"]
        assert [round(kilometres(centre, homes[one]), 6) for one in found] == [
            round(kilometres(centre, homes[one]), 6) for one in wanted[:35]
        ]

    def test_a_box_keeps_what_is_in_it_edges_too(self, client: FlaskClient) -> None:
        inside, edge = at((6.5, 3.5)), at((6.4, 3.3))
        at((6.39, 3.5))
        at((6.5, 3.61))
        assert set(ids(client, bbox="3.3,6.4,3.6,6.6")) == {inside.id, edge.id}

    def test_places_join_with_filters_and_other_orders(self, client: FlaskClient) -> None:
        dear, cheap = at(LEKKI, price=Decimal(9)), at(LEKKI, price=Decimal(5))
        at(LEKKI, bedroom=1)
        found = ids(client, near="6.4474,3.4723", radius_km=1, sort="price", min_bedrooms=2)
        assert found == [cheap.id, dear.id]


class TestWords:
    @pytest.fixture
    def stock(self, db_session: Any) -> dict[str, int]:
        homes = {
            "duplex": make_property(title="Four bedroom duplexes", city="Lekki", property_type="duplex"),
            "ikeja": make_property(title="Mini flat, newly built", location="Allen Avenue, Ikẹja"),
            "land": make_property(
                title="Dry land, fenced and gated", property_type="land", bedroom=None, bathroom=None,
                listing_type="sale", description="Ten minutes from the duplexes of Lekki.",
            ),
        }  # fmt: skip
        return {name: home.id for name, home in homes.items()}

    @pytest.mark.parametrize(
        ("search", "found"),
        [
            ("duplex", {"duplex", "land"}),
            ("duplex lekki", {"duplex", "land"}),
            ("duplx leki", {"duplex", "land"}),
            ("DUPLEXES", {"duplex", "land"}),
            ("ikeja", {"ikeja"}),
            ("Ikẹja", {"ikeja"}),
            ("Ikeja flats", {"ikeja"}),
            ("ikja", {"ikeja"}),
            ("land for sale", {"land"}),
            ("fenced and gated", {"land"}),
            ("castle", set()),
            ("the", set()),
            ("!!! & | ( ' \\ :*", set()),
            ("lekki -ikeja", set()),
        ],
    )
    def test_words_are_found_with_errors_endings_and_accents(
        self, client: FlaskClient, stock: dict[str, int], search: str, found: set[str]
    ) -> None:
        assert set(ids(client, search=search)) == {stock[name] for name in found}

    def test_the_title_counts_more_than_the_description(self, client: FlaskClient, stock: dict[str, int]) -> None:
        assert ids(client, search="duplex lekki", sort="relevance") == [stock["duplex"], stock["land"]]

    def test_a_change_of_words_is_found(self, client: FlaskClient, people: People) -> None:
        home = make_property(people.agent)
        assert ids(client, search="penthouse") == []
        client.patch(f"{PROPERTIES}/{home.id}", json={"title": "Penthouse by the sea"}, headers=auth(people.agent))
        assert ids(client, search="penthouse") == [home.id]

    def test_words_join_with_filters_and_a_count(self, client: FlaskClient, stock: dict[str, int]) -> None:
        body = ask(client, search="duplex", listing_type="sale", count="true").get_json()
        assert ([one["id"] for one in body["result"]], body["count"]) == ([stock["land"]], 1)


class TestGeneratedQuery:
    def test_the_frameworks_query_works_within_the_same_rows(self, client: FlaskClient, people: People) -> None:
        dear = make_property(people.agent, price=Decimal(9000000))
        make_property(people.agent, price=Decimal(10))
        make_property(people.agent, price=Decimal(9000000), listing_state="draft")
        query = "(filters:!((col:price,opr:gt,value:100)),order_column:price,order_direction:desc,columns:!(id,price))"
        body = ask(client, q=query).get_json()
        assert body["result"] == [{"id": dear.id, "price": "9000000.00"}]
        assert body["count"] == 1

    @pytest.mark.parametrize(
        "query",
        [
            "(((", "(filters:!((col:held_by_payment_id,opr:eq,value:1)))", "(page:-1)",
            "(filters:!((col:price,opr:gt,value:abc)))", "(order_column:description,order_direction:asc)",
            "(filters:!((col:id,opr:most,value:1)))", "(filters:!((col:created_at,opr:gt,value:soon)))",
        ],
    )  # fmt: skip
    def test_what_it_may_not_name_is_400(self, client: FlaskClient, query: str) -> None:
        assert ask(client, q=query).status_code == 400

    def test_columns_that_are_not_listed_are_left_out(self, client: FlaskClient) -> None:
        home = make_property()
        body = ask(client, q="(columns:!(id,agent.password,held_by_payment_id))").get_json()
        assert body["result"] == [{"id": home.id}]

    def test_its_values_may_be_a_list_and_other_parameters_are_still_checked(self, client: FlaskClient) -> None:
        homes = [make_property() for _ in range(3)]
        query = f"(filters:!((col:id,opr:in,value:!({homes[0].id},{homes[2].id}))),columns:!(id),order_column:id,"
        body = ask(client, q=f"{query}order_direction:asc)").get_json()
        assert body["ids"] == [homes[0].id, homes[2].id]
        assert ask(client, q="(page:0)", colour="red").status_code == 422
