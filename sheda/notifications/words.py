"""How mails and notices say things: one line each, in plain English, in the time of the agent."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sheda.accounts.models import User
from sheda.appointments.events import Scene
from sheda.appointments.models import Appointment
from sheda.contracts.models import Contract
from sheda.core import clock
from sheda.core.banks import mask
from sheda.core.db import read
from sheda.core.money import format_money
from sheda.payments.models import Payment
from sheda.profiles.services import time_zone_of
from sheda.properties.models import Property

Fact = tuple[str, str]


def one_line(text: str) -> str:
    """Return what people wrote without its line breaks: in a mail it stays where it was put."""
    return " ".join(text.split())


def name_of(person: User) -> str:
    """Return what a person is called."""
    return person_called(person.first_name, person.last_name, person.username)


def person_called(first_name: str | None, last_name: str | None, username: str) -> str:
    """Return what the person of these names is called."""
    return one_line(f"{first_name or ''} {last_name or ''}") or username


def home_of(subject: Property) -> str:
    """Return what a home is called."""
    return home_called(subject.title, subject.reference)


def home_called(title: str, reference: str) -> str:
    """Return what the home of this title is called."""
    return f"{one_line(title)} ({reference})"


@lru_cache(maxsize=4096)
def day_of(day: date) -> str:
    """Write a day: Tue 24 Nov 2026."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def moment_of(moment: datetime, zone: ZoneInfo = clock.LAGOS) -> str:
    """Write a moment in a time zone: Tue 24 Nov 2026, 14:30."""
    local = moment.astimezone(zone)
    return f"{day_of(local.date())}, {local:%H:%M}"


def zone_name(zone: ZoneInfo) -> str:
    """Return what people call the time of a zone: Lagos time."""
    return f"{clock.city(zone)} time"


def facts(*pairs: Fact | None) -> list[Fact]:
    """Return the lines of a mail's table, without those that say nothing."""
    return [pair for pair in pairs if pair is not None and pair[1]]


def reason_of(reason: str | None) -> Fact | None:
    """Return the line that gives a reason, when there is one."""
    return ("Reason", one_line(reason)) if reason else None


def scene_of(appointment: Appointment) -> Scene:
    """Return where a viewing takes place and who meets there."""
    home, agent, client = appointment.subject, appointment.agent, appointment.client
    return Scene(
        home.title,
        home.reference,
        home.location,
        time_zone_of(appointment.agent_id),
        (agent.first_name, agent.last_name, agent.username),
        (client.first_name, client.last_name, client.username),
    )


def viewing(appointment: Appointment, *more: Fact | None, scene: Scene | None = None) -> dict[str, Any]:
    """Return what a mail says of a viewing; its scene is read where it is not given."""
    scene = scene or scene_of(appointment)
    home, when = home_called(scene.title, scene.reference), moment_of(appointment.starts_at, scene.zone)
    minutes = int((appointment.ends_at - appointment.starts_at).total_seconds() // 60)
    zone = zone_name(scene.zone)
    return {
        "path": f"/admin/appointments/show/{appointment.id}",
        "home": home,
        "when": when,
        "zone": zone,
        "client": person_called(*scene.client),
        "agent": person_called(*scene.agent),
        "facts": facts(
            ("Home", home),
            ("Where", one_line(scene.location)),
            ("When", f"{when} ({zone}), {minutes} minutes"),
            *more,
        ),
    }


def payment(found: Payment, *more: Fact | None) -> dict[str, Any]:
    """Return what a mail says of a payment; never the whole number of an account."""
    home, amount = home_of(found.subject), format_money(found.amount, found.currency)
    account = f"{found.account['bank_name']}, {mask(found.account['account_number'])}"
    return {
        "path": f"/admin/payments/show/{found.id}",
        "home": home,
        "amount": amount,
        "reference": found.reference,
        "client": name_of(found.client),
        "agent": name_of(found.agent),
        "facts": facts(("Home", home), ("Amount", amount), ("Reference", found.reference), ("Account", account), *more),
    }


@dataclass(frozen=True, slots=True)
class Term:
    """What is said of a contract, without the rows that it is on."""

    id: int
    client_id: int
    agent_id: int
    reference: str
    home: str
    start: date
    last: date | None
    began: bool
    client: str
    agent: str


TERMS = """
SELECT c.id, c.client_id, c.agent_id, c.reference, p.title, p.reference, c.start_date,
  coalesce(c.ends_early_on, c.end_date), c.activated_at IS NOT NULL,
  client.first_name, client.last_name, client.username, agent.first_name, agent.last_name, agent.username
FROM contracts c
JOIN properties p ON p.id = c.property_id
JOIN ab_user client ON client.id = c.client_id
JOIN ab_user agent ON agent.id = c.agent_id
WHERE c.id = ANY(:ids) ORDER BY c.id"""


def terms(contract_ids: list[int]) -> Iterator[Term]:
    """Yield what is said of contracts, in ascending id."""
    for row in read(TERMS, ids=contract_ids):
        number, client_id, agent_id, reference, title, home, start, last, began, *names = row
        people = person_called(*names[:3]), person_called(*names[3:])
        yield Term(number, client_id, agent_id, reference, home_called(title, home), start, last, began, *people)


def contract(found: Contract, *more: Fact | None) -> dict[str, Any]:
    """Return what a mail says of a contract."""
    return term(next(terms([found.id])), *more)


def contract_path(contract_id: int) -> str:
    """Return where a contract is at the desk."""
    return f"/admin/contracts/show/{contract_id}"


def term(found: Term, *more: Fact | None) -> dict[str, Any]:
    """Return what a mail says of the contract of a term."""
    start, end = day_of(found.start), day_of(found.last) if found.last else ""
    return {
        "path": contract_path(found.id),
        "home": found.home,
        "start": start,
        "end": end,
        "client": found.client,
        "agent": found.agent,
        "facts": facts(("Home", found.home), ("Contract", found.reference), ("Begins", start), ("Ends", end), *more),
    }
