"""What is due: the lines of a payment from a listing's price, period and fees, and for how many periods."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import current_app

from sheda.core import clock
from sheda.core.errors import InvalidInput
from sheda.core.money import LARGEST, wire
from sheda.payments.models import MONTHS, MOST_PERIODS
from sheda.properties.models import Property


@dataclass(frozen=True)
class Quote:
    """What a client is asked to pay: `lines` as the wire has them, `amount` their sum in the listing's currency."""

    period: str | None
    periods: int | None
    lines: list[dict[str, Any]]
    amount: Decimal


def quote(subject: Property, periods: int | None, *, with_fees: bool = True) -> Quote:
    """Compute price × periods and every fee once; a sale has no periods. InvalidInput above the largest amount."""
    if subject.listing_type == "rent":
        number = periods or 1
        unit = subject.period if number == 1 else f"{subject.period}s"
        lines = [_line("rent", f"Rent, {number} {unit}", number, subject.price)]
    else:
        number = None
        lines = [_line("price", "Price", 1, subject.price)]
    if with_fees:
        lines += [_line(fee.kind, fee.label or _plain(fee.kind), 1, fee.amount) for fee in subject.fees]
    amount = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
    if amount > LARGEST:
        raise InvalidInput.on("periods", "The whole amount would be above 1000000000000.00. Choose fewer periods.")
    return Quote(subject.period, number, lines, amount)


def _line(kind: str, label: str, quantity: int, unit: Decimal) -> dict[str, Any]:
    return {
        "kind": kind,
        "label": label,
        "quantity": quantity,
        "unit_amount": wire(unit),
        "amount": wire(unit * quantity),
    }


def _plain(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def chosen_terms(subject: Property, *, periods: int | None, months: int | None, start_date: date | None) -> int | None:
    """Return the number of periods that was asked for, None when nothing was said; InvalidInput on all that is wrong.

    1…60 periods of the listing; `months` where they make whole periods; a start from today to START_WITHIN from now.
    """
    faults = []
    try:
        chosen = _periods(subject, periods, months)
    except InvalidInput as fault:
        chosen, faults = None, list(fault.errors)
    today = clock.today(subject.time_zone)
    latest = today + current_app.config["START_WITHIN"]
    if start_date is not None and not today <= start_date <= latest:
        faults.append({"field": "start_date", "message": f"Choose a day from {today} to {latest}."})
    if faults:
        raise InvalidInput(errors=faults)
    return chosen


def _periods(subject: Property, periods: int | None, months: int | None) -> int | None:
    field = "months" if periods is None else "periods"
    if subject.listing_type != "rent":
        if periods is None and months is None:
            return None
        raise InvalidInput.on(field, "A sale has no periods; leave this out.")
    if months is None:
        return periods
    unit = MONTHS.get(subject.period or "")
    if unit is None:
        raise InvalidInput.on("months", f"This home is let by the {subject.period}; send periods.")
    whole, rest = divmod(months, unit)
    if rest or not 1 <= whole <= MOST_PERIODS:
        raise InvalidInput.on(
            "months", f"Send whole {subject.period}s: a multiple of {unit}, up to {unit * MOST_PERIODS}."
        )
    if periods not in {None, whole}:
        raise InvalidInput.on("months", "periods and months say different terms; send one of them.")
    return whole
