"""What accounts leave behind, swept away."""

from datetime import timedelta

from sheda.accounts import codes, factors, sessions
from sheda.core import clock, idempotency
from sheda.core.db import in_transaction
from sheda.core.jobs import job


@job("accounts.tidy", every=timedelta(hours=1))
def tidy() -> dict[str, int]:
    """Erase old idempotency keys, sign-ins past their life or left half-way, and ended codes."""
    return {
        "keys": in_transaction(lambda: idempotency.forget_old(clock.now())),
        "families": in_transaction(sessions.forget_expired),
        "challenges": in_transaction(factors.forget_expired),
        "codes": in_transaction(codes.forget_old),
    }
