"""What chat does by itself: it tells of messages that wait, and erases files that were never sent."""

from datetime import timedelta
from functools import partial

from sheda.chat import attachments, digests
from sheda.core.db import in_transaction
from sheda.core.jobs import Tally, is_alone, job, turn_is_over


@job("chat.digests", every=timedelta(minutes=1))
def tell() -> Tally:
    """Tell the readers of messages that have waited, one piece of news for each conversation."""
    tally, after = {"told": 0}, 0
    while True:
        after, told = in_transaction(partial(_next, after))
        tally["told"] += told
        if not after:
            return tally
        if turn_is_over():
            return tally | {"more": 1}


def _next(after: int) -> tuple[int, int]:
    # Two workers at once would tell of one conversation in two halves.
    return digests.tell_next(after) if is_alone("chat.digests") else (0, 0)


@job("chat.tidy", every=timedelta(hours=1))
def tidy() -> Tally:
    """Erase files that were uploaded and not sent within a day."""
    return {"erased": in_transaction(attachments.forget_unsent)}
