"""Clauses: queries that write rows, each a statement of its own or, with others, one statement.

Within `together()` clauses are kept back, and sent as one: what happens, its history and what is told of it are one
word with the database, committed by itself where no transaction is open. All of it is written, or nothing.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sheda.core.db import STATEMENTS_KEPT, VALUE, held_back, when_committed, write, write_whole

_TABLE = re.compile(r"<(\w+)>")
_COUNT = "(SELECT count(*) FROM w{})"


@dataclass(frozen=True, slots=True)
class Clause:
    """A query that writes rows, without RETURNING; `:name` is a value.

    `<table>` stands for a table of which a clause before it may make the rows; `makes` says of which one this does. By
    no other way does a clause see the rows of those that it is sent with (PostgreSQL, 7.8.4).
    """

    sql: str
    makes: str = ""


@dataclass(slots=True)
class _Sheaf:
    """What is kept back: clauses, and what is to be done when one has written anything."""

    clauses: list[Clause] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    bells: list[Callable[[], None] | None] = field(default_factory=list)

    def add(self, clause: Clause, values: dict[str, Any], then: Callable[[], None] | None) -> None:
        number = len(self.clauses)
        self.clauses.append(clause)
        self.values.update({f"w{number}_{name}": value for name, value in values.items()})
        self.bells.append(then)

    def send(self) -> None:
        statement = _joined(tuple(self.clauses), tuple(bell is not None for bell in self.bells))
        [counts] = write_whole(statement, **self.values)
        for bell, written in zip(filter(None, self.bells), counts, strict=False):
            if written:
                when_committed(bell)


_sheaf: ContextVar[_Sheaf | None] = ContextVar("sheaf", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Send what is `put` within as one statement at the end of the block; nothing of it when the block fails.

    What is read within sees nothing of it. Whatever else is written within belongs to the same transaction.
    """
    if _sheaf.get() is not None:
        yield
        return
    sheaf = _Sheaf()
    token = _sheaf.set(sheaf)
    try:
        with held_back() as callbacks:
            yield
    finally:
        _sheaf.reset(token)
    if sheaf.clauses:
        sheaf.send()
    for callback in callbacks:
        when_committed(callback)


def put(clause: Clause, *, then: Callable[[], None] | None = None, **values: Any) -> int:
    """Write what a clause says, and do `then` after the commit when that is anything; how many rows.

    Within `together` it is written at the end of the block, and 0 is what is known of it.
    """
    sheaf = _sheaf.get()
    if sheaf is not None:
        sheaf.add(clause, values, then)
        return 0
    [(written,)] = write(_joined((clause,), (True,)), **{f"w0_{name}": value for name, value in values.items()})
    if written and then is not None:
        when_committed(then)
    return int(written)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _joined(clauses: tuple[Clause, ...], asked: tuple[bool, ...]) -> str:
    """Return the clauses as one statement, whose row counts what those have written that are asked about."""
    made: dict[str, str] = {}
    parts = []
    for number, clause in enumerate(clauses):
        sql = VALUE.sub(rf":w{number}_\1", _TABLE.sub(lambda found: made.get(found[1], found[1]), clause.sql))
        parts.append(f"w{number} AS ({sql} RETURNING {'*' if clause.makes else '1'})")
        if clause.makes:
            made[clause.makes] = f"w{number}"
    counts = ", ".join(_COUNT.format(number) for number, is_asked in enumerate(asked) if is_asked)
    return f"WITH {', '.join(parts)} SELECT {counts or '1'}"
