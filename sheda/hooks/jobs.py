"""The rounds of webhooks: sending what is due, and forgetting what is old."""

from datetime import timedelta
from functools import partial

from sheda.core.beside import soon
from sheda.core.db import in_transaction
from sheda.core.jobs import Tally, job
from sheda.hooks import sending, services


@job("hooks.deliver", every=timedelta(seconds=10))
def deliver() -> Tally:
    """Send the deliveries that are due."""
    return sending.deliver_due()


@job("hooks.forget", every=timedelta(hours=6))
def forget() -> Tally:
    """Forget deliveries after a month."""
    return {"forgotten": in_transaction(services.forget_old)}


services.ring_with(partial(soon, deliver.ring))
