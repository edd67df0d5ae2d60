"""The smallest valid row of each model: what a test does not say about it is of no meaning to the test."""

import itertools
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from werkzeug.security import generate_password_hash

from sheda.accounts import sessions
from sheda.accounts.models import Role as StoredRole
from sheda.accounts.models import User
from sheda.appointments.models import Appointment, AvailabilityException, AvailabilityHours
from sheda.appointments.states import APPOINTMENT
from sheda.chat.models import Block
from sheda.core import clock
from sheda.core.actor import SYSTEM, Actor, Role
from sheda.core.db import db
from sheda.profiles.banks import nuban_check_digit
from sheda.profiles.models import AgentProfile, BankAccount, ClientProfile, Profile
from sheda.properties.models import Property

PASSWORD = "correct horse battery"

_numbers = itertools.count(1)
_hashes: dict[str, str] = {}


def _hash(password: str) -> str:
    if password not in _hashes:
        _hashes[password] = generate_password_hash(password, "pbkdf2:sha256:1")
    return _hashes[password]


def make_user(role: Role = Role.CLIENT, *, password: str = PASSWORD, **over: Any) -> User:
    """Make an active person of a role with a verified address and a profile, and commit."""
    number = next(_numbers)
    name = role.value.lower()
    values: dict[str, Any] = {
        "first_name": role.value,
        "last_name": f"Number {number}",
        "username": f"{name}{number}",
        "email": f"{name}{number}@sheda.example",
        "password": _hash(password),
        "active": True,
        "verified_at": clock.now(),
        **over,
    }
    user = User(**values)
    user.roles = [db.session.scalars(select(StoredRole).where(StoredRole.name == role.value)).one()]
    db.session.add(user)
    db.session.flush()
    kind = {Role.CLIENT: ClientProfile, Role.AGENT: AgentProfile}.get(role, Profile)
    db.session.add(kind(user_id=user.id, created_at=clock.now(), updated_at=clock.now()))
    db.session.commit()
    return user


def actor_of(user: User) -> Actor:
    """Return a person as services know him."""
    return Actor(user.id, Role(user.roles[0].name), user.get_full_name().strip(), user.email)


def token_for(user: User) -> str:
    """Return an access token of a new sign-in, and commit."""
    token = sessions.access_token(user, sessions.open_family(user))
    db.session.commit()
    return token


def auth(user: User) -> dict[str, str]:
    """Return the headers of a request by a person."""
    return {"Authorization": f"Bearer {token_for(user)}"}


def make_block(blocker: Actor, blocked: Actor) -> Block:
    """Make one person block another, and commit."""
    block = Block(blocker_id=blocker.user_id, blocked_id=blocked.user_id, created_at=clock.now())
    db.session.add(block)
    db.session.commit()
    return block


def make_property(agent: User | None = None, **over: Any) -> Property:
    """Make a published flat for rent, and commit."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "reference": f"SHD-T{number:06}",
        "agent_id": (agent or make_user(Role.AGENT)).id,
        "title": f"Two bedroom flat number {number}",
        "description": "Bright, dry and quiet.",
        "price": Decimal("2500000.00"),
        "currency": "NGN",
        "listing_type": "rent",
        "period": "year",
        "property_type": "apartment",
        "location": "Yaba, Lagos",
        "bedroom": 2,
        "bathroom": 2,
        "amenities": [],
        "status": "available",
        "listing_state": "published",
        "created_at": clock.now(),
        "updated_at": clock.now(),
        "published_at": clock.now(),
        **over,
    }
    if values["listing_type"] == "sale":
        values["period"] = over.get("period")
    subject = Property(**values)
    db.session.add(subject)
    db.session.commit()
    return subject


def make_appointment(subject: Property | None = None, client: User | None = None, **over: Any) -> Appointment:
    """Make a request for a viewing at noon in two days, half an hour long, with its history row, and commit."""
    subject = subject or make_property()
    starts_at: datetime = over.pop("starts_at", None) or datetime.combine(
        clock.today() + timedelta(days=2), time(12), clock.LAGOS
    )
    values: dict[str, Any] = {
        "property_id": subject.id,
        "agent_id": subject.agent_id,
        "client_id": (client or make_user()).id,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=30),
        "status": "pending",
        "created_at": clock.now(),
        "updated_at": clock.now(),
        **over,
    }
    if values["status"] == "pending":
        values.setdefault("expires_at", starts_at - timedelta(hours=1))
    appointment = Appointment(**values)
    db.session.add(appointment)
    db.session.flush()
    APPOINTMENT.begin(SYSTEM, appointment, move="book")
    db.session.commit()
    return appointment


def make_hours(agent: User, weekday: int = 0, start: str = "09:00", end: str = "17:00") -> AvailabilityHours:
    """Make one stretch of an agent's week, and commit."""
    hours = AvailabilityHours(
        agent_id=agent.id, weekday=weekday, start_time=time.fromisoformat(start), end_time=time.fromisoformat(end)
    )
    db.session.add(hours)
    db.session.commit()
    return hours


def make_exception(
    agent: User, day: date, start: str | None = None, end: str | None = None, *, is_available: bool = False
) -> AvailabilityException:
    """Block a day of an agent, or a part of it, or open one, and commit."""
    found = AvailabilityException(
        agent_id=agent.id,
        date=day,
        is_available=is_available,
        start_time=time.fromisoformat(start) if start else None,
        end_time=time.fromisoformat(end) if end else None,
    )
    db.session.add(found)
    db.session.commit()
    return found


def make_bank_account(agent: User, **over: Any) -> BankAccount:
    """Make an agent's default bank account, with a number that fits its bank, and commit."""
    serial = f"{next(_numbers):09d}"
    values: dict[str, Any] = {
        "agent_id": agent.id,
        "bank_code": "058",
        "account_number": f"{serial}{nuban_check_digit('058', serial)}",
        "account_name": agent.get_full_name(),
        "is_default": True,
        "created_at": clock.now(),
        **over,
    }
    account = BankAccount(**values)
    db.session.add(account)
    db.session.commit()
    return account
