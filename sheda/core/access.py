"""Which rows are there for you: one SQL predicate per model, asked by API, admin UI, related fields and actions."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeVar

from flask_appbuilder.models.filters import Filters
from flask_appbuilder.models.sqla.interface import SQLAInterface
from sqlalchemy import ColumnElement, Select, literal_column, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Query

from sheda.core.actor import Actor, Role, current_actor
from sheda.core.db import db
from sheda.core.errors import NotFound

Row = TypeVar("Row", bound=Any)
RowRule = Callable[[Actor], ColumnElement[bool]]

COUNT_CAP = 1000
"""Counts are exact up to this many rows (api.md, Envelope)."""

LARGEST_ID = 2**31 - 1

_rules: dict[type[Any], RowRule] = {}


def row_rule(model: type[Any]) -> Callable[[RowRule], RowRule]:
    """Register the decorated predicate as the model's row rule; a model has exactly one."""

    def register(rule: RowRule) -> RowRule:
        _rules[model] = rule
        return rule

    return register


def has_row_rule(model: type[Any]) -> bool:
    """Tell whether a model has a row rule; without one it is shown to nobody."""
    return model in _rules


def visible_to(actor: Actor, model: type[Any]) -> ColumnElement[bool]:
    """Return the predicate of the rows that are there for an actor; KeyError for a model without a rule: deny first."""
    return _rules[model](actor)


@cache
def visible_sql(role: Role, model: type[Any]) -> str:
    """Return a role's row rule as SQL on the model's own table, `:viewer` being whose id it asks for."""
    viewer: Any = literal_column(":viewer")
    clause = visible_to(Actor(viewer, role), model)
    return f"({clause.compile(dialect=postgresql.dialect(), compile_kwargs={'literal_binds': True})})"  # type: ignore[no-untyped-call]


def select_visible(actor: Actor, model: type[Row]) -> Select[Row]:
    """Select the rows of a model that are there for an actor."""
    return select(model).where(visible_to(actor, model))


def find_visible(actor: Actor, model: type[Row], row_id: Any) -> Row | None:
    """Return one row when it is there for the actor."""
    if not isinstance(row_id, int) or not 0 < row_id <= LARGEST_ID:
        return None
    return db.session.scalars(select_visible(actor, model).where(model.id == row_id)).unique().one_or_none()


def get_visible(actor: Actor, model: type[Row], row_id: Any) -> Row:
    """Return one row that is there for the actor; NotFound for a foreign row exactly as for one that does not exist."""
    row = find_visible(actor, model, row_id)
    if row is None:
        raise NotFound
    return row


class RowScopedInterface(SQLAInterface):
    """Flask-AppBuilder's way to the data, seeing only the rows that are there for whoever acts now."""

    def apply_filters(self, query: "Query[Any]", filters: Filters | None) -> "Query[Any]":
        """Add the row rule to every list, count, single read, action and related select."""
        scoped: Query[Any] = super().apply_filters(query, filters)
        return scoped.filter(visible_to(current_actor(), self.obj))

    def query_count(
        self, query: "Query[Any]", filters: Filters | None = None, select_columns: Iterable[str] | None = None
    ) -> int:
        """Count up to one above the cap; an exact count of a million rows costs more than the page itself."""
        inner: Query[Any] = self._apply_inner_all(query, filters, select_columns=select_columns, aliases_mapping={})
        found: int = inner.with_entities(self.get_pk()).limit(COUNT_CAP + 1).count()
        return found

    def get_related_interface(self, col_name: str) -> "RowScopedInterface":
        """Scope what related fields offer by the related model's own rule."""
        return type(self)(self.get_related_model(col_name), self.session)
