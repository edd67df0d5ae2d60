"""Fill an empty Sheda with demo data, once."""

import logging
from dataclasses import dataclass
from random import Random

from sqlalchemy import select, text

from sheda.core import clock
from sheda.core.db import db, in_transaction
from sheda.demo.audience import fill_audience
from sheda.demo.deals import tell_stories
from sheda.demo.people import find_demo_user, make_accounts, make_crowd
from sheda.demo.stock import Stock
from sheda.properties.models import Property

log = logging.getLogger(__name__)

BATCH = 20_000


@dataclass(frozen=True)
class Size:
    """How much there is of what."""

    listings: int
    agents: int
    clients: int


SIZES = {
    "s": Size(200, 12, 40),
    "m": Size(5_000, 60, 300),
    "l": Size(100_000, 400, 2_000),
    "xl": Size(1_000_000, 2_000, 5_000),
}


def load_demo(*, size: str, seed: int = 42, password: str = "") -> dict[str, int]:
    """Load demo data of a size (none, s, m, l, xl); everybody in it has the same password.

    Changes nothing where the demo is already. `none` makes only the four accounts, and those only with a password.
    Returns how much was made of what; ValueError when data are asked for without a password.
    """
    if size != "none" and not password:
        raise ValueError("Set SHEDA_DEMO_PASSWORD: the demo's people need a password.")
    made = {"accounts": 0, "listings": 0, "deals": 0}
    if password and in_transaction(lambda: make_accounts(password)):
        made["accounts"] = 4
    if size == "none" or _has_stock():
        return made
    amount = SIZES[size]
    stock, made["listings"], made["deals"] = in_transaction(lambda: _first_batch(amount, seed, password))
    while made["listings"] < amount.listings:
        made["listings"] += in_transaction(lambda: _next_batch(stock))
        log.info("demo: %s of %s listings", made["listings"], amount.listings)
    in_transaction(lambda: fill_audience(seed, clock.today()))
    in_transaction(lambda: db.session.execute(text("ANALYZE")))
    return made


def _first_batch(amount: Size, seed: int, password: str) -> tuple[Stock, int, int]:
    _allow_time()
    people = make_crowd(Random(seed), amount.agents, amount.clients, password)
    stock = Stock(amount.listings, seed, people.agents, clock.now())
    ids = stock.copy_batch(BATCH)
    return stock, len(ids), tell_stories(Random(seed), people, ids)


def _next_batch(stock: Stock) -> int:
    _allow_time()
    return len(stock.copy_batch(BATCH))


def _allow_time() -> None:
    db.session.execute(text("SET LOCAL statement_timeout = 0"))


def _has_stock() -> bool:
    agent = find_demo_user("agent")
    return (
        agent is not None
        and db.session.scalar(select(Property.id).where(Property.agent_id == agent.id).limit(1)) is not None
    )
