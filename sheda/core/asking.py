"""What a generated list is asked for: view, words, filters, order, columns, place; and the rows that answer it.

Every parameter comes from an address bar: one that cannot be read is ignored, never an error. Places are keyset
cursors, so that the last page of a million rows costs what the first one does.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, and_, func, or_

from sheda.core.access import RowScopedInterface
from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.core.errors import BadRequest
from sheda.core.fields import UNSTORABLE
from sheda.core.forms import LONGEST_FILTER, AtLeast, Contains, Is, RoomFilters, read_value
from sheda.core.paging import moment, read_cursor, write_cursor

LARGEST_PAGE_SIZE = 100
LONGEST_CURSOR = 1000


class RoomInterface(RowScopedInterface):
    """The way of generated pages to the data: own rows only, filters that read their values safely."""

    filter_converter_class = RoomFilters


@dataclass(frozen=True)
class Choice:
    """A filter as the page shows it."""

    name: str
    label: str
    kind: str
    value: str
    options: list[tuple[str, str]]

    @property
    def words(self) -> str:
        """Say what the filter is set to."""
        return f"{self.label}: {dict(self.options).get(self.value, self.value)}"


class Asked:
    """What an address asks of a list; `view` is the RoomView, `args` the query of the address."""

    def __init__(self, view: Any, actor: Actor, args: Mapping[str, str]) -> None:
        self.view, self.actor, self._args = view, actor, args
        self.name = type(view).__name__
        self.size = min(max(1, self._number(f"psize_{self.name}", view.page_size)), LARGEST_PAGE_SIZE)
        self.tab = self._text("tab") if self._text("tab") in view.tabs else next(iter(view.tabs), "")
        self.words = self._text("q").strip() if view.find_columns else ""
        chosen = [name for name in self._several("cols") if name in view.choosable]
        self._usual = [*view.list_columns, *(view.office_columns if actor.is_office else ())]
        self.columns: list[str] = [view.list_columns[0], *dict.fromkeys(chosen)] if chosen else self._usual
        self.order, self.descending = self._ordering()
        self._filters = view.datamodel.get_filters(view.search_columns)
        self.set: dict[str, str] = {}
        self.filters = [choice for column in view.search_columns for choice in self._choices(column)]

    def _text(self, name: str) -> str:
        text = self._args.get(name, "")
        return "" if len(text) > LONGEST_FILTER or UNSTORABLE.search(text) else text

    def _several(self, name: str) -> list[str]:
        """Read a parameter that stands once with commas, as in links, or many times, as forms send it."""
        texts = self._args.getlist(name) if hasattr(self._args, "getlist") else [self._args.get(name, "")]
        return [one for text in texts[:50] if len(text) <= LONGEST_FILTER for one in text.split(",")]

    def _number(self, name: str, default: int) -> int:
        text = self._text(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default  # noqa: PLR2004 - int4

    def _ordering(self) -> tuple[str, bool]:
        asked = self._text(f"_oc_{self.name}")
        if asked in self.view.order_columns:
            return asked, self._text(f"_od_{self.name}") == "desc"
        column, direction = self.view.base_order or (self.view.datamodel.get_pk_name(), "desc")
        return column, direction == "desc"

    def _choices(self, column: str) -> list[Choice]:
        """Read one column's filters and describe them; unreadable values are left out."""
        options = list(self.view.choices.get(column, ()))
        kinds = self._filters.get_search_filters().get(column, [])
        choices = []
        for place, kind in enumerate(kinds):
            if not options and isinstance(kind, Is) and len(kinds) > 1:
                continue
            if options and not isinstance(kind, Is):
                continue
            if self.view.datamodel.is_boolean(column):
                options = [("y", "Yes"), ("n", "No")]
            name, label = f"_flt_{place}_{column}", self.view.label_columns.get(column, column)
            if not isinstance(kind, Is | Contains):
                label = f"{label} {'from' if isinstance(kind, AtLeast) else 'to'}"
            value = self._text(name)
            if value:
                try:
                    self._filters.add_filter_index(column, place, read_value(self.view.datamodel, column, value))
                    self.set[name] = value
                except (ValueError, KeyError):
                    value = ""
            choices.append(Choice(name, label, self._input_kind(column), value, options))
        return choices

    def _input_kind(self, column: str) -> str:
        model = self.view.datamodel
        if model.is_date(column) or model.is_datetime(column):
            return "date"
        return "number" if model.is_integer(column) or model.is_numeric(column) else "text"

    def kept(self) -> dict[str, str]:
        """Return what was asked for, but for the place: the parameters of this list's other pages and of its export."""
        found = {"q": self.words, "tab": self.tab, **self.set}
        if self._text(f"_oc_{self.name}") == self.order:
            found |= {f"_oc_{self.name}": self.order, f"_od_{self.name}": "desc" if self.descending else "asc"}
        if f"psize_{self.name}" in self._args:
            found[f"psize_{self.name}"] = str(self.size)
        if self.columns != self._usual:
            found["cols"] = ",".join(self.columns)
        return {name: value for name, value in found.items() if value}

    def query_text(self) -> str:
        """Return what was asked for as the query of an address."""
        return urlencode(self.kept())

    # ── Rows ──────────────────────────────────────────────────────────────────────────────────────────

    def page(self) -> tuple[list[Any], str, str]:
        """Return the rows at the place asked for, and cursors to those before and after them ("": there are none)."""
        back, place = "", self._place("after")
        if place is None:
            place = self._place("before")
            back = "before" if place is not None else ""
        rows = self.rows(self.size + 1, place, backwards=bool(back))
        is_more, rows = len(rows) > self.size, rows[-self.size :] if back else rows[: self.size]
        if back and not is_more:
            # What came before is less than a page: show the first one whole.
            place, back = None, ""
            rows = self.rows(self.size + 1, None)
            is_more, rows = len(rows) > self.size, rows[: self.size]
        newer = self._cursor(rows[0]) if rows and (is_more if back else place is not None) else ""
        older = self._cursor(rows[-1]) if rows and (back or is_more) else ""
        return rows, newer, older

    def batches(self, size: int) -> Iterator[list[Any]]:
        """Yield all rows that answer, in their order, so many at a time."""
        place: list[Any] | None = None
        while rows := self.rows(size, place, for_file=True):
            yield rows
            if len(rows) < size:
                return
            place = [getattr(rows[-1], self.order), rows[-1].id]

    def rows(
        self, limit: int, place: list[Any] | None, *, backwards: bool = False, for_file: bool = False
    ) -> list[Any]:
        """Return rows in their order: the first ones, those after a place, or the last ones before it."""
        view = self.view
        options = view.list_options if for_file else (*view.list_options, *view.page_options)
        query = db.session.query(view.datamodel.obj).options(*options)
        query = view.datamodel.apply_filters(query, self._filters)
        for clause in (
            view.narrow(self.actor),
            self._tab_clause(),
            self._find_clause(),
            self._beyond(place, backwards),
        ):
            if clause is not None:
                query = query.filter(clause)
        column, key = self._keys()
        falling = self.descending != backwards
        first, second = (column.desc(), key.desc()) if falling else (column.asc(), key.asc())
        if view.datamodel.is_nullable(self.order):
            first = first.nulls_first() if backwards else first.nulls_last()
        rows = list(query.order_by(first, second).limit(limit))
        return rows[::-1] if backwards else rows

    def _keys(self) -> tuple[Any, Any]:
        return getattr(self.view.datamodel.obj, self.order), self.view.datamodel.get_pk()

    def _tab_clause(self) -> Any:
        return self.view.tabs[self.tab][1](self.actor) if self.tab else None

    def _find_clause(self) -> Any:
        return self.view.finds(self.actor, self.words) if self.words else None

    def _beyond(self, place: list[Any] | None, backwards: bool) -> ColumnElement[bool] | None:
        """Return the condition of what lies behind a place, or before it; empty values stand last."""
        if place is None:
            return None
        (column, key), (value, last) = self._keys(), place
        falling = self.descending != backwards
        later = key < last if falling else key > last
        if value is None:
            here = and_(column.is_(None), later)
            return or_(column.is_not(None), here) if backwards else here
        left, right = func.row(column, key), func.row(value, last)
        here = left < right if falling else left > right
        is_open = self.view.datamodel.is_nullable(self.order) and not backwards
        return or_(here, column.is_(None)) if is_open else here

    def _cursor(self, row: Any) -> str:
        value = getattr(row, self.order)
        return write_cursor([f"{value:%H:%M:%S}" if isinstance(value, time) else value, row.id])

    def _place(self, name: str) -> list[Any] | None:
        text = self._args.get(name, "")
        if not text or len(text) > LONGEST_CURSOR:
            return None
        try:
            return read_cursor(text, [self._reader(), int])
        except BadRequest:
            return None

    def _reader(self) -> Callable[[Any], Any]:
        """Return how a value of the order's column is read back from a cursor."""
        model = self.view.datamodel
        for test, read in (
            ("is_datetime", _read_moment),
            ("is_date", date.fromisoformat),
            ("is_integer", int),
            ("is_numeric", _read_number),
            ("is_string", _read_text),
        ):
            if getattr(model, test)(self.order):
                return lambda value: None if value is None else read(value)
        return _read_text


def _read_moment(value: Any) -> Any:
    # Flask-AppBuilder's own columns hold moments without a zone.
    try:
        return moment(value)
    except ValueError:
        return moment(f"{value}+00:00").replace(tzinfo=None)


def _read_number(value: Any) -> Decimal:
    found = Decimal(value)
    if not found.is_finite():
        raise ValueError(value)
    return found


def _read_text(value: Any) -> str:
    if not isinstance(value, str) or UNSTORABLE.search(value):
        raise ValueError(value)
    return value
