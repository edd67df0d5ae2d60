"""Pages by keyset: a cursor names the last row seen, so that page 5 000 costs what page 1 costs."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from marshmallow import fields
from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, false, func, or_, select

from sheda.core.access import COUNT_CAP
from sheda.core.db import db
from sheda.core.errors import BadRequest
from sheda.core.fields import Flag, RequestSchema, Text, Whole

DEFAULT_LIMIT, MOST = 20, 100


class PageQuery(RequestSchema):
    """The query of every list."""

    limit = Whole(1, MOST, load_default=DEFAULT_LIMIT)
    cursor = Text(most=1000, load_default=None)
    count = Flag(load_default=False)
    q = fields.String(
        metadata={"description": "Flask-AppBuilder's generated Rison query: filters, order, page, columns."}
    )


@dataclass(frozen=True)
class Page:
    """One page of a list; `count` is None unless asked, and exact up to the cap."""

    rows: Sequence[Any]
    next_cursor: str | None = None
    count: int | None = None
    count_is_exact: bool = True


@dataclass(frozen=True)
class Key:
    """One column of a sort order, and how its value is read back from a cursor."""

    column: SQLColumnExpression[Any]
    name: str
    descending: bool = True
    parse: Callable[[Any], Any] = int


def write_cursor(values: Sequence[Any]) -> str:
    """Pack the sort values of the last row into an opaque cursor."""
    plain = [
        value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, Decimal) else value
        for value in values
    ]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(cursor: str, parsers: Sequence[Callable[[Any], Any]]) -> list[Any]:
    """Unpack a cursor; BadRequest when it is not one of this order's."""
    try:
        plain = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        values = [parse(value) for parse, value in zip(parsers, plain, strict=True)]
    except (ValueError, TypeError, OverflowError, ArithmeticError, binascii.Error, RecursionError) as fault:
        raise BadRequest("The cursor is not one of this list's. Start again without it.", code="bad_cursor") from fault
    if any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in values):
        raise BadRequest("The cursor is not one of this list's. Start again without it.", code="bad_cursor")
    return values


def moment(value: Any) -> datetime:
    """Read a moment back from a cursor; ValueError when it is none or has no offset."""
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError("naive")
    return found


def after(keys: Sequence[Key], cursor: str | None) -> ColumnElement[bool] | None:
    """Return the predicate of the rows behind a cursor."""
    if cursor is None:
        return None
    values = read_cursor(cursor, [key.parse for key in keys])
    if len({key.descending for key in keys}) == 1:
        left, right = func.row(*[key.column for key in keys]), func.row(*values)
        return left < right if keys[0].descending else left > right
    steps: list[ColumnElement[bool]] = [false()]
    for index, key in enumerate(keys):
        ties = [earlier.column == value for earlier, value in zip(keys[:index], values, strict=False)]
        beyond = key.column < values[index] if key.descending else key.column > values[index]
        steps.append(and_(*ties, beyond))
    return or_(*steps)


def ordered(keys: Sequence[Key]) -> list[Any]:
    """Return the ORDER BY of the keys."""
    return [key.column.desc() if key.descending else key.column.asc() for key in keys]


def page_of(
    statement: Select[Any],
    keys: Sequence[Key],
    *,
    limit: int,
    cursor: str | None = None,
    count: bool = False,
    **_rest: Any,
) -> Page:
    """Read one page of a select of one entity, and count what matches only when asked."""
    behind = after(keys, cursor)
    paged = statement if behind is None else statement.where(behind)
    rows = list(db.session.scalars(paged.order_by(*ordered(keys)).limit(limit + 1)).unique())
    more, rows = len(rows) > limit, rows[:limit]
    next_cursor = write_cursor([getattr(rows[-1], key.name) for key in keys]) if more else None
    total, exact = capped_count(statement) if count else (None, True)
    return Page(rows, next_cursor, total, exact)


def capped_count(statement: Select[Any]) -> tuple[int, bool]:
    """Count the rows of a select, exactly up to the cap."""
    inner = statement.order_by(None).limit(COUNT_CAP + 1).subquery()
    found: int = db.session.scalar(select(func.count()).select_from(inner)) or 0
    return min(found, COUNT_CAP), found <= COUNT_CAP


def json_page(
    bodies: Sequence[str], *, next_cursor: str | None = None, count: int | None = None, count_is_exact: bool = True
) -> str:
    """Write a page as JSON text from rows that the database wrote as JSON already."""
    rest = json.dumps({"count": count, "count_is_exact": count_is_exact, "next_cursor": next_cursor})
    return f'{{"result": [{", ".join(bodies)}], {rest[1:]}'
