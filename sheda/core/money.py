"""Money: decimals with two places beside a currency, never a float, never two currencies in one sum."""

import re
from decimal import Decimal, InvalidOperation

LARGEST = Decimal(10) ** 12
"""The largest amount that is taken in, in units of the currency."""

SYMBOLS = {"NGN": "₦", "USD": "$", "GBP": "£", "EUR": "€"}

_CENT = Decimal("0.01")
_NUMERAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)


def parse_amount(value: str | int | float | Decimal) -> Decimal:
    """Read an amount of money as a decimal with two places.

    Above 0, at most 10^12, at most two decimals; a string is plain digits with a point. Raises ValueError with a
    sentence that can be shown to the person who typed it.
    """
    number = _number(value)
    if not number.is_finite():
        raise ValueError("Give an amount as a number, such as 2500000.00.")
    if number <= 0:
        raise ValueError("The amount must be above zero.")
    if number > LARGEST:
        raise ValueError("The amount must not be above 1000000000000.00.")
    cents = number.quantize(_CENT)
    if cents != number:
        raise ValueError("An amount has at most two decimals.")
    return cents


def _number(value: str | int | float | Decimal) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError(  # noqa: TRY004 - what JSON brings is input, and input is wrong by value
            "Give an amount as a number, such as 2500000.00."
        )
    if isinstance(value, str) and not _NUMERAL.fullmatch(value):
        raise ValueError("Give an amount as plain digits, such as 2500000.00.")
    try:
        # repr() of a float is the shortest text that reads back as it: 0.1 stays 0.1 and is not 55 digits long.
        return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation as error:
        raise ValueError("Give an amount as a number, such as 2500000.00.") from error


def wire(amount: Decimal) -> str:
    """Write an amount as the API does: "2500000.00"."""
    return f"{amount.quantize(_CENT):f}"


def format_money(amount: Decimal, currency: str) -> str:
    """Write an amount as people read it: "₦2,500,000"; the minor unit only when there is some."""
    shown = amount.quantize(_CENT)
    digits = f"{shown:,.2f}".removesuffix(".00")
    sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{digits}" if symbol else f"{sign}{currency} {digits}"


def to_minor(amount: Decimal) -> int:
    """Count an amount in the minor unit (kobo, cents); ValueError when a fraction of it would be lost."""
    minor = amount * 100
    if minor != minor.to_integral_value():
        raise ValueError("The amount has a fraction of the minor unit.")
    return int(minor)
