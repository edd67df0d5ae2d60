from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from sheda.core.db import in_transaction
from sheda.properties import suggestions, texts
from sheda.properties.jobs import refresh_suggestions
from sheda.properties.models import Property
from tests.factories import auth, make_property
from tests.properties.conftest import PROPERTIES, People


def suggest(client: FlaskClient, prefix: str = "", **more: Any) -> list[dict[str, Any]]:
    answer = client.get(f"{PROPERTIES}/suggest", query_string={"prefix": prefix, **more})
    assert answer.status_code == 200, answer.get_json()
    found: list[dict[str, Any]] = answer.get_json()["result"]
    return found


def place(city: str, state: str = "Lagos", **over: Any) -> Any:
    return make_property(city=city, state=state, lga=city, location=f"{city}, {state}", **over)


class TestSuggest:
    def test_the_commonest_place_comes_first_with_the_filters_that_ask_for_it(self, client: FlaskClient) -> None:
        place("Lekki")
        place("lekki")
        place("Lekan")
        in_transaction(suggestions.refresh)
        cities = [one for one in suggest(client, "lek") if one["kind"] == "city"]
        assert [(one["text"].lower(), one["listings"]) for one in cities] == [("lekki", 2), ("lekan", 1)]
        asked = client.get(PROPERTIES, query_string=cities[0]["filters"]).get_json()
        assert len(asked["result"]) == 2

    def test_every_suggestion_asks_for_something_that_is_there(self, client: FlaskClient, people: People) -> None:
        place("Port Harcourt", "Rivers", property_type="shared_apartment", title="A lovely bungalow in the town")
        place("Ikẹja", agent=people.other, title="Another lovely bungalow here")
        in_transaction(suggestions.refresh)
        found = suggest(client, limit=20)
        assert {one["kind"] for one in found} == {
            "area", "city", "lga", "state", "property_type", "listing_type", "word",
        }  # fmt: skip
        for one in found:
            assert client.get(PROPERTIES, query_string=one["filters"]).get_json()["result"], one

    def test_accents_and_words_inside_of_a_name_are_found(self, client: FlaskClient) -> None:
        place("Ikẹja")
        place("Port Harcourt", "Rivers")
        in_transaction(suggestions.refresh)
        assert {one["text"] for one in suggest(client, "ikej") if one["kind"] == "city"} == {"Ikẹja"}
        assert {one["text"] for one in suggest(client, "HARC") if one["kind"] == "city"} == {"Port Harcourt"}

    def test_nothing_that_is_not_on_offer_is_told(self, client: FlaskClient) -> None:
        for state in ("draft", "paused", "archived"):
            place("Secretville", listing_state=state, title="Hiddenhouse for nobody at all")
        in_transaction(suggestions.refresh)
        assert suggest(client, "secr") == suggest(client, "hidd") == []

    def test_a_word_of_one_agent_alone_is_no_suggestion(self, client: FlaskClient, people: People) -> None:
        for _ in range(3):
            make_property(people.agent, title="Call Adebayo about this flat")
        in_transaction(suggestions.refresh)
        assert suggest(client, "adeb") == []

    @pytest.mark.parametrize("prefix", ["%", "_", "\\", "'", "(", "zz", "ọ̀", " "])
    def test_no_beginning_is_a_fault(self, client: FlaskClient, prefix: str) -> None:
        place("Lekki")
        in_transaction(suggestions.refresh)
        if prefix not in {" ", "ọ̀"}:
            assert suggest(client, prefix) == []
        suggest(client, prefix)

    def test_limits(self, client: FlaskClient) -> None:
        for query in ({"limit": 0}, {"limit": 21}, {"prefix": "x" * 81}, {"other": 1}):
            assert client.get(f"{PROPERTIES}/suggest", query_string=query).status_code == 422

    def test_the_job_counts_anew(self, client: FlaskClient, db_session: Any) -> None:
        home = place("Lekki")
        for expected in (1, 0):
            refresh_suggestions()
            refresh_suggestions()
            cities = [one for one in suggest(client, "lek") if one["kind"] == "city"]
            assert len(cities) == expected
            home.listing_state = "paused"
            db_session.commit()


@pytest.mark.parametrize("named", [texts.NAMED, 0])
class TestListingsOfTheOffice:
    @pytest.mark.parametrize(
        ("words", "is_found"),
        [
            ("penthouse", True), ("PENT", True), ("pent ikej", True), ("Ikẹja", True), ("shd-q7", True),
            ("SHD-Q7WX", True),
            ("pent lekki", False), ("house", False), ("secretly", False), ("WX", False), ("%", False), ("' | '", False),
        ],
    )  # fmt: skip
    def test_words_and_references_are_found_by_their_beginnings(
        self, db_session: Any, monkeypatch: pytest.MonkeyPatch, named: int, words: str, is_found: bool
    ) -> None:
        monkeypatch.setattr(texts, "NAMED", named)
        home = place("Ikeja", title="A lovely penthouse", reference="SHD-Q7WX", description="Secretly damp.")
        place("Lekki")
        found = db_session.scalars(select(Property.id).where(texts.listings_with(words))).all()
        assert found == ([home.id] if is_found else [])


class TestFacets:
    def test_counts_are_as_documented(self, client: FlaskClient) -> None:
        place("Lekki", amenities=["gym"], wifi=True, bedroom=3)
        place("Ikeja")
        told = client.get(f"{PROPERTIES}/facets").get_json()["result"]
        assert (told["count"], told["count_is_exact"], told["currency"]) == (2, True, "NGN")
        assert told["listing_type"] == [{"value": "rent", "count": 2, "count_is_exact": True}]
        assert {one["value"] for one in told["amenities"]} == {"gym", "wifi"}
        assert told["bedrooms"] == [
            {"value": 2, "count": 1, "count_is_exact": True},
            {"value": 3, "count": 1, "count_is_exact": True},
        ]
        (band,) = told["price"]
        assert (band["min_price"], band["max_price"], band["count"]) == ("2500000.00", "4999999.99", 2)

    def test_rows_are_those_of_the_list(self, client: FlaskClient, people: People) -> None:
        make_property(people.agent, listing_state="draft")
        make_property(people.other)
        for headers, count in ((None, 1), (auth(people.client), 1), (auth(people.agent), 2), (auth(people.staff), 2)):
            told = client.get(f"{PROPERTIES}/facets", headers=headers).get_json()["result"]
            assert told["count"] == count
        assert client.get(f"{PROPERTIES}/facets?mine=true").status_code == 401

    def test_more_than_are_counted_are_told_as_at_least(
        self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sheda.properties.facets.LOOKED_AT", 2)
        for _ in range(4):
            place("Lekki")
        told = client.get(f"{PROPERTIES}/facets").get_json()["result"]
        assert (told["count"], told["count_is_exact"]) == (3, False)
        assert told["city"] == [{"value": "Lekki", "count": 3, "count_is_exact": False}]

    @pytest.mark.parametrize("query", ["sort=price", "limit=5", "cursor=x", "count=true", "min_price=-1", "near=1"])
    def test_what_is_no_filter_is_refused(self, client: FlaskClient, query: str) -> None:
        assert client.get(f"{PROPERTIES}/facets?{query}").status_code == 422

    def test_nothing_counts_as_nothing(self, client: FlaskClient) -> None:
        told = client.get(f"{PROPERTIES}/facets?city=Nowhere").get_json()["result"]
        assert told["count"] == 0
        assert told["city"] == told["price"] == []
