"""One agent's business, with something waiting on every page, and another agent's beside it with a word of its own."""

import io
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import pikepdf
import sqlalchemy as sa
from PIL import Image

from sheda.accounts.models import User
from sheda.appointments.models import Appointment
from sheda.chat import attachments, replies, reports
from sheda.chat import services as chat
from sheda.chat.models import Message, Report
from sheda.contracts.models import Contract
from sheda.core import clock, files, outbox, saved_views
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.states import record
from sheda.notifications.models import Notification
from sheda.payments.models import File, Payment
from sheda.profiles.models import BankAccount
from sheda.properties.models import Property
from tests import factories

CANARY = "zxcanaryzx"
PHONE = "+2348031234567"


@dataclass
class World:
    """The people and records that pages are about."""

    agent: User
    client: User
    other_agent: User
    staff: User
    admin: User
    home: Property
    viewing: Appointment
    payment: Payment
    contract: Contract

    def paths(self) -> list[str]:
        """Return the agent's pages."""
        numbers = {
            "properties": self.home.id,
            "appointments": self.viewing.id,
            "payments": self.payment.id,
            "contracts": self.contract.id,
            "bank-accounts": db.session.scalars(sa.select(BankAccount.id).order_by(BankAccount.id)).first(),
        }
        rooms = [*numbers, "hours", "days-off"]
        return [
            "/admin/",
            "/admin/more",
            "/admin/nothing-here",
            "/admin/search/?q=Funke",
            "/admin/notices/list/",
            "/admin/deals/list/",
            f"/admin/deals/{self.viewing.property_id}/{self.client.id}",
            *(f"/admin/calendar/?view={view}" for view in ("day", "week", "month")),
            *(f"/admin/{room}/list/?tab=all" for room in rooms),
            *(f"/admin/{room}/show/{number}" for room, number in numbers.items()),
            *(f"/admin/{room}/add" for room in ("properties", "bank-accounts", "hours", "days-off")),
            f"/admin/properties/edit/{self.home.id}",
            f"/admin/properties/move/{self.home.id}/archive",
            f"/admin/appointments/move/{self.viewing.id}/reject",
            f"/admin/payments/move/{self.payment.id}/accept",
            "/admin/chats/list/",
            "/admin/chats/list/?search=water",
            "/admin/chats/list/?search=nothing+of+it",
            f"/admin/chats/with/{self.client.id}",
            f"/admin/chats/with/{self.client.id}/block",
            f"/admin/chats/with/{self.client.id}/report/{self.message_id()}",
            "/admin/quick-replies/list/",
            "/admin/quick-replies/add",
        ]

    def message_id(self) -> int:
        """Return a message that the client wrote to the agent."""
        return db.session.scalars(sa.select(Message.id).where(Message.receiver_id == self.agent.id)).first() or 0

    def desk_paths(self) -> list[str]:
        """Return the pages of staff and admins."""
        rooms = ("deals", "users", "roles", "outbox", "jobs", "history", "properties", "payments", "reports")
        return [
            "/admin/",
            "/admin/more",
            *(f"/admin/{room}/list/?tab=all" for room in rooms),
            f"/admin/users/show/{self.client.id}",
            f"/admin/payments/show/{self.payment.id}",
            f"/admin/reports/show/{db.session.scalars(sa.select(Report.id)).one()}",
            f"/admin/users/move/{self.client.id}/deactivate",
        ]


def photo(shade: int = 120) -> bytes:
    """Draw a small picture and return it as a JPEG."""
    kept = io.BytesIO()
    Image.new("RGB", (800, 600), (shade, 110, 90)).save(kept, "JPEG")
    return kept.getvalue()


def make_world() -> World:
    """Make it all, and commit."""
    agent = factories.make_user(Role.AGENT, first_name="Ngozi", last_name="Okafor")
    client = factories.make_user(first_name="Funke", last_name="Adeyemi", phone=PHONE)
    factories.make_bank_account(agent)
    for weekday in range(7):
        factories.make_hours(agent, weekday)
    factories.make_exception(agent, clock.today() + timedelta(days=3))
    home = factories.make_property(agent, title="Three bedroom flat, Opebi", listing_state="paused")
    shown = factories.make_property(agent, title="Two bedroom flat, Yaba")
    noon = datetime.combine(clock.today() + timedelta(days=2), time(12), clock.LAGOS)
    viewing = factories.make_appointment(shown, client, starts_at=noon)
    payment = declared(agent, client)
    contract = factories.make_contract(
        factories.make_payment(
            factories.make_appointment(
                factories.make_property(agent, title="Duplex, Ibadan"),
                factories.make_user(first_name="Bola"),
                status="completed",
                starts_at=clock.now() - timedelta(days=2),
            ),
            status="accepted",
        ),
        start_date=clock.today() - timedelta(days=353),
        end_date=clock.today() + timedelta(days=12),
    )
    replies.give_to(agent.id)
    talk(agent, client, shown)
    outbox.post_mail(agent.id, "password_changed", key=f"world:{agent.id}")
    db.session.add(notice(agent, viewing))
    db.session.commit()
    return World(
        agent,
        client,
        make_other(client),
        factories.make_user(Role.STAFF, first_name="Tunde"),
        factories.make_user(Role.ADMIN, first_name="Ada"),
        home,
        viewing,
        payment,
        contract,
    )


