"""Everything that is kept about somebody, for himself: a section of rows for each model that names him."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import inspect, or_, select

from sheda.core.db import db
from sheda.core.fields import wire_moment
from sheda.profiles.events import ExportAsked


def section(name: str, model: type[Any], *owners: str, without: Sequence[str] = ()) -> Callable[[ExportAsked], None]:
    """Return a reaction that adds a model's rows to an export: those that name the person in one of the columns.

    `without` names columns that hold what is another person's.
    """
    columns = [one.key for one in inspect(model).column_attrs if one.key not in without]

    def add(event: ExportAsked) -> None:
        own = or_(*(getattr(model, owner) == event.actor.id for owner in owners))
        rows = db.session.scalars(select(model).where(own).order_by(model.id))
        event.sections[name] = [{column: plain(getattr(row, column)) for column in columns} for row in rows]

    return add


def plain(value: Any) -> Any:
    """Return a stored value as JSON has it."""
    if isinstance(value, datetime):
        return wire_moment(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    return value
