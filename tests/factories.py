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
from sheda.contracts.models import LIVE_STATES, Contract
from sheda.contracts.states import CONTRACT
from sheda.contracts.terms import end_of
from sheda.core import clock
from sheda.core.actor import SYSTEM, Actor, Role
from sheda.core.banks import bank_name, nuban_check_digit
from sheda.core.db import db
from sheda.hooks.catalogue import EVENTS
from sheda.hooks.models import HookEndpoint
from sheda.notifications.models import PushDevice
from sheda.payments.models import Payment
from sheda.payments.states import PAYMENT
from sheda.profiles import services as profiles
from sheda.profiles.models import AgentProfile, BankAccount, ClientProfile, Profile
from sheda.properties.models import Property, PropertyImage
from sheda.shortlists import services as shortlists
from sheda.shortlists.models import Favourite, SavedSearch
from sheda.shortlists.schemas import SavedFilters

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


def make_payment(viewing: Appointment | None = None, **over: Any) -> Payment:
    """Make an initiated payment of one period after a viewing, and commit; a declared one holds the home."""
    viewing = viewing or make_appointment(status="completed", starts_at=clock.now() - timedelta(days=1))
    subject = db.session.get_one(Property, viewing.property_id)
    agent = db.session.get_one(User, viewing.agent_id)
    account = profiles.default_bank_account(agent.id) or make_bank_account(agent)
    kind, period = subject.listing_type, subject.period
    line = {"kind": "rent" if period else "price", "label": "Rent, 1 year" if period else "Price", "quantity": 1}
    values: dict[str, Any] = {
        "reference": f"PAY-{next(_numbers):08d}",
        "kind": kind,
        "appointment_id": viewing.id,
        "property_id": subject.id,
        "client_id": viewing.client_id,
        "agent_id": agent.id,
        "period": period,
        "periods": 1 if period else None,
        "lines": [{**line, "unit_amount": f"{subject.price:.2f}", "amount": f"{subject.price:.2f}"}],
        "amount": subject.price,
        "currency": subject.currency,
        "bank_account_id": account.id,
        "account": {
            "bank_code": account.bank_code,
            "bank_name": bank_name(account.bank_code),
            "account_name": account.account_name,
            "account_number": account.account_number,
        },
        "status": "initiated",
        "expires_at": clock.now() + timedelta(hours=48),
        "created_at": clock.now(),
        "updated_at": clock.now(),
        **over,
    }
    if values["status"] != "initiated":
        values = {
            "declared_at": clock.now(),
            "decide_by": clock.now() + timedelta(hours=72),
            "amount_paid": values["amount"],
            "paid_on": clock.today(),
            **values,
        }
    payment = Payment(**values)
    db.session.add(payment)
    db.session.flush()
    PAYMENT.begin(SYSTEM, payment, move="initiate")
    if payment.status == "declared" and payment.kind != "renewal":
        subject.held_by_payment_id = payment.id
    db.session.commit()
    return payment


def make_contract(payment: Payment | None = None, **over: Any) -> Contract:
    """Make an active contract of an accepted payment, from today on, and commit; a live one takes the home."""
    status = over.get("status", "active")
    payment = payment or make_payment(status="declared" if status == "pending" else "accepted")
    start = over.get("start_date", clock.today())
    values: dict[str, Any] = {
        "reference": f"CON-{next(_numbers):08d}",
        "property_id": payment.property_id,
        "client_id": payment.client_id,
        "agent_id": payment.agent_id,
        "payment_id": payment.id,
        "replaces_id": payment.renews_contract_id,
        "contract_type": "sale" if payment.kind == "sale" else "rent",
        "amount": payment.amount,
        "currency": payment.currency,
        "period": payment.period,
        "periods": payment.periods,
        "start_date": start,
        "end_date": end_of(start, payment.period, payment.periods),
        "status": status,
        "created_at": clock.now(),
        **over,
    }
    contract = Contract(**values)
    db.session.add(contract)
    db.session.flush()
    CONTRACT.begin(SYSTEM, contract)
    if status in LIVE_STATES:
        subject = db.session.get_one(Property, payment.property_id)
        subject.status, subject.held_by_payment_id = "rented" if payment.period else "sold", None
    db.session.commit()
    return contract


def make_favourite(user: User, subject: Property | None = None) -> Favourite:
    """Make a listing somebody's favourite, and commit."""
    favourite, _ = shortlists.like(actor_of(user), (subject or make_property()).id)
    db.session.commit()
    return favourite


def make_saved_search(user: User | None = None, *, alert: str = "none", **filters: Any) -> SavedSearch:
    """Save a search of these filters, and commit."""
    asked = SavedFilters().load(filters)
    search = shortlists.save(actor_of(user or make_user()), name="Flats in Yaba", filters=asked, alert=alert)
    db.session.commit()
    return search


def make_image(subject: Property, **over: Any) -> PropertyImage:
    """Make a rendered picture of a listing, its first the cover, and commit; its files are nowhere."""
    number = len(db.session.scalars(select(PropertyImage.id).where(PropertyImage.property_id == subject.id)).all())
    values: dict[str, Any] = {
        "property_id": subject.id,
        "position": number,
        "is_cover": number == 0,
        "width": 800,
        "height": 600,
        "status": "ready",
        "key": f"public/aa/{next(_numbers):048x}",
        "created_at": clock.now(),
        **over,
    }
    image = PropertyImage(**values)
    db.session.add(image)
    db.session.commit()
    return image


def make_hook(owner: User, **over: Any) -> HookEndpoint:
    """Make an endpoint that asked for every event; an agent's hears of his own affairs."""
    is_agent = actor_of(owner).role is Role.AGENT
    values = {
        "owner_id": owner.id,
        "agent_id": owner.id if is_agent else None,
        "url": "https://hooks.agency.example/",
        "events": list(EVENTS),
        "salt": f"{next(_numbers):032d}",
        "created_at": clock.now(),
        "updated_at": clock.now(),
    }
    hook = HookEndpoint(**{**values, **over})
    db.session.add(hook)
    db.session.commit()
    return hook


def make_device(user: User) -> PushDevice:
    """Make a device that takes somebody's pushes; nothing pushed to it can be read."""
    number = next(_numbers)
    device = PushDevice(
        user_id=user.id,
        endpoint=f"https://push.example.com/{number}",
        endpoint_hash=f"{number:064}",
        p256dh="p",
        auth="a",
        created_at=clock.now(),
    )
    db.session.add(device)
    db.session.commit()
    return device
