"""How values look on a page: money, moments, days, states and clocks as people write them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from sheda.core import clock
from sheda.core.money import format_money

NOTHING = Markup('<span class="s-empty-cell">—</span>')

SOON = timedelta(hours=4)
"""From here on a clock is shown as pressing."""

SOON_DAYS = 7
"""The same for what ends on a day."""

Renderer = Callable[[Any], Any]


@dataclass(frozen=True)
class Link:
    """A way to another page, drawn as a button."""

    label: str
    href: str
    icon: str = ""
    tone: str = "default"


@dataclass(frozen=True)
class Button:
    """A move that can be made now.

    `asks` leads to a question first; `subject` tells equal buttons apart when they are read aloud.
    """

    label: str
    href: str
    tone: str = "default"
    asks: bool = False
    subject: str = ""


@dataclass(frozen=True)
class Card:
    """One thing that waits for a person: what, about whom, until when, and the buttons that settle it."""

    kind: str
    title: str
    href: str
    detail: Any = ""
    due: datetime | None = None
    clock: Any = ""
    quote: str = ""
    buttons: tuple[Button, ...] = ()

    @property
    def icon(self) -> str:
        """Return the name of the picture of its kind."""
        pictures = {
            "request": "calendar",
            "payment": "money",
            "contract": "doc",
            "chat": "chat",
            "job": "gear",
            "mail": "mail",
            "stale": "listing",
        }
        return pictures.get(self.kind, "flag")


@dataclass(frozen=True)
class Section:
    """Cards of one kind on the home page, soonest first; a higher `rank` stands further down."""

    title: str
    cards: list[Card] = field(default_factory=list)
    href: str = ""
    rank: int = 50


def money(amount: Decimal | None, currency: str, per: str = "") -> Markup:
    """Write an amount as "₦2,500,000 / year"."""
    if amount is None:
        return NOTHING
    unit = Markup(" <small>/ {}</small>").format(per) if per else Markup()
    return Markup('<span class="s-money">{}{}</span>').format(format_money(amount, currency), unit)


def day_words(day: date) -> str:
    """Write a day as "Tue 24 Nov", with its year when it is another year's."""
    words = f"{day:%a} {day.day} {day:%b}"
    return words if day.year == clock.today(clock.here()).year else f"{words} {day.year}"


def day(value: date | None) -> Markup:
    """Write a calendar day."""
    if value is None:
        return NOTHING
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        value.isoformat(), f"{value:%A} {value.day} {value:%B %Y}", day_words(value)
    )


def moment_words(value: datetime) -> str:
    """Write a moment as "Today, 14:30" or "Tue 24 Nov, 14:30", in the reader's zone."""
    zone = clock.here()
    local = value.astimezone(zone)
    words = "Today" if local.date() == clock.today(zone) else day_words(local.date())
    return f"{words}, {local:%H:%M}"


def exact_words(value: datetime, zone: ZoneInfo | None = None) -> str:
    """Write a moment in full, with its zone, the reader's if none is given: "Tuesday 24 November 2026, 14:30 (WAT)"."""
    local = value.astimezone(zone or clock.here())
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M} ({_zone_words(local)})"


def _zone_words(local: datetime) -> str:
    # Many zones have no letters of their own, only what they are ahead: "+04".
    name = f"{local:%Z}"
    return name if name.isalpha() else f"UTC{name}"


def moment(value: datetime | None) -> Markup:
    """Write a moment, the exact one on hover."""
    return NOTHING if value is None else _time(value, moment_words(value))


def hour(value: datetime, zone: ZoneInfo | None = None) -> Markup:
    """Write a moment of a day that is known as its time, "14:30", the exact one on hover; the zone as there."""
    return _time(value, f"{value.astimezone(zone or clock.here()):%H:%M}", zone)


def _time(value: datetime, words: str, zone: ZoneInfo | None = None) -> Markup:
    local = value.astimezone(zone or clock.here()).isoformat(timespec="minutes")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(local, exact_words(value, zone), words)


def utc_moment(value: datetime | None) -> Markup:
    """Write a moment that was stored without its zone, which is UTC: Flask-AppBuilder's own columns."""
    return moment(value.replace(tzinfo=UTC) if value else None)


