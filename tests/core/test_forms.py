from datetime import UTC, datetime
from decimal import Decimal

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import Form

from sheda.core.forms import Contains, LocalDateTimeField, MoneyField, Offer, RowField, read_value
from sheda.core.lists import RoomInterface
from sheda.properties.models import Property

HOMES = RoomInterface(Property)


class Typed(Form):
    price = MoneyField()
    at = LocalDateTimeField()
    agent = RowField("Agent", offer=Offer(lambda _text: [], lambda key: "Ngozi" if key == 7 else None))


def typed(**values: str) -> Typed:
    return Typed(MultiDict(values))


class TestMoneyField:
    @pytest.mark.parametrize(("text", "amount"), [("2,500,000", "2500000.00"), ("₦ 1 200.50", "1200.50"), ("", None)])
    def test_thousands_separators_and_the_sign_are_understood(self, text: str, amount: str | None) -> None:
        form = typed(price=text)
        assert form.validate()
        assert form.price.data == (Decimal(amount) if amount else None)

    @pytest.mark.parametrize("text", ["NaN", "-5", "0", "1.234", "1e9", "ten", "10000000000001"])
    def test_what_is_no_amount_is_refused_and_shown_again(self, text: str) -> None:
        form = typed(price=text)
        assert not form.validate()
        assert text in form.price()

    def test_a_stored_amount_is_shown_with_separators(self) -> None:
        assert 'value="2,500,000"' in Typed(data={"price": Decimal("2500000.00")}).price()


class TestLocalDateTimeField:
    def test_a_typed_time_is_lagos_time(self) -> None:
        form = typed(at="2026-11-24T14:30")
        assert form.validate()
        assert form.at.data == datetime(2026, 11, 24, 13, 30, tzinfo=UTC)

    def test_a_stored_time_makes_the_round_trip(self) -> None:
        assert 'value="2026-11-24T14:30"' in Typed(data={"at": datetime(2026, 11, 24, 13, 30, tzinfo=UTC)}).at()

    def test_what_is_no_time_is_refused(self) -> None:
        assert not typed(at="tomorrow").validate()


class TestRowField:
    def test_a_row_that_is_offered_is_taken(self) -> None:
        form = typed(agent="7")
        assert form.validate()
        assert form.agent.data == 7

    @pytest.mark.parametrize("text", ["8", "-7", "7.0", "x", "99999999999999999999", "٧"])
    def test_anything_else_is_refused(self, text: str) -> None:
        assert not typed(agent=text).validate()


class TestReadValue:
    @pytest.mark.parametrize(
        ("column", "text", "value"),
        [
            ("title", "yaba", "yaba"),
            ("bedroom", "3", 3),
            ("price", "1,000,000", Decimal(1000000)),
            ("furnished", "y", True),
            ("created_at", "2026-11-24", datetime(2026, 11, 23, 23, tzinfo=UTC)),
        ],
    )
    def test_a_value_is_read_by_its_columns_type(self, column: str, text: str, value: object) -> None:
        assert read_value(HOMES, column, text) == value

    @pytest.mark.parametrize(
        ("column", "text"),
        [
            ("title", "a\x00b"),
            ("title", "x" * 201),
            ("title", "\ud800"),
            ("bedroom", "three"),
            ("bedroom", "99999999999"),
            ("price", "NaN"),
            ("price", "1e400"),
            ("price", "ten"),
            ("furnished", "maybe"),
            ("created_at", "9999-12-31"),
            ("created_at", "24/11/2026"),
        ],
    )
    def test_what_the_column_cannot_hold_is_no_value(self, column: str, text: str) -> None:
        with pytest.raises((ValueError, KeyError)):
            read_value(HOMES, column, text)


class TestContains:
    def test_percent_and_underscore_are_letters(self) -> None:
        clause = Contains("title", HOMES).clause(Property.title, "50%_")
        assert "50/%/_" in clause.compile().params.values() or "/%" in str(clause.compile().params)