def talk(agent: User, client: User, shown: Property) -> None:
    """Let a client write about a home, with a picture and a document, and the agent report what came before."""
    asks = factories.actor_of(client)
    pay = chat.send(asks, agent.id, "Pay me here instead: https://pay.example/now", property_id=shown.id)
    reports.report(factories.actor_of(agent), pay.id, reason="fraud", note="Not our account.")
    kept = [attachments.store(asks, data, name).id for data, name in ((photo(), "kitchen.jpg"), (paper(), "slip.pdf"))]
    chat.send(asks, agent.id, "", attachment_ids=kept)
    chat.send(asks, agent.id, "Is the water treated?", property_id=shown.id)


def paper() -> bytes:
    """Write a document of one empty page."""
    kept = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(kept)
    return kept.getvalue()


def declared(agent: User, client: User) -> Payment:
    """Make a payment that waits for the agent, with its proof."""
    subject = factories.make_property(agent, title="Self-contained flat, Surulere")
    viewed = factories.make_appointment(subject, client, status="completed", starts_at=clock.now() - timedelta(days=1))
    proof = File(
        owner_id=client.id, key=files.put(files.Area.PRIVATE, photo(), "jpg"), content_type="image/jpeg",
        size=8, sha256="0" * 64, created_at=clock.now(),
    )  # fmt: skip
    db.session.add(proof)
    db.session.flush()
    payment = factories.make_payment(viewed, status="declared", proof_file_id=proof.id)
    factories.make_contract(payment, status="pending")
    return payment


def make_other(shared: User) -> User:
    """Make another agent's business, also with a client of ours; its word must be read on nobody else's page."""
    other = factories.make_user(Role.AGENT, first_name=CANARY, last_name=CANARY)
    stranger = factories.make_user(first_name=CANARY, phone="+2348039999999")
    factories.make_bank_account(other, account_name=CANARY)
    home = factories.make_property(other, title=f"A home of {CANARY}", location=CANARY, listing_state="paused")
    viewed = factories.make_appointment(home, stranger, status="completed", starts_at=clock.now() - timedelta(hours=3))
    factories.make_payment(viewed, status="declared", payer_name=CANARY)
    shown = factories.make_property(other, title=f"Shown by {CANARY}", city=CANARY)
    soon = datetime.combine(clock.today() + timedelta(days=2), time(15), clock.LAGOS)
    asked = factories.make_appointment(shown, shared, starts_at=soon, note=CANARY)
    factories.make_contract(
        factories.make_payment(
            factories.make_appointment(
                factories.make_property(other, title=f"Let by {CANARY}"),
                shared,
                status="completed",
                starts_at=clock.now() - timedelta(days=3),
                note=CANARY,
            ),
            status="accepted",
            payer_name=CANARY,
        )
    )
    chat.send(factories.actor_of(stranger), other.id, f"Hello from {CANARY}")
    chat.send(factories.actor_of(shared), other.id, f"To {CANARY}", property_id=shown.id)
    record(factories.actor_of(other), asked, "note", None, "pending", reason=CANARY)
    saved_views.save(factories.actor_of(other), "PropertyView", CANARY, "tab=all")
    db.session.add(notice(other, asked, f"{CANARY} wants to view."))
    return other


def notice(
    agent: User, viewing: Appointment, text: str = "Funke Adeyemi wants to view Two bedroom flat, Yaba."
) -> Notification:
    """Make one notice that is not read yet."""
    return Notification(
        user_id=agent.id,
        key=f"world:{viewing.id}",
        kind="appointment_booked",
        text=text,
        subject_type="appointments",
        subject_id=viewing.id,
        created_at=clock.now(),
    )
