"""A page of a generated list: the rows that answer what was asked, and links that ask otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from sheda.core import saved_views
from sheda.core.actor import Actor
from sheda.core.asking import Asked, Choice, RoomInterface
from sheda.core.widgets import Button, Link

__all__ = ["Empty", "ListPage", "RoomInterface"]


@dataclass(frozen=True)
class Tab:
    """A view of a list; one's own can be forgotten."""

    label: str
    href: str
    current: bool
    forget: str = ""


@dataclass(frozen=True)
class Chip:
    """A filter that is set, and the address without it."""

    label: str
    href: str


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

    id: int
    title: str
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
        self._asks = Asked(self.view, self.actor, self.args)
        self.tab, self.asked = self._asks.tab, self._asks.words
        if self.actor.is_office:
            self.note = self.view.office_notes.get(self.tab, self.note)
        self.filters: list[Choice] = self._asks.filters
        self.find: str = self.view.find_label if self.view.find_columns else ""
        self.narrowed = bool(self.asked or self._asks.set)
        found, newer, older = self._asks.page()
        # The session holds what it has loaded only as long as somebody else does.
        self._beside = self.view.prefetch(found)
        self.newer = self._href(before=newer) if newer else ""
        self.older = self._href(after=older) if older else ""
        self.rows = [self._line(row) for row in found]
        self.has_moves = any(row.buttons for row in self.rows)
        self.thumbs = any(row.thumb is not None for row in self.rows)
        self.empty = self._empty()
        self.bulk: Sequence[Button] = self.view.bulk_buttons(self.actor) if self.rows else ()
        self.bulk_href, self.save_href = f"{self.view.route_base}/bulk", f"{self.view.route_base}/views"
        self.query = self._asks.query_text()
        self.exports = [
            Link(label, f"{self.view.route_base}/export/{kind}?{self.query}".rstrip("?"))
            for kind, label in (("csv", "CSV"), ("xlsx", "Excel"))
        ]

    def _empty(self) -> Empty:
        found: Empty = self.view.empty
        title = f"Nothing under “{self.view.tabs[self.tab][0]}” now" if self.tab not in {"", "all"} else found.title
        return replace(found, title=title) if self.view.may("create") else Empty(title, found.words)

    def _line(self, row: Any) -> Line:
        view = self.view
        cells = [
            Cell(view.label_columns.get(name, name), view.looks.get(name, ""), view.cell(row, name))
            for name in self._asks.columns
        ]
        return Line(
            row.id,
            view.title_of(row),
            cells,
            view.href_of(row),
            view.buttons(self.actor, row)[: view.list_buttons],
            view.thumb(row),
            view.under(row),
        )

    def _href(self, **changes: Any) -> str:
        query = urlencode({name: value for name, value in {**self._asks.kept(), **changes}.items() if value})
        return f"{self.path}?{query}" if query else self.path

    @property
    def plain_href(self) -> str:
        """Return the address of the list without anything asked for but its tab."""
        return f"{self.path}?{urlencode({'tab': self.tab})}" if self.tab else self.path

    @property
    def chips(self) -> list[Chip]:
        """Return the filters that are set, each with the way to be rid of it."""
        words = [Chip(f"“{self.asked}”", self._href(q=""))] if self.asked else []
        return words + [Chip(one.words, self._href(**{one.name: ""})) for one in self.filters if one.value]

    @property
    def choosable(self) -> list[tuple[str, str, bool]]:
        """Return the columns that one can choose: name, label, and whether it is shown."""
        return [
            (name, self.view.label_columns.get(name, name), name in self._asks.columns)
            for name in self.view.choosable
            if name != self.view.list_columns[0]
        ]

    @property
    def beside_columns(self) -> list[tuple[str, str]]:
        """Return what the form that changes the columns must carry along."""
        return [(name, value) for name, value in self._asks.kept().items() if name != "cols"]

    @property
    def beside_filters(self) -> list[tuple[str, str]]:
        """Return what the form that narrows the list must carry along: order, columns and the size of pages."""
        kept = self._asks.kept()
        return [(name, value) for name, value in kept.items() if name not in {"q", "tab", *self._asks.set}]

    @property
    def tabs(self) -> list[Tab]:
        """Return the views of the list, the room's own and then what this person has saved."""
        mine = saved_views.of(self.actor, self._asks.name)
        is_saved = any(one.query == self.query for one in mine)
        own = [
            Tab(label, f"{self.path}?{urlencode({'tab': name})}", name == self.tab and not is_saved)
            for name, (label, _clause) in self.view.tabs.items()
        ]
        return own + [
            Tab(one.name, f"{self.path}?{one.query}", one.query == self.query, f"{self.save_href}/{one.id}/forget")
            for one in mine
        ]

    @property
    def columns(self) -> list[Column]:
        """Return the heads, each a link that orders by it where that is possible."""
        asks, heads = self._asks, []
        for name in asks.columns:
            href = order = ""
            if name in self.view.order_columns:
                down = name == asks.order and not asks.descending
                href = self._href(**{f"_oc_{asks.name}": name, f"_od_{asks.name}": "desc" if down else "asc"})
                order = ("descending" if asks.descending else "ascending") if name == asks.order else ""
            heads.append(Column(self.view.label_columns.get(name, name), self.view.looks.get(name, ""), href, order))
        return heads
