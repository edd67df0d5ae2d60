"""The demo's people: the four accounts that are told at start, and agents and clients enough for a market."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from sqlalchemy import func, insert, select

from sheda.accounts.models import Role, User, assoc_user_role
from sheda.accounts.passwords import hash_password
from sheda.appointments.models import AvailabilityHours
from sheda.core import actor, clock
from sheda.core.banks import BANKS, nuban_check_digit
from sheda.core.db import db
from sheda.demo.names import AGENCIES, draw_name, plain
from sheda.demo.papers import verify_some
from sheda.demo.places import PLACES
from sheda.profiles.models import AgentProfile, BankAccount, ClientProfile, Profile

DOMAIN = "sheda.example"

ACCOUNTS: tuple[tuple[str, actor.Role, str, str], ...] = (
    ("admin", actor.Role.ADMIN, "Amina", "Bello"),
    ("staff", actor.Role.STAFF, "Tunde", "Balógun"),
    ("agent", actor.Role.AGENT, "Ngọzi", "Okafor"),
    ("client", actor.Role.CLIENT, "Dàmilọ́lá", "Àjàyí"),
)
"""Name before the @, role, given and family name."""

_BIO = (
    "I let and sell homes in this part of town, and I answer the phone.",
    "Twelve years in the business. I only list what I have inspected myself.",
    "Registered with the state and with the estate valuers' institution. No hidden charges.",
    "From mini flats to mansions: tell me your budget and I will tell you the truth.",
)


@dataclass(frozen=True)
class People:
    """Ids of the demo's users: the agents with the demo agent first, the clients with the demo client first."""

    admin: int
    staff: int
    agents: list[int]
    clients: list[int]


def find_demo_user(name: str) -> User | None:
    """Return the demo account of a name, such as "agent"; None before there is one."""
    found: User | None = db.session.scalar(select(User).where(func.lower(User.email) == f"{name}@{DOMAIN}"))
    return found


def make_accounts(password: str) -> bool:
    """Make those of the four accounts that are missing; tell whether any was."""
    missing = [account for account in ACCOUNTS if find_demo_user(account[0]) is None]
    hashed = hash_password(password) if missing else ""
    for name, role, first, last in missing:
        (user_id,) = _add_users(role, [_user(name, first, last, hashed)])
        if role is actor.Role.AGENT:
            _add_agent(Random(name), user_id, f"{first} {last}", AGENCIES[0])
        else:
            _add_profile(user_id, "client" if role is actor.Role.CLIENT else "person")
    return bool(missing)


def make_crowd(draw: Random, agents: int, clients: int, password: str) -> People:
    """Make more agents, each with a bank account, and more clients beside the four accounts."""
    hashed = hash_password(password)
    names = [draw_name(draw) for _ in range(agents + clients)]
    rows = [_user(f"{plain(first)}.{plain(last)}{n}", first, last, hashed) for n, (first, last) in enumerate(names, 1)]
    agent_ids = _add_users(actor.Role.AGENT, rows[:agents])
    for user_id, (first, last) in zip(agent_ids, names[:agents], strict=True):
        _add_agent(draw, user_id, f"{first} {last}", draw.choice(AGENCIES))
    client_ids = _add_users(actor.Role.CLIENT, rows[agents:])
    for user_id in client_ids:
        _add_profile(user_id, "client", **_wishes(draw))
    db.session.flush()
    known = {name: find_demo_user(name) for name, *_ in ACCOUNTS}
    ids = {name: user.id for name, user in known.items() if user is not None}
    people = People(ids["admin"], ids["staff"], [ids["agent"], *agent_ids], [ids["client"], *client_ids])
    verify_some(people.agents, people.staff)
    return people


def _user(name: str, first: str, last: str, hashed: str) -> dict[str, Any]:
    return {
        "first_name": first,
        "last_name": last,
        "username": name,
        "email": f"{name}@{DOMAIN}",
        "password": hashed,
        "active": True,
        "verified_at": clock.now(),
    }


def _add_users(role: actor.Role, rows: list[dict[str, Any]]) -> list[int]:
    if not rows:
        return []
    ids = list(db.session.scalars(insert(User).returning(User.id, sort_by_parameter_order=True), rows))
    role_id = db.session.scalars(select(Role.id).where(Role.name == role.value)).one()
    db.session.execute(insert(assoc_user_role), [{"user_id": user_id, "role_id": role_id} for user_id in ids])
    return ids


def _wishes(draw: Random) -> dict[str, Any]:
    return {
        "budget": Decimal(draw.randrange(4, 60)) * 100_000,
        "budget_currency": "NGN",
        "preferred_areas": sorted({place.area for place in draw.sample(PLACES, 2)}),
    }


def _add_profile(user_id: int, kind: str, **columns: Any) -> None:
    model = {"client": ClientProfile, "agent": AgentProfile}.get(kind, Profile)
    now = clock.now()
    db.session.add(model(user_id=user_id, created_at=now, updated_at=now, **columns))


def _add_agent(draw: Random, user_id: int, name: str, agency: str) -> None:
    licence = f"LASRERA/{draw.randrange(2019, 2026)}/{draw.randrange(1000, 9999)}" if draw.random() < 0.7 else None
    _add_profile(user_id, "agent", agency_name=agency, bio=draw.choice(_BIO), licence_number=licence)
    db.session.add(_bank_account(draw, user_id, name, clock.now() - timedelta(days=500)))
    hours = ((0, 9, 17), (1, 9, 17), (2, 9, 17), (3, 9, 17), (4, 9, 17), (5, 10, 15))
    db.session.add_all(
        AvailabilityHours(agent_id=user_id, weekday=weekday, start_time=time(start), end_time=time(end))
        for weekday, start, end in hours
    )


def _bank_account(draw: Random, agent_id: int, name: str, made: datetime) -> BankAccount:
    code = draw.choice(sorted(BANKS))
    serial = f"{draw.randrange(10**9):09d}"
    return BankAccount(
        agent_id=agent_id,
        bank_code=code,
        account_name=name,
        account_number=f"{serial}{nuban_check_digit(code, serial)}",
        is_default=True,
        created_at=made,
    )