def length_words(span: timedelta) -> str:
    """Write a length of time in its two largest useful units: "3 h 40 min", "6 days"."""
    minutes = int(abs(span).total_seconds() // 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 72:  # noqa: PLR2004 - three days: from here on hours say nothing
        return f"{hours // 24} days"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def countdown(due: datetime | None, *, past: str = "past") -> Markup:
    """Show how long until something lapses; words carry the meaning, tone only helps."""
    if due is None:
        return Markup()
    left = due - clock.now()
    if left < timedelta():
        tone, words = "late", f"{length_words(left)} {past}"
    else:
        is_today = due.astimezone(clock.here()).date() == clock.today(clock.here())
        tone = "soon" if left < SOON else "today" if is_today else ""
        words = f"{length_words(left)} left"
    return Markup('<time class="s-clock" data-due="{}" datetime="{}" title="{}">{}</time>').format(
        tone, due.isoformat(timespec="minutes"), exact_words(due), words
    )


def days_left(end: date | None) -> Markup:
    """Show how many days are left until a day, on which something ends."""
    if end is None:
        return Markup()
    left = (end - clock.today()).days
    words = f"{left} day{'s' if left != 1 else ''} left" if left > 0 else "ends today" if left == 0 else "past its end"
    return Markup('<time class="s-clock" data-due="{}" datetime="{}" title="{}">{}</time>').format(
        "" if left > SOON_DAYS else "soon" if left >= 0 else "late", end.isoformat(), day_words(end), words
    )


def waiting_since(start: datetime) -> Markup:
    """Show how long something has waited."""
    return Markup('<time class="s-clock" datetime="{}" title="{}">waiting {}</time>').format(
        start.isoformat(timespec="minutes"), exact_words(start), length_words(clock.now() - start)
    )


def unchanged_since(change: datetime) -> Markup:
    """Show for how long nothing has changed."""
    return Markup('<time class="s-clock" datetime="{}" title="{}">no change for {}</time>').format(
        change.isoformat(timespec="minutes"), exact_words(change), length_words(clock.now() - change)
    )


def plain(code: str) -> str:
    """Turn a code word into words: "no_show" into "No show"."""
    return code.replace("_", " ").capitalize()


def badge(state: str | None, words: Mapping[str, str] | None = None, *, tone: str = "") -> Markup:
    """Show a state in words, with the shape and colour of its family."""
    if state is None:
        return NOTHING
    look = Markup(' data-tone="{}"').format(tone) if tone else Markup(' data-state="{}"').format(state)
    return Markup('<span class="s-badge"{}>{}</span>').format(look, (words or {}).get(state) or plain(state))


def reference(value: str | None) -> Markup:
    """Show a reference in fixed-width letters."""
    return Markup('<span class="s-ref">{}</span>').format(value) if value else NOTHING


def phone(value: str | None) -> Markup:
    """Show a phone number that dials."""
    return Markup('<a class="s-tel" href="tel:{}">{}</a>').format(value, value) if value else NOTHING


def joined(*parts: Any) -> Markup:
    """Join words with dots, leaving out what is empty."""
    return Markup(" · ").join(part for part in parts if part)


def initials(name: str) -> str:
    """Return up to two first letters of a name."""
    return "".join(part[0] for part in name.split()[:2]).upper() or "?"


def show(value: Any) -> Any:
    """Show any value by its type; what is absent is a dash, never "None"."""
    if isinstance(value, Enum):
        value = value.value
    for kind, renderer in _BY_TYPE:
        if isinstance(value, kind):
            return renderer(value)
    return escape(value)


def _number(value: int | Decimal) -> str:
    return f"{value:,f}".rstrip("0").rstrip(".") if isinstance(value, Decimal) and value % 1 else f"{value:,.0f}"


def _text(value: str) -> Any:
    return escape(value) if value.strip() else NOTHING


_BY_TYPE: tuple[tuple[type[Any] | tuple[type[Any], ...], Renderer], ...] = (
    (type(None), lambda _value: NOTHING),
    (Markup, lambda value: value),
    (bool, lambda value: "Yes" if value else "No"),
    (str, _text),
    ((int, Decimal), _number),
    (datetime, moment),
    (date, day),
    ((list, tuple), lambda values: ", ".join(str(one) for one in values) if values else NOTHING),
)
