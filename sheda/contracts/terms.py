"""The calendar of contracts: how long they run, when they are due, and what notice ends them."""

from datetime import date, timedelta

from flask import current_app
from sqlalchemy import exists, select

from sheda.contracts.models import Contract
from sheda.core import clock
from sheda.core.clock import add_months
from sheda.core.db import db
from sheda.payments.models import HOLDING_STATES, MONTHS, Payment

HALF_YEAR = 6


def end_of(start: date, period: str | None, periods: int | None) -> date | None:
    """Return the day on which a term is over, by the calendar (31 Jan + 1 month = 28/29 Feb); None for a sale."""
    if period is None or periods is None:
        return None
    if period in MONTHS:
        return add_months(start, MONTHS[period] * periods)
    return start + timedelta(days=periods * (7 if period == "week" else 1))


def notice_day(contract: Contract, today: date) -> date:
    """Return the day on which a notice given today ends the tenancy.

    A week for a weekly tenancy, a month for a monthly one, three months up to six months, six for longer ones: Tenancy
    Law of Lagos State 2011, section 13. A night's stay has a day.
    """
    periods = contract.periods or 1
    if contract.period in {"night", "week"}:
        return today + timedelta(days=7 if contract.period == "week" else 1)
    months = MONTHS[contract.period or "year"] * periods
    if months <= HALF_YEAR:
        return add_months(today, 1 if months == 1 else 3)
    return add_months(today, 6)


def today_of(contract: Contract) -> date:
    """Return the calendar day where the property stands."""
    return clock.today(contract.subject.time_zone)


def is_due(contract: Contract) -> bool:
    """Tell whether a running tenancy has come to its agreed end."""
    return contract.end_date is not None and contract.end_date <= today_of(contract)


def has_notice_due(contract: Contract) -> bool:
    """Tell whether a notice has run out before the agreed end."""
    early, last = contract.ends_early_on, contract.end_date
    return early is not None and last is not None and early < last and early <= today_of(contract)


def has_lapsed(contract: Contract) -> bool:
    """Tell whether a tenancy is past its end by all that it may hold over."""
    last = contract.end_date
    return last is not None and today_of(contract) >= last + current_app.config["HOLDING_OVER"]


def is_holding_over(contract: Contract) -> bool:
    """Tell whether a due tenancy waits, up to HOLDING_OVER, for the decision on a renewal that was paid for."""
    if not is_due(contract) or has_lapsed(contract):
        return False
    undecided = exists().where(Payment.renews_contract_id == contract.id, Payment.status.in_(HOLDING_STATES))
    return bool(db.session.scalar(select(undecided)))
