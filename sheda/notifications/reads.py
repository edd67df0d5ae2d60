"""The list of one's notices: one statement that writes its rows as JSON."""

from typing import Any

from sqlalchemy import literal_column, select

from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.core.paging import capped_count, json_page, read_cursor, write_cursor
from sheda.notifications.access import own_notices
from sheda.notifications.models import Notification
from sheda.notifications.wire import NOTICE


def notices(
    actor: Actor, *, limit: int, cursor: str | None = None, count: bool = False, unread: bool = False, **_rest: Any
) -> str:
    """Return a page of the actor's notices, newest first, as JSON text."""
    model = Notification
    within = select(model.id).where(own_notices(actor))
    if unread:
        within = within.where(model.read_at.is_(None))
    total, exact = capped_count(within) if count else (None, True)
    if cursor is not None:
        within = within.where(model.id < read_cursor(cursor, [int])[0])
    page = within.add_columns(literal_column(NOTICE).label("body")).order_by(model.id.desc()).limit(limit + 1)
    rows = db.session.execute(page).all()
    shown = rows[:limit]
    next_cursor = write_cursor([shown[-1].id]) if len(rows) > limit else None
    return json_page([row.body for row in shown], next_cursor=next_cursor, count=total, count_is_exact=exact)
