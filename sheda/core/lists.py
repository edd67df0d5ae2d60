"""A page of a generated list: what was asked for, the rows that are there for this actor, and links that ask otherwise.

Every parameter comes from an address bar: one that cannot be read is ignored, never an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import or_

from sheda.core.access import RowScopedInterface
from sheda.core.actor import Actor
from sheda.core.db import db
from sheda.core.fields import UNSTORABLE
from sheda.core.forms import LONGEST_FILTER, AtLeast, Contains, Is, RoomFilters, read_value
from sheda.core.widgets import Button, Link

LARGEST_PAGE_SIZE = 100
LAST_PAGE = 400
"""Deeper than this nobody reads; filters lead further."""


class RoomInterface(RowScopedInterface):
    """The way of generated pages to the data: own rows only, filters that read their values safely."""

    filter_converter_class = RoomFilters


@dataclass(frozen=True)
class Tab:
    """A saved view."""

    label: str
    href: str
    current: bool


@dataclass(frozen=True)
class Choice:
    """A filter as the page shows it."""

    name: str
    label: str
    kind: str
    value: str
    options: list[tuple[str, str]]


@dataclass(frozen=True)
class Column:
    """The head of a column."""

    label: str
    look: str
    href: str
    sorted: str


@dataclass(frozen=True)
class Cell:
    """One value of a row."""

    label: str
    look: str
    value: Any


@dataclass(frozen=True)
class Line:
    """A row as the page shows it."""

    cells: list[Cell]
    href: str
    buttons: list[Button]
    thumb: str | None = None
    under: Any = ""


@dataclass(frozen=True)
class Empty:
    """What a page says when there is nothing yet."""

    title: str = "Nothing here yet"
    words: str = "What happens will appear here."
    href: str = ""
    action: str = ""


@dataclass
class ListPage:
    """One page of a list; `view` is the RoomView, `args` the query of the address, `path` its path."""

    view: Any
    actor: Actor
    args: Mapping[str, str]
    path: str
    links: list[Link] = field(default_factory=list)
    note: str = ""

    def __post_init__(self) -> None:
        self._name = type(self.view).__name__
        self.size = min(max(1, self._number(f"psize_{self._name}", self.view.page_size)), LARGEST_PAGE_SIZE)
        self._page = min(max(0, self._number(f"page_{self._name}", 0)), LAST_PAGE)
        self.tab = self._text("tab") if self._text("tab") in self.view.tabs else next(iter(self.view.tabs), "")
        self.asked = self._text("q").strip() if self.view.find_columns else ""
        self.find: str = self.view.find_label if self.view.find_columns else ""
        self._order, self._descending = self._ordering()
        self._filters = self.view.datamodel.get_filters(self.view.search_columns)
        self._set: dict[str, str] = {}
        self.filters = [choice for column in self.view.search_columns for choice in self._choices(column)]
        self.narrowed = bool(self.asked or self._set)
        found = self._rows()
        # The session holds what it has loaded only as long as somebody else does.
        self._beside = self.view.prefetch(found)
        self._has_older = len(found) > self.size and self._page < LAST_PAGE
        self.rows = [self._line(row) for row in found[: self.size]]
        self.has_moves = any(row.buttons for row in self.rows)
        self.thumbs = any(row.thumb is not None for row in self.rows)
        self.empty = self._empty()

    def _empty(self) -> Empty:
        found: Empty = self.view.empty
        title = f"Nothing under “{self.view.tabs[self.tab][0]}” now" if self.tab not in {"", "all"} else found.title
        return replace(found, title=title) if self.view.may("create") else Empty(title, found.words)

    def _text(self, name: str) -> str:
        text = self.args.get(name, "")
        return "" if len(text) > LONGEST_FILTER or UNSTORABLE.search(text) else text

    def _number(self, name: str, default: int) -> int:
        text = self._text(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default  # noqa: PLR2004 - int4

    def _ordering(self) -> tuple[str, bool]:
        asked = self._text(f"_oc_{self._name}")
        if asked in self.view.order_columns:
            return asked, self._text(f"_od_{self._name}") == "desc"
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
                    self._set[name] = value
                except (ValueError, KeyError):
                    value = ""
            choices.append(Choice(name, label, self._input_kind(column), value, options))
        return choices

    def _input_kind(self, column: str) -> str:
        model = self.view.datamodel
        if model.is_date(column) or model.is_datetime(column):
            return "date"
        return "number" if model.is_integer(column) or model.is_numeric(column) else "text"

    def _rows(self) -> list[Any]:
        view = self.view
        query = db.session.query(view.datamodel.obj).options(*view.list_options)
        query = view.datamodel.apply_filters(query, self._filters)
        for clause in (view.narrow(self.actor), self._tab_clause(), self._find_clause()):
            if clause is not None:
                query = query.filter(clause)
        column, key = getattr(view.datamodel.obj, self._order), view.datamodel.get_pk()
        order = (column.desc().nulls_last(), key.desc()) if self._descending else (column.asc().nulls_last(), key.asc())
        return list(query.order_by(*order).offset(self._page * self.size).limit(self.size + 1))

    def _tab_clause(self) -> Any:
        return self.view.tabs[self.tab][1](self.actor) if self.tab else None

    def _find_clause(self) -> Any:
        if not self.asked:
            return None
        return or_(*(column.icontains(self.asked, autoescape=True) for column in self.view.find_columns))

    def _line(self, row: Any) -> Line:
        view = self.view
        cells = [
            Cell(view.label_columns.get(name, name), view.looks.get(name, ""), view.cell(row, name))
            for name in view.list_columns
        ]
        return Line(
            cells,
            view.href_of(row),
            view.buttons(self.actor, row)[: view.list_buttons],
            view.thumb(row),
            view.under(row),
        )

    def _href(self, **changes: Any) -> str:
        kept = {"q": self.asked, "tab": self.tab, **self._set}
        if f"_oc_{self._name}" in self.args:
            kept |= {f"_oc_{self._name}": self._order, f"_od_{self._name}": "desc" if self._descending else "asc"}
        if f"psize_{self._name}" in self.args:
            kept[f"psize_{self._name}"] = str(self.size)
        query = urlencode({name: value for name, value in {**kept, **changes}.items() if value not in ("", None)})
        return f"{self.path}?{query}" if query else self.path

    @property
    def plain_href(self) -> str:
        """Return the address of the list without anything asked for but its tab."""
        return f"{self.path}?{urlencode({'tab': self.tab})}" if self.tab else self.path

    @property
    def tabs(self) -> list[Tab]:
        """Return the saved views."""
        return [
            Tab(label, f"{self.path}?{urlencode({'tab': name})}", name == self.tab)
            for name, (label, _clause) in self.view.tabs.items()
        ]

    @property
    def columns(self) -> list[Column]:
        """Return the heads, each a link that orders by it where that is possible."""
        heads = []
        for name in self.view.list_columns:
            href = order = ""
            if name in self.view.order_columns:
                is_this = name == self._order
                down = is_this and not self._descending
                href = self._href(**{f"_oc_{self._name}": name, f"_od_{self._name}": "desc" if down else "asc"})
                order = ("descending" if self._descending else "ascending") if is_this else ""
            heads.append(Column(self.view.label_columns.get(name, name), self.view.looks.get(name, ""), href, order))
        return heads

    @property
    def newer(self) -> str:
        """Return the address of the page before this one."""
        return self._href(**{f"page_{self._name}": self._page - 1 or None}) if self._page else ""

    @property
    def older(self) -> str:
        """Return the address of the page after this one."""
        return self._href(**{f"page_{self._name}": self._page + 1}) if self._has_older else ""
