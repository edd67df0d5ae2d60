"""What moving in costs: one rule for the editor, the listing's page, and the script that follows one's typing."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

_CENT = Decimal("0.01")


def move_in_cost(price: Decimal, fees: Iterable[Decimal], periods: int = 1) -> Decimal:
    """Return the price of so many periods, or the sale price, and every fee once."""
    return price * periods + sum(fees, Decimal(0))


def share_of(price: Decimal, percent: Decimal) -> Decimal:
    """Return so many hundredths of a price, to the nearest hundredth of the currency, halves up."""
    return (price * percent / 100).quantize(_CENT, ROUND_HALF_UP)
