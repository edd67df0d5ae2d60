"""Connections outside of transactions: as many as are used at once, kept open for the next statement."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy.engine import make_url

Rows = list[tuple[Any, ...]]

IDLE_SECONDS = 1.0
"""A connection that nobody used for so long is asked whether it lives before it is lent: a database that has restarted
costs no request, and a busy one is not asked before every statement."""

PREPARED_AFTER = 1
"""Executions before a statement is prepared: what is read or written here comes again, and to plan it costs as much."""


class Spares:
    """One app's spare connections. Threads take the one that was used last, without waiting for each other."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._options = options
        self._free: deque[tuple[psycopg.Connection[Any], float]] = deque()

    def borrow(self) -> psycopg.Connection[Any]:
        """Return a connection that lives; OperationalError when the database cannot be reached."""
        while self._free:
            try:
                connection, since = self._free.pop()
            except IndexError:
                break
            if time.monotonic() - since < IDLE_SECONDS or is_alive(connection):
                return connection
            connection.close()
        return psycopg.connect(self._url, autocommit=True, prepare_threshold=PREPARED_AFTER, **self._options)

    def give_back(self, connection: psycopg.Connection[Any]) -> None:
        """Take a connection back, or close it when something is wrong with it."""
        if connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self._free.append((connection, time.monotonic()))
        else:
            connection.close()

    def close(self) -> None:
        """Close what nobody uses just now."""
        while self._free:
            self._free.pop()[0].close()


def is_alive(connection: psycopg.Connection[Any]) -> bool:
    """Ask the database for a sign of life on a connection that is in no transaction."""
    try:
        connection.execute("")
        connection.rollback()
    except psycopg.Error:
        return False
    return True


@contextmanager
def planning(connection: psycopg.Connection[Any], *, sorts: bool) -> Iterator[None]:
    """Plan statements on a connection as always or, without `sorts`, along an index in the order asked for.

    The planner takes places for independent of each other and would rather sort, where ten times as many fit.
    """
    if sorts:
        yield
        return
    connection.execute("SET enable_sort = off")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("RESET enable_sort")
