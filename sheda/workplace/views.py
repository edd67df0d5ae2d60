"""Home and deals: what must be decided, how the week was, and everything about one client and one home."""

import uuid
from collections.abc import Sequence
from typing import Any

from flask import redirect, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.hooks import before_request
from markupsafe import Markup

from sheda.appointments.models import Appointment
from sheda.chat.models import Message
from sheda.contracts.models import Contract
from sheda.core import clock, files, widgets
from sheda.core.actor import Actor, current_actor
from sheda.core.generated import pages_of
from sheda.core.money import format_money
from sheda.core.views import DOOR, HOME, InnerView, deal_href, query, row_id, turned_away, visitor, waiting
from sheda.core.widgets import Card, Section
from sheda.payments.models import HOLDING_STATES, Payment
from sheda.properties.models import Property
from sheda.workplace import deals, figures, story
from sheda.workplace import waiting as _waiting  # noqa: F401 - what waits here is registered by its import
from sheda.workplace.deals import Deal

CARDS_SHOWN = 10
CHAT_SHOWN = 4
NOON, EVENING = 12, 17


class HomeView(BaseView):
    """The first page: what must be decided, by when, and the buttons that settle it; below it the week in figures."""

    route_base = ""
    default_view = "home"
    class_permission_name = "AdminUI"
    base_permissions = ["can_enter"]

    @before_request(only=["home", "more"])
    def _enter(self) -> Any:
        return turned_away()

    @expose("/")
    def index(self) -> Any:
        """Lead to home, or to the door."""
        return redirect(url_for(HOME if visitor().id is not None else DOOR))

    @expose("/admin/")
    def home(self) -> Any:
        """Show what waits, today, and the week."""
        actor = current_actor()
        sections = waiting(actor)
        cards = [card for section in sections for card in section.cards]
        week, homes, desk = figures.at_home(actor)
        page = {
            "greeting": f"{_greeting()}, {actor.name.split(' ')[0] or actor.role.value}",
            "note": _waiting_words(cards),
            "sections": sections,
            "cards": by_due(sections),
            "shown": CARDS_SHOWN,
            "desk": desk,
            "today": None if actor.is_office else _today(actor),
            "rent": [_rent(one) for one in figures.rent_due(actor)],
            "week": week,
            "signed": [format_money(amount, currency) for amount, currency in week.signed],
            "homes": homes,
        }
        return self.render_template("admin/home.html", title="Home", page=page)

    @expose("/admin/more")
    def more(self) -> Any:
        """Show the whole menu as a page, for small screens."""
        return self.render_template("admin/more.html", title="More")


def _greeting() -> str:
    hour = clock.now().astimezone(clock.here()).hour
    return "Good morning" if hour < NOON else "Good afternoon" if hour < EVENING else "Good evening"


def _waiting_words(cards: Sequence[Card]) -> str:
    if not cards:
        return "Nothing waits for you."
    dues = [card.due for card in cards if card.due]
    verb = "lapses" if dues and min(dues) > clock.now() else "was due"
    first = f" The first {verb} {widgets.moment_words(min(dues))}." if dues else ""
    return f"{len(cards)} thing{'s wait' if len(cards) != 1 else ' waits'} for you.{first}"


def by_due(sections: Sequence[Section]) -> list[Card]:
    """Put the cards of all kinds in one line, the soonest deadline first, those without one after them by kind."""
    cards = [card for section in sections for card in section.cards]
    with_clock = sorted((card for card in cards if card.due), key=lambda card: card.due or clock.now())
    return [*with_clock, *(card for card in cards if not card.due)]


def _today(actor: Actor) -> dict[str, Any]:
    now, pages = clock.now(), pages_of(Appointment)
    rows = figures.today_of(actor)
    coming = next((row for row in rows if row.ends_at > now and row.status == "confirmed"), None)
    return {
        "day": widgets.day_words(clock.today(clock.here())),
        "now": widgets.hour(now),
        "free": _free_words(rows),
        "before": sum(1 for row in rows if row.ends_at <= now),
        "rows": [
            {
                "time": widgets.hour(row.starts_at),
                "home": row.subject.title,
                "client": row.client.get_full_name(),
                "phone": widgets.phone(row.client.phone) if row.client.phone else "",
                "href": deal_href(row),
                "badge": "" if row.status == "confirmed" else widgets.badge(row.status, pages.words),
                "is_past": row.ends_at <= now,
            }
            for row in rows
        ],
        "next": _next_viewing(coming) if coming else None,
    }


