"""What the log and the tickets need not keep."""

from datetime import timedelta

from sheda.core.db import in_transaction
from sheda.core.jobs import Tally, job
from sheda.live import log, services

BATCH = 5_000
MOST_BATCHES = 40


@job("live.forget", every=timedelta(minutes=30))
def forget() -> Tally:
    """Erase what happened too long ago to be told, and tickets that nobody used."""
    erased = 0
    for _ in range(MOST_BATCHES):
        found = in_transaction(lambda: log.prune(BATCH))
        erased += found
        if found < BATCH:
            break
    return {"events": erased, "tickets": in_transaction(services.forget_tickets)}
