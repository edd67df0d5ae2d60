"""How a deal is told: the steps it has taken, one time line of moves and messages, and what comes next."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sheda.appointments.models import Appointment
from sheda.chat.models import Message
from sheda.contracts.models import Contract
from sheda.core import clock, widgets
from sheda.core.actor import Actor
from sheda.core.money import format_money
from sheda.core.states import History
from sheda.core.timeline import WORDS
from sheda.payments.models import HOLDING_STATES, Payment
from sheda.workplace.deals import Deal

ICONS = {"appointments": "calendar", "payments": "money", "contracts": "doc"}

HAPPENED = {
    ("appointments", "confirm"): "Viewing confirmed",
    ("appointments", "reject"): "Request declined",
    ("appointments", "complete"): "Viewed",
    ("appointments", "no_show"): "Did not come",
    ("appointments", "cancel"): "Viewing cancelled",
    ("appointments", "expire"): "Request lapsed",
    ("payments", "accept"): "Money received",
    ("payments", "decline"): "Money not received",
    ("payments", "cancel"): "Payment cancelled",
    ("payments", "expire"): "Payment lapsed",
    ("contracts", "activate"): "Contract began",
    ("contracts", "cancel"): "Contract called off",
    ("contracts", "expire"): "Tenancy ended",
    ("contracts", "complete"): "Handed over",
    ("contracts", "call_off"): "Renewal called off",
}
"""What has happened, where a move's general words would not tell of what."""

GOOD = frozenset({"confirm", "complete", "accept", "activate", "renewed", "accept_renewal"})

STEPS = ("Request", "Viewing", "Payment", "Contract", "Keys")


@dataclass(frozen=True)
class Entry:
    """One line of the time line; `tone` is is-good, is-now, is-next or nothing."""

    at: datetime
    when: Any
    icon: str
    title: str
    note: Any = ""
    quote: str = ""
    tone: str = ""
    is_chat: bool = False


@dataclass(frozen=True)
class Step:
    """One stage of a deal: `state` is done, now or empty."""

    label: str
    note: str
    state: str


def entries_of(
    actor: Actor,
    deal: Deal,
    moves: list[tuple[History, str]],
    messages: list[Message],
    label: Callable[[str, str], str],
) -> list[Entry]:
    """Tell moves and messages in one line, oldest first; `label` names a move that has no words here."""
    rows = {(row.__tablename__, row.id): row for row in deal.rows}
    told = [
        _move(actor, entry, who, rows[entry.subject_type, entry.subject_id], label)
        for entry, who in moves
        # A contract is drawn up by the payment that is told beside it.
        if (entry.subject_type, entry.move) != ("contracts", "create")
    ]
    told += [_message(actor, deal, one) for one in messages]
    return sorted(told, key=lambda entry: entry.at)


def _move(actor: Actor, entry: History, who: str, row: Any, label: Callable[[str, str], str]) -> Entry:
    name = (entry.subject_type, entry.move)
    person = "You" if entry.actor_id is not None and entry.actor_id == actor.id else who
    return Entry(
        entry.at,
        widgets.moment(entry.at),
        ICONS[entry.subject_type],
        HAPPENED.get(name) or WORDS.get(entry.move) or label(*name),
        widgets.joined(person, _detail(entry.move, row)),
        entry.reason or "",
        "is-good" if entry.move in GOOD else "",
    )


def _detail(move: str, row: Any) -> str:
    if isinstance(row, Appointment) and move in {"book", "confirm"}:
        return f"for {widgets.moment_words(row.starts_at)}, {widgets.length_words(row.ends_at - row.starts_at)}"
    if isinstance(row, Payment) and move in {"initiate", "declare", "accept"}:
        return f"{format_money(row.amount, row.currency)}, {row.reference}"
    if isinstance(row, Contract) and move in {"activate", "schedule"}:
        until = f" until {widgets.day_words(row.end_date)}" if row.end_date else ""
        return f"from {widgets.day_words(row.start_date)}{until}"
    return ""


def _message(actor: Actor, deal: Deal, one: Message) -> Entry:
    who = "You wrote" if one.sender_id == actor.id else f"{deal.client.first_name} wrote"
    return Entry(one.created_at, widgets.moment(one.created_at), "chat", who, quote=one.message, is_chat=True)


def next_of(actor: Actor, deal: Deal) -> Entry | None:
    """Tell what comes next, and by when; None when nothing is open."""
    paid, asked = deal.payment, deal.viewing
    if paid is not None and paid.status in HOLDING_STATES:
        yours = "your decision" if actor.id == deal.agent_id else "the agent’s decision"
        note = "Without a decision staff take over; it never lapses by itself."
        return _next("money", f"Next: {yours}", note, paid.decide_by)
    if paid is not None and paid.status == "initiated":
        return _next("money", f"Next: {deal.client.first_name} pays", "Lapses by itself.", paid.expires_at)
    if asked is not None and asked.status == "pending":
        return _next("calendar", "Next: an answer", "Without one the request lapses.", asked.expires_at)
    if asked is not None and asked.status == "confirmed":
        return _next("calendar", "Next: the viewing", "Then payment opens for the client.", asked.starts_at)
    return _last(deal)


def _last(deal: Deal) -> Entry | None:
    contract = deal.contract
    if contract is not None and contract.status == "active" and contract.end_date:
        until = f"Until {widgets.day_words(contract.end_date)}, unless it is renewed."
        return _next("doc", "Next: the end of the tenancy", until, None)
    if deal.viewing is not None and deal.viewing.status == "completed" and deal.payment is None:
        return _next("money", "Next: the payment", f"“Make payment” is open to {deal.client.first_name}.", None)
    return None


def _next(icon: str, title: str, note: str, due: datetime | None) -> Entry:
    return Entry(due or clock.now(), widgets.moment(due) if due else "", icon, title, note, tone="is-next")


def steps_of(deal: Deal, words: Callable[[Any], str]) -> list[Step]:
    """Say how far a deal has come: the steps behind it, the one it stands at, and those ahead."""
    asked, paid, contract = deal.viewing, deal.payment, deal.contract
    has_paid = paid is not None and paid.status == "accepted"
    runs = contract is not None and contract.status not in {"pending", "canceled"}
    done = (
        asked is not None and asked.status not in {"pending", "rejected", "expired"},
        (asked is not None and asked.status == "completed") or has_paid or runs,
        has_paid or runs,
        runs,
        runs and contract is not None and contract.start_date <= clock.today(),
    )
    now = next((place for place, is_done in enumerate(done) if not is_done), len(STEPS))
    notes = (
        _day(asked.created_at) if asked else "",
        _day(asked.starts_at) if asked else "",
        words(paid) if paid else "",
        words(contract) if contract else "",
        f"from {widgets.day_words(contract.start_date)}" if contract and contract.status != "canceled" else "",
    )
    return [
        Step(label, note, "done" if place < now else "now" if place == now else "")
        for place, (label, note) in enumerate(zip(STEPS, notes, strict=True))
    ]


def _day(moment: datetime) -> str:
    return widgets.day_words(moment.astimezone(clock.here()).date())
