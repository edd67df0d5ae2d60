"""What workers do for listings: render pictures, and clear away old views and uploads that nobody finished."""

import time
from datetime import timedelta

from sheda.core import clock, files
from sheda.core.db import after_commit, in_transaction
from sheda.core.jobs import Tally, job
from sheda.properties import audience, images, suggestions
from sheda.properties.events import ImagesAccepted

BUDGET = 40.0
"""Seconds of one run: below the time limit of a task, with room for the largest picture."""

VIEWS_KEPT = timedelta(days=400)
"""Long enough to hold a month against the same of the year before."""

STAGED_FOR = timedelta(days=7)
"""An upload that no worker has finished by then belongs to a request that failed."""


@job("properties.render_images", every=timedelta(seconds=15))
def render_images() -> Tally:
    """Render waiting pictures, a transaction each, and ring again when there are more than one run can do."""
    tally = {"rendered": 0, "failed": 0}
    until, after = time.monotonic() + BUDGET, 0
    while (done := in_transaction(lambda after=after: images.render_next(after))) is not None:  # type: ignore[misc]
        after, rendered = done
        tally["rendered" if rendered else "failed"] += 1
        if time.monotonic() > until:
            render_images.ring()
            break
    return tally


@job("properties.clear_staging", every=timedelta(hours=6))
def clear_staging() -> Tally:
    """Erase uploads that were staged long ago and never finished."""
    return {"erased": files.clear_staging(clock.now() - STAGED_FOR)}


@job("properties.refresh_suggestions", every=timedelta(minutes=10))
def refresh_suggestions() -> Tally:
    """Count anew what is offered where, for those who type."""
    return {"suggestions": in_transaction(suggestions.refresh)}


@job("properties.forget_views", every=timedelta(days=1))
def forget_views() -> Tally:
    """Forget how often listings were looked at more than a year ago."""
    return {"forgotten": in_transaction(lambda: audience.forget_views(clock.today() - VIEWS_KEPT))}


def render_soon(_event: ImagesAccepted) -> None:
    """Wake a worker once the pictures are committed."""
    after_commit(render_images.ring)