def _next_viewing(row: Appointment) -> dict[str, Any]:
    left = row.starts_at - clock.now()
    return {
        "when": f"in {widgets.length_words(left)}" if left.total_seconds() > 0 else "now",
        "title": Markup("{}, {}").format(widgets.hour(row.starts_at), row.subject.title),
        "client": row.client.get_full_name(),
        "phone": row.client.phone,
        "href": deal_href(row),
    }


def _free_words(rows: Sequence[Appointment]) -> str:
    now = clock.now()
    if any(row.starts_at <= now < row.ends_at for row in rows):
        return "in a viewing"
    coming = [row.starts_at for row in rows if row.starts_at > now]
    return f"free until {min(coming).astimezone(clock.here()):%H:%M}" if coming else "nothing more today"


def _rent(due: figures.RentDue) -> dict[str, Any]:
    def words(amount: Any) -> str:
        return format_money(amount, due.currency)

    return {
        "total": words(due.total),
        "received": words(due.received),
        "coming": words(due.coming),
        "last_day": widgets.day_words(due.last_day),
        "late": words(due.late) if due.late else "",
    }


class DealView(InnerView):
    """One page a deal: home, client, viewings, payment with its proof, contract, chat, and what can be done now."""

    route_base = "/admin/deals"
    default_view = "list"

    @expose("/list/")
    def list(self) -> Any:
        """Show the deals that run."""
        lines = [
            {
                "href": url_for(f"{self.endpoint}.show", home=one.property_id, client=one.client_id),
                "client": one.client,
                "title": one.title,
                "step": widgets.badge(one.step.lower(), tone="info"),
                "at": widgets.moment(one.at),
            }
            for one in deals.running_deals(current_actor())
        ]
        return self.render_template("admin/deals.html", title="Deals", page={"lines": lines})

    @expose("/<home>/<client>")
    def show(self, home: str, client: str) -> Any:
        """Show what one client and one home have come to."""
        actor = current_actor()
        deal = deals.deal_of(actor, row_id(home), row_id(client))
        messages = deals.words_of(actor, deal)
        entries = story.entries_of(actor, deal, deals.moves_of(deal), messages, _label)
        is_quiet = query().get("chat") == "no"
        page = {
            "trail": [("Deals", url_for(f"{self.endpoint}.list")), (deal.client.get_full_name(), "")],
            "client": _client(deal),
            "home": _home(deal.home),
            "badge": _headline(deal),
            "clock": _clock(deal),
            "steps": story.steps_of(deal, _state_words),
            "viewing": _viewing(actor, deal.viewing),
            "payment": _payment(actor, deal.payment),
            "contract": _contract(actor, deal.contract),
            "entries": [entry for entry in entries if not (is_quiet and entry.is_chat)],
            "next": story.next_of(actor, deal),
            "is_quiet": is_quiet,
            "here": deal_href(deal.rows[0]),
            "chat": _chat(actor, deal, messages),
        }
        return self.render_template(
            "admin/deal.html", title=f"{deal.client.get_full_name()}, {deal.home.title}", page=page
        )


MODELS: dict[str, type[Any]] = {"appointments": Appointment, "payments": Payment, "contracts": Contract}


def _label(kind: str, move: str) -> str:
    machine = pages_of(MODELS[kind]).machine
    rule = machine.moves.get(move) if machine else None
    return rule.label if rule else widgets.plain(move)


def _state_words(row: Any) -> str:
    return pages_of(type(row)).words.get(row.status) or widgets.plain(row.status)


def _badge(row: Any) -> Any:
    return widgets.badge(row.status, pages_of(type(row)).words)


