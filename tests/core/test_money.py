"""Money in and out."""

from decimal import Decimal
from typing import Any

import pytest

from sheda.core.money import format_money, parse_amount, to_minor, wire


class TestParseAmount:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("2500000.00", "2500000.00"),
            ("2500000", "2500000.00"),
            (2500000, "2500000.00"),
            (0.1, "0.10"),
            (1234.56, "1234.56"),
            (1e9, "1000000000.00"),
            (Decimal("12.5"), "12.50"),
            ("0.01", "0.01"),
            ("12.500", "12.50"),
            (10**12, "1000000000000.00"),
        ],
    )
    def test_an_amount_has_two_places(self, given: Any, expected: str) -> None:
        amount = parse_amount(given)
        assert str(amount) == expected

    @pytest.mark.parametrize(
        "given",
        [
            "",
            " 5",
            "5 ",
            "1,000",
            "1_000",
            "1e5",
            "٥",
            "five",
            "NaN",
            "Infinity",
            "0x10",
            ".5",
            "5.",
            "1\x00",
            "9" * 500,
        ],
    )
    def test_text_that_is_no_plain_number_is_refused(self, given: str) -> None:
        with pytest.raises(ValueError, match="amount"):
            parse_amount(given)

    @pytest.mark.parametrize(
        "given",
        [None, True, [], {}, float("nan"), float("inf"), Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity")],
    )
    def test_what_is_no_number_is_refused(self, given: Any) -> None:
        with pytest.raises(ValueError, match="number"):
            parse_amount(given)

    @pytest.mark.parametrize("given", [0, "0.00", -1, "-5", Decimal("-0.01"), -0.0])
    def test_nothing_and_less_is_refused(self, given: str | int | float | Decimal) -> None:
        with pytest.raises(ValueError, match="above zero"):
            parse_amount(given)

    @pytest.mark.parametrize("given", ["1000000000000.01", 10**12 + 1, 1e300, 10**400, Decimal("1e999999")])
    def test_more_than_a_trillion_is_refused(self, given: str | int | float | Decimal) -> None:
        with pytest.raises(ValueError, match="not be above"):
            parse_amount(given)

    @pytest.mark.parametrize("given", ["1.001", 1.005, Decimal("0.001"), Decimal("1e-400"), "0.00000001"])
    def test_more_than_two_decimals_are_refused(self, given: str | float | Decimal) -> None:
        with pytest.raises(ValueError, match="two decimals"):
            parse_amount(given)


class TestFormatMoney:
    @pytest.mark.parametrize(
        ("amount", "currency", "text"),
        [
            ("2500000.00", "NGN", "₦2,500,000"),
            ("2500000.50", "NGN", "₦2,500,000.50"),
            ("999", "USD", "$999"),
            ("1200", "GBP", "£1,200"),
            ("1200.05", "EUR", "€1,200.05"),
            ("1200", "GHS", "GHS 1,200"),
            ("-50", "NGN", "-₦50"),
        ],
    )
    def test_people_read_a_symbol_and_groups(self, amount: str, currency: str, text: str) -> None:
        assert format_money(Decimal(amount), currency) == text


class TestWire:
    @pytest.mark.parametrize(("amount", "text"), [("2500000", "2500000.00"), ("1E+6", "1000000.00"), ("0.5", "0.50")])
    def test_the_wire_has_two_places_and_no_exponent(self, amount: str, text: str) -> None:
        assert wire(Decimal(amount)) == text


class TestToMinor:
    def test_naira_become_kobo(self) -> None:
        assert to_minor(Decimal("2500000.50")) == 250000050

    def test_a_lost_fraction_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="fraction"):
            to_minor(Decimal("0.001"))
