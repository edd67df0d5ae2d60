"""Rows that are kept for a time and no longer: walked through in the order of their ids, a slice a transaction."""

from datetime import datetime

from sheda.core.db import in_transaction, write
from sheda.core.jobs import turn_is_over

SLICE = 5_000
"""Rows that one transaction looks at: it holds what it erases for some hundredths of a second."""

_FORGET = """
WITH slice AS MATERIALIZED (SELECT id, created_at FROM {table} WHERE id > :after ORDER BY id LIMIT :slice),
gone AS (DELETE FROM {table} kept USING slice WHERE kept.id = slice.id AND ({over}) RETURNING kept.id)
SELECT max(id), min(created_at), (SELECT count(*) FROM gone) FROM slice"""


def forget(table: str, over: str, before: datetime) -> int:
    """Erase the rows of a table for which `over` holds, SQL about `kept` and `:before`; how many.

    Needs no index: ids grow with `created_at`, so that the walk ends at the first slice that is younger. Ends with the
    worker's turn, too; what is left is found by the next run.
    """
    statement = _FORGET.format(table=table, over=over)
    erased = after = 0
    while not turn_is_over():
        [(last, oldest, gone)] = in_transaction(
            lambda after=after: write(statement, after=after, slice=SLICE, before=before)  # type: ignore[misc]
        )
        erased += gone
        if last is None or oldest >= before:
            break
        after = last
    return erased
