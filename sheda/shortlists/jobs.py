"""The minute's round of alerts: news are matched with the searches, then what is due is told."""

from collections.abc import Sequence
from datetime import timedelta

from marshmallow import ValidationError

from sheda.core.db import in_transaction
from sheda.core.jobs import Tally, job, turn_is_over
from sheda.properties import services as listings
from sheda.shortlists import mails as _mails  # noqa: F401 - what the mails carry is registered by its import
from sheda.shortlists import matching
from sheda.shortlists.models import SavedSearch
from sheda.shortlists.schemas import SavedFilters


@job("shortlists.alert", every=timedelta(minutes=1))
def alert() -> Tally:
    """Match what came to the market or became cheaper with the saved searches, and post the mails that are due."""
    tally = {"matched": 0, "told": 0}
    while in_transaction(lambda: matching.match_next(renew_terms)):
        tally["matched"] += 1
        if turn_is_over():
            return tally | {"more": 1}
    while (told := in_transaction(lambda: matching.tell_next(renew_terms))) is not None:
        tally["told"] += told
        if turn_is_over():
            return tally | {"more": 1}
    return tally


def renew_terms(searches: Sequence[SavedSearch]) -> None:
    """Make the terms of searches again from their filters; one that can no longer be asked is watched no more."""
    for search in searches:
        try:
            search.terms = listings.terms_of(SavedFilters().load(search.filters).query)
        except ValidationError:
            search.alert, search.due_at = "none", None
