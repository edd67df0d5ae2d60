"""The demo's market."""

from itertools import islice
from random import Random
from typing import Any

import pytest

from sheda.demo.listings import listings
from sheda.demo.names import ORIGINS, draw_name, plain
from sheda.demo.places import PLACES


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return list(listings(5000, 42))


class TestPlaces:
    def test_the_country_is_covered(self) -> None:
        assert len(PLACES) >= 60
        assert len({place.state for place in PLACES}) >= 15
        assert len({(place.area, place.city) for place in PLACES}) == len(PLACES)

    def test_every_place_lies_in_nigeria(self) -> None:
        assert all(4 < place.latitude < 14 and 2.6 < place.longitude < 14.7 for place in PLACES)

    def test_ikoyi_is_dearer_than_ikorodu(self) -> None:
        rents = {place.area: place.rent for place in PLACES}
        assert rents["Ikoyi"] > 10 * rents["Ikorodu"]


class TestNames:
    def test_names_come_from_every_origin_and_make_addresses(self) -> None:
        draw = Random(1)
        names = [draw_name(draw) for _ in range(500)]
        given = {name for name, _ in names}
        assert all(given & set(first) for first, _ in ORIGINS)
        assert all(plain(first).isascii() and plain(first).isalpha() for first, _ in names)


class TestListings:
    def test_the_same_seed_gives_the_same_rows_and_another_does_not(self, rows: list[dict[str, Any]]) -> None:
        assert list(islice(listings(5000, 42), 200)) == rows[:200]
        assert list(listings(20, 43)) != rows[:20]

    def test_every_row_is_a_valid_property(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            assert 10 <= len(row["title"]) <= 100
            assert len(row["description"]) > 60
            assert isinstance(row["price"], int)
            assert 0 < row["price"] <= 10**12
            assert (row["listing_type"] == "rent") == (row["period"] in {"year", "month", "week", "night"})
            assert (row["property_type"] == "land") == (row["bedroom"] is None)
            assert all(fee["amount"] > 0 and len(fee["label"]) <= 80 for fee in row["fees"])
            assert len(row["location"]) <= 200

    def test_the_market_has_every_kind(self, rows: list[dict[str, Any]]) -> None:
        assert len({row["property_type"] for row in rows}) == 8
        assert {row["period"] for row in rows} == {"year", "month", "week", "night", None}
        assert len({row["state"] for row in rows}) >= 15
        assert {row["currency"] for row in rows} == {"NGN", "USD"}

    def test_yearly_rents_are_plausible(self, rows: list[dict[str, Any]]) -> None:
        rents = [
            row["price"]
            for row in rows
            if row["period"] == "year" and row["bedroom"] == 2 and row["city"] == "Lagos" and row["currency"] == "NGN"
        ]
        assert 500_000 < sorted(rents)[len(rents) // 2] < 6_000_000
        assert all(
            fee["amount"] == round(row["price"] * 0.1)
            for row in rows
            if row["period"] == "year"
            for fee in row["fees"]
            if fee["kind"] == "agency"
        )

    def test_titles_differ(self, rows: list[dict[str, Any]]) -> None:
        assert len({row["title"] for row in rows}) > 2500