def _telling(deal: Deal) -> Any:
    """Return the part of a deal that says where it stands: the latest step that is open, else the latest of all."""
    parts = [deal.contract, deal.payment, deal.viewing]
    present = [row for row in parts if row is not None]
    open_states = {"pending", "confirmed", "initiated", "declared", "verified", "processing", "active", "scheduled"}
    asked = [row for row in present if row.status in HOLDING_STATES]
    return next(iter([*asked, *(row for row in present if row.status in open_states), *present]))


def _headline(deal: Deal) -> Any:
    row = _telling(deal)
    if isinstance(row, Payment) and row.status in HOLDING_STATES:
        return widgets.badge(row.status, dict.fromkeys(HOLDING_STATES, "Payment to decide"))
    return _badge(row)


def _clock(deal: Deal) -> Any:
    row = _telling(deal)
    if isinstance(row, Payment) and row.status in HOLDING_STATES:
        return widgets.countdown(row.decide_by)
    return widgets.countdown(row.expires_at) if isinstance(row, Appointment) and row.status == "pending" else ""


def _client(deal: Deal) -> dict[str, Any]:
    person = deal.client
    return {
        "id": person.id,
        "name": person.get_full_name(),
        "first": person.first_name,
        "phone": person.phone,
        "email": person.email,
        "since": f"{person.created_on:%b %Y}" if person.created_on else "",
        "viewings": len(deal.viewings),
    }


def _home(subject: Property) -> dict[str, Any]:
    pages = pages_of(Property)
    cover = next((image for image in subject.images if image.is_cover and image.status == "ready"), None)
    state = subject.status if subject.listing_state == "published" else subject.listing_state
    price = widgets.money(subject.price, subject.currency, subject.period or "")
    return {
        "title": subject.title,
        "href": pages.href_of(subject),
        "cover": files.url(files.rendition_key(cover.key, "card")) if cover else "",
        "badge": widgets.badge("under_offer" if subject.is_under_offer else state, pages.words),
        "facts": [
            ("Rent" if subject.period else "Price", price),
            ("Where", subject.city or subject.location),
            ("Listing", widgets.reference(subject.reference)),
        ],
    }


def _viewing(actor: Actor, row: Appointment | None) -> dict[str, Any] | None:
    if row is None:
        return None
    pages = pages_of(Appointment)
    facts = [
        ("When", widgets.moment(row.starts_at)),
        ("Long", widgets.length_words(row.ends_at - row.starts_at)),
    ]
    return {
        "badge": _badge(row),
        "facts": facts,
        "note": row.note,
        "href": pages.href_of(row),
        "buttons": pages.buttons(actor, row),
    }


def _payment(actor: Actor, row: Payment | None) -> dict[str, Any] | None:
    if row is None:
        return None
    pages = pages_of(Payment)
    return {
        **pages.extras(actor, row),
        "badge": _badge(row),
        "href": pages.href_of(row),
        "buttons": pages.buttons(actor, row),
    }


def _contract(actor: Actor, row: Contract | None) -> dict[str, Any] | None:
    if row is None:
        return None
    pages = pages_of(Contract)
    return {
        "badge": _badge(row),
        "href": pages.href_of(row),
        "facts": [
            ("From", widgets.day(row.start_date)),
            *([("Until", widgets.day(row.end_date))] if row.end_date else []),
            ("Amount", widgets.money(row.amount, row.currency)),
            ("Reference", widgets.reference(row.reference)),
        ],
        "links": [link for link in pages.links(actor, row) if link.href != deal_href(row)],
        "buttons": pages.buttons(actor, row),
    }


def _chat(actor: Actor, deal: Deal, messages: list[Message]) -> dict[str, Any]:
    return {
        "href": url_for("ChatView.thread", pk=deal.client.id),
        "send": url_for("ChatView.send", pk=deal.client.id),
        "once": str(uuid.uuid4()),
        "may_send": deal.client.active,
        "messages": [
            {
                "text": one.message,
                "mine": one.sender_id == actor.id,
                "when": widgets.moment(one.created_at),
                "read": one.read_at is not None,
            }
            for one in messages[-CHAT_SHOWN:]
        ],
    }
