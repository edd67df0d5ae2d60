"""The calendar's pages: a day, a week or a month of one agent, the chosen viewing beside it, and time to block."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import flash, redirect, url_for
from flask_appbuilder import expose
from markupsafe import Markup

from sheda.appointments.models import Appointment, AvailabilityException
from sheda.core import clock, widgets
from sheda.core.access import LARGEST_ID, get_visible
from sheda.core.actor import Actor, current_actor
from sheda.core.forms import LARGEST_DAY, SMALLEST_DAY
from sheda.core.generated import pages_of
from sheda.core.views import InnerView, deal_href, perform, query, require, row_id, sent, way_back
from sheda.workplace import agenda
from sheda.workplace.agenda import Agenda, Day, Span

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
QUARTER = 15
OPENS, CLOSES = 8 * 60, 18 * 60
"""What a day shows at least, in minutes; earlier and later hours appear when there is something in them."""

IN_A_CELL = 3
VIEWS = (("day", "Day"), ("week", "Week"), ("month", "Month"))


@dataclass(frozen=True)
class Asked:
    """What an address asks for; whatever cannot be read is as if it were not there."""

    view: str
    on: date
    at: int
    agent: int

    @classmethod
    def read(cls) -> "Asked":
        """Read the address of this request."""
        args = query()
        view = args.get("view", "")
        return cls(
            view if view in dict(VIEWS) else "week",
            _day(args.get("on", "")) or clock.today(clock.here()),
            _number(args.get("at", "")),
            _number(args.get("agent", "")),
        )

    @property
    def first(self) -> date:
        """Return the first day that is shown."""
        if self.view == "day":
            return self.on
        start = self.on.replace(day=1) if self.view == "month" else self.on
        return start - start.weekday() * _DAY

    @property
    def beyond(self) -> date:
        """Return the day after the last that is shown."""
        if self.view != "month":
            return self.first + (_DAY if self.view == "day" else _WEEK)
        last = clock.add_months(self.on.replace(day=1), 1) - _DAY
        return last + (7 - last.weekday()) * _DAY

    def moved(self, steps: int) -> date:
        """Return the day that many views further."""
        if self.view == "month":
            return clock.add_months(self.on.replace(day=1), steps)
        return self.on + steps * (_DAY if self.view == "day" else _WEEK)

    def href(self, **changes: Any) -> str:
        """Return the address that asks for this with something changed."""
        asked = {"view": self.view, "on": self.on.isoformat(), "agent": self.agent, **changes}
        return f"{url_for('CalendarView.list')}?{urlencode({name: value for name, value in asked.items() if value})}"


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    # A month more must still be a date that the database takes.
    return found if SMALLEST_DAY <= found < LARGEST_DAY else None


def _number(text: str) -> int:
    fits = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_ID))
    return int(text) if fits and int(text) <= LARGEST_ID else 0


class CalendarView(InnerView):
    """An agent's calendar; the office opens anybody's, and reads it."""

    route_base = "/admin/calendar"
    default_view = "list"

    @expose("/")
    def list(self) -> Any:
        """Show a day, a week or a month."""
        actor, asked = current_actor(), Asked.read()
        whose = asked.agent if actor.is_office else actor.user_id
        if not whose:
            return self._agents(actor, asked)
        found = agenda.agenda_of(actor, whose, asked.first, asked.beyond)
        chosen = _chosen(found, asked)
        page = {
            "title": _title(asked),
            "note": _note(found),
            "asked": asked,
            "views": [(label, asked.href(view=name), name == asked.view) for name, label in VIEWS],
            "before": asked.href(on=asked.moved(-1).isoformat()),
            "today": asked.href(on=clock.today(clock.here()).isoformat()),
            "after": asked.href(on=asked.moved(1).isoformat()),
            "grid": None if asked.view == "month" else _grid(found, asked, chosen),
            "weeks": _weeks(found, asked) if asked.view == "month" else None,
            "strip": _strip(found, asked),
            "chosen": _card(actor, found, chosen) if chosen else None,
            "may_block": not actor.is_office,
            "blocks": [(row.id, _block_words(row)) for row in found.blocks],
            "on": asked.on.isoformat(),
            "here": asked.href(),
        }
        return self.render_template("admin/calendar.html", title="Calendar", page=page)

    def _agents(self, actor: Actor, asked: Asked) -> Any:
        found = agenda.busy_agents(actor, asked.first, asked.beyond, clock.here())
        page = {
            "title": _title(asked),
            "before": asked.href(on=asked.moved(-1).isoformat()),
            "today": asked.href(on=clock.today(clock.here()).isoformat()),
            "after": asked.href(on=asked.moved(1).isoformat()),
            "agents": [(f"{row[1]} {row[2]}".strip(), asked.href(agent=row[0]), row.number) for row in found],
        }
        return self.render_template("admin/calendar_agents.html", title="Calendar", page=page)

    @expose("/block", methods=["POST"])
    def block(self) -> Any:
        """Block a day, or some hours of it."""
        require("create", "Availability")
        pages, day = pages_of(AvailabilityException), _day(sent("date"))
        try:
            values: dict[str, Any] = {
                "date": day,
                "start_time": _time(sent("start_time")),
                "end_time": _time(sent("end_time")),
            }
        except ValueError:
            day = None
        if day is None:
            flash("Choose a day, and two times or none for the whole day.", "danger")
        else:
            values["is_available"] = False
            perform(lambda: pages.create(current_actor(), values), "Blocked. Clients no longer see this time.")
        return redirect(way_back(url_for(f"{self.endpoint}.list")))

    @expose("/unblock/<pk>", methods=["POST"])
    def unblock(self, pk: str) -> Any:
        """Open what was blocked."""
        require("delete", "Availability")
        actor = current_actor()
        row = get_visible(actor, AvailabilityException, row_id(pk))
        perform(lambda: pages_of(AvailabilityException).remove(actor, row), "Open again.")
        return redirect(way_back(url_for(f"{self.endpoint}.list")))


def _time(text: str) -> time | None:
    """Read a time of day as browsers send it, None for an empty field; ValueError for anything else."""
    return datetime.strptime(text, "%H:%M").time() if text else None  # noqa: DTZ007 - a time on the agent's own clock


def _title(asked: Asked) -> str:
    if asked.view == "month":
        return f"{asked.on:%B %Y}"
    if asked.view == "day":
        return widgets.day_words(asked.on)
    return f"{widgets.day_words(asked.first)} to {widgets.day_words(asked.beyond - _DAY)}"


def _note(found: Agenda) -> str:
    rows = found.viewings
    waiting = sum(row.status == "pending" for row in rows)
    words = f"{len(rows)} viewing{'s' if len(rows) != 1 else ''}" if rows else "No viewing"
    where = "" if found.zone.key == clock.here().key else f" Hours are {clock.city(found.zone)} time."
    return f"{words}{f', {waiting} to confirm' if waiting else ''}. Free hours are white; clients can book them.{where}"


def _chosen(found: Agenda, asked: Asked) -> Appointment | None:
    """Return the viewing that is asked for, else the first that waits for an answer, else the next."""
    rows, now = found.viewings, clock.now()
    return (
        next((row for row in rows if row.id == asked.at), None)
        or next((row for row in rows if row.status == "pending"), None)
        or next((row for row in rows if row.ends_at > now), None)
    )


def _shown(found: Agenda) -> Span:
    """Return from when to when the days are drawn, in whole hours."""
    spans = [span for day in found.days for span in day.open]
    spans += [found.span_of(row) for row in found.viewings]
    first = min([OPENS, *(start for start, _ in spans)]) // 60 * 60
    last = -(-max([CLOSES, *(end for _, end in spans)]) // 60) * 60
    return first, last


def _place(span: Span, shown: Span) -> str:
    """Name the classes that put a span on the grid: the quarter it begins in, and how many it takes."""
    start, end = max(span[0], shown[0]), min(span[1], shown[1])
    first = (start - shown[0]) // QUARTER
    beyond = -(-(end - shown[0]) // QUARTER)
    return f"q{first + 1} x{max(beyond - first, 1)}"


def _grid(found: Agenda, asked: Asked, chosen: Appointment | None) -> dict[str, Any]:
    shown = _shown(found)
    hours = [(f"{minute // 60:02}:00", _place((minute, minute + 60), shown)) for minute in range(*shown, 60)]
    return {"hours": hours, "days": [_column(found, day, shown, asked, chosen) for day in found.days]}


def _column(found: Agenda, day: Day, shown: Span, asked: Asked, chosen: Appointment | None) -> dict[str, Any]:
    now = clock.now().astimezone(found.zone)
    minute = now.hour * 60 + now.minute
    is_today = day.date == now.date()
    return {
        "name": f"{day.date:%a}",
        "number": day.date.day,
        "label": f"{day.date:%A} {day.date.day} {day.date:%B}",
        "href": asked.href(view="day", on=day.date.isoformat()),
        "is_today": is_today,
        "is_shown": day.date == asked.on,
        "off": [(_place(span, shown), _off_words(day, span, shown)) for span in agenda.closed(day.open, shown)],
        "now": _place((minute, minute + 1), shown) if is_today and shown[0] <= minute < shown[1] else "",
        "time": f"{now:%H:%M}",
        "events": [_event(found, row, shown, asked, chosen) for row in day.viewings],
    }


def _off_words(day: Day, span: Span, shown: Span) -> str:
    if span == shown:
        return "Blocked" if day.blocks else "Closed"
    is_blocked = any(
        row.start_time and span[0] <= row.start_time.hour * 60 + row.start_time.minute < span[1] for row in day.blocks
    )
    return "Blocked" if is_blocked else ""


def _event(found: Agenda, row: Appointment, shown: Span, asked: Asked, chosen: Appointment | None) -> dict[str, Any]:
    start = row.starts_at.astimezone(found.zone)
    pages = pages_of(Appointment)
    return {
        "place": _place(found.span_of(row), shown),
        "size": _size(row),
        "state": row.status,
        "words": pages.words[row.status],
        "time": widgets.hour(row.starts_at, found.zone),
        "client": row.client.first_name,
        "home": row.subject.title,
        "href": asked.href(on=start.date().isoformat(), at=row.id),
        "move": f"{pages.route_base}/move/{row.id}/",
        "is_chosen": row is chosen,
    }


def _size(row: Appointment) -> str:
    minutes = (row.ends_at - row.starts_at).total_seconds() / 60
    return " is-short" if minutes <= QUARTER else " is-long" if minutes > 2 * QUARTER else ""


def _weeks(found: Agenda, asked: Asked) -> Sequence[Sequence[dict[str, Any]]]:
    cells = [_cell(found, day, asked) for day in found.days]
    return [cells[place : place + 7] for place in range(0, len(cells), 7)]


def _cell(found: Agenda, day: Day, asked: Asked) -> dict[str, Any]:
    return {
        "number": day.date.day,
        "label": f"{day.date:%A} {day.date.day} {day.date:%B}, {_count_words(day)}",
        "href": asked.href(view="day", on=day.date.isoformat()),
        "is_today": day.date == clock.today(found.zone),
        "is_other": day.date.month != asked.on.month,
        "is_off": not day.open,
        "count": len(day.viewings),
        "waiting": sum(row.status == "pending" for row in day.viewings),
        "events": [
            (row.status, Markup("{} {}").format(widgets.hour(row.starts_at, found.zone), row.client.first_name))
            for row in day.viewings[:IN_A_CELL]
        ],
        "more": max(0, len(day.viewings) - IN_A_CELL),
    }


def _count_words(day: Day) -> str:
    number = len(day.viewings)
    return f"{number} viewing{'s' if number != 1 else ''}" if number else "no viewing"


def _strip(found: Agenda, asked: Asked) -> Sequence[tuple[str, int, int, str, bool]]:
    if asked.view != "week":
        return []
    return [
        (f"{day.date:%a}", day.date.day, len(day.viewings), asked.href(on=day.date.isoformat()), day.date == asked.on)
        for day in found.days
    ]


def _card(actor: Actor, found: Agenda, row: Appointment) -> dict[str, Any]:
    pages = pages_of(Appointment)
    before = [one for one in found.viewings if one.ends_at <= row.starts_at and _same_day(found, one, row)]
    return {
        "client": row.client.get_full_name(),
        "home": row.subject.title,
        "badge": widgets.badge(row.status, pages.words),
        "clock": widgets.countdown(row.expires_at) if row.status == "pending" else "",
        "facts": [
            ("When", widgets.moment(row.starts_at)),
            ("Long", widgets.length_words(row.ends_at - row.starts_at)),
            *([("Phone", widgets.phone(row.client.phone))] if row.client.phone else []),
            *([("Before it", _before_words(found, before[-1]))] if before else []),
        ],
        "note": row.note,
        "deal": deal_href(row),
        "buttons": pages.buttons(actor, row),
    }


def _same_day(found: Agenda, one: Appointment, other: Appointment) -> bool:
    return one.starts_at.astimezone(found.zone).date() == other.starts_at.astimezone(found.zone).date()


def _before_words(found: Agenda, row: Appointment) -> Markup:
    return Markup("{}, {}").format(row.client.first_name, widgets.hour(row.starts_at, found.zone))


def _block_words(row: AvailabilityException) -> str:
    if row.start_time is None or row.end_time is None:
        return f"{widgets.day_words(row.date)}, all day"
    return f"{widgets.day_words(row.date)}, {row.start_time:%H:%M} to {row.end_time:%H:%M}"
