"""The daily job: contracts end, and renewals take over, on their day; an hourly run catches up what was missed."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from celery.schedules import crontab

from sheda.contracts import daily
from sheda.contracts.daily import due_ids, end_plain
from sheda.contracts.ending import settle
from sheda.core.jobs import Tally, job, sweep_ids


def _daily(settings: Mapping[str, Any]) -> crontab:
    return crontab(minute=0, hour=settings["DAILY_JOB_HOUR"])


@job("contracts.expire", every=_daily, recorded=True)
def expire_due() -> Tally:
    """Bring every tenancy whose day has come to its end, or under its renewal; twice or late, the same result."""
    renewed = sweep_ids(partial(due_ids, renewed=True), settle, counted_as="renewed")
    ended = sweep_ids(_due, settle, together=end_plain, counted_as="expired")
    return {name: renewed.get(name, 0) + ended.get(name, 0) for name in sorted({*renewed, *ended})}


def _due(after: int) -> list[int]:
    """Name a batch of those that end; a full first one calls another worker, which takes what this one has not."""
    ids = due_ids(after, renewed=False)
    if after == 0 and len(ids) == daily.BATCH:
        expire_due.ring()
    return ids


@job("contracts.catch_up", every=timedelta(hours=1))
def catch_up() -> Tally:
    """Do what the daily job would have done, when it did not run or left rows to others."""
    return expire_due.sweep()
