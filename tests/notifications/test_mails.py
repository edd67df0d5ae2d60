"""Every mail that Sheda sends, made by the event that sends it, in both its forms."""

import re
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from pypdf import PdfReader
from sqlalchemy import select

from sheda.accounts import codes
from sheda.accounts import services as accounts
from sheda.accounts.events import TwoFactorChanged
from sheda.appointments import services as appointments
from sheda.chat import reports
from sheda.chat import services as chat
from sheda.chat.events import MessagesWait
from sheda.chat.models import Message
from sheda.contracts import services as contracts
from sheda.core import clock, outbox
from sheda.core.banks import nuban_check_digit
from sheda.core.db import db
from sheda.core.events import emit
from sheda.core.mail import Undeliverable
from sheda.core.outbox import Outbox
from sheda.hooks import services as hooks
from sheda.notifications import jobs
from sheda.notifications.kinds import KINDS
from sheda.payments import services as payments
from sheda.payments.events import GatewayFlagged
from sheda.payments.models import WebhookEvent
from sheda.profiles import services as profiles
from sheda.profiles.events import VerificationDecided
from sheda.profiles.models import AgentVerification
from tests.factories import make_appointment, make_contract, make_hook, make_payment, make_user
from tests.notifications.deals import Deal

NUMBER = f"069000003{nuban_check_digit('044', '069000003')}"
EVIL = "<script>alert(1)</script>\r\nBcc: thief@example.com"


def booked(deal: Deal) -> None:
    start = clock.now().replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=3)
    appointments.book(deal.client, deal.home.id, requested_time=start, note=EVIL)


def moved(deal: Deal) -> None:
    viewing = deal.viewing()
    appointments.reschedule(
        deal.staff, viewing.id, requested_time=viewing.starts_at + timedelta(days=1), reason="The road is closed."
    )


def reminded(deal: Deal) -> None:
    viewing = deal.viewing(status="confirmed", starts_at=clock.now() + timedelta(days=2))
    with clock.travel(viewing.starts_at - timedelta(hours=23)):
        jobs.remind_of_viewings()


def declared(deal: Deal) -> Any:
    payment = deal.payment()
    return contracts.declare(
        deal.client, deal.home.id, amount_paid=payment.amount, paid_on=clock.today(), payer_name=EVIL
    )


def decision_due(deal: Deal) -> None:
    declared(deal)
    with clock.travel(clock.now() + timedelta(hours=25)):
        jobs.remind_of_decisions()


def superseded(deal: Deal) -> None:
    rival = make_user()
    make_payment(make_appointment(deal.home, rival, status="completed", starts_at=clock.now() - timedelta(days=2)))
    contracts.confirm_payment(deal.agent, declared(deal).id)


def escalated(deal: Deal) -> None:
    payment = deal.payment(status="declared", decide_by=clock.now() - timedelta(minutes=1))
    make_contract(payment, status="pending")
    payments.escalate_if_due(payment)


def ending(deal: Deal) -> None:
    contract = deal.contract()
    with clock.travel(clock.now().replace(year=clock.now().year + 1) - timedelta(days=7)):
        assert contract.end_date
        jobs.remind_of_contracts()


def initiated(deal: Deal) -> None:
    payments.initiate(deal.client, deal.viewing(status="completed", starts_at=clock.now() - timedelta(days=1)).id)


def expired(deal: Deal) -> None:
    viewing = deal.viewing(expires_at=clock.now() - timedelta(minutes=1))
    appointments.expire_if_due(appointments.hold(viewing.id))


def add_account(deal: Deal) -> None:
    profiles.add_bank_account(deal.agent, bank_code="044", account_number=NUMBER, account_name="Ada Obi")


def flagged(deal: Deal) -> None:
    told = WebhookEvent(
        provider="paystack",
        event_id="1",
        name="charge.dispute.create",
        payload="{}",
        received_at=clock.now(),
        due_at=clock.now(),
    )
    db.session.add(told)
    db.session.flush()
    emit(GatewayFlagged(told, "paystack", "dispute", deal.payment()))


def waiting(deal: Deal) -> None:
    message = db.session.get_one(Message, chat.send(deal.client, deal.agent.user_id, EVIL).id)
    emit(
        MessagesWait(
            message.conversation_id,
            deal.agent.user_id,
            deal.client.user_id,
            "Ngozi",
            1,
            message.id,
            (EVIL,),
            "/admin/chats/",
        )
    )


def papers_sent_back(deal: Deal) -> None:
    row = AgentVerification(agent_id=deal.agent_user.id, status="rejected", created_at=clock.now())
    db.session.add(row)
    db.session.flush()
    emit(VerificationDecided(row, deal.staff, EVIL))


def warned(deal: Deal) -> None:
    sent = chat.send(deal.client, deal.agent.user_id, EVIL)
    report, _ = reports.report(deal.agent, sent.id, reason="fraud", note=EVIL)
    reports.warn(deal.staff, report.id, reason=EVIL)


CAUSES: dict[str, Callable[[Deal], Any]] = {
    "appointment_booked": booked,
    "appointment_moved": moved,
    "appointment_confirmed": lambda deal: appointments.confirm(deal.agent, deal.viewing().id),
    "appointment_rejected": lambda deal: appointments.reject(deal.agent, deal.viewing().id, reason=EVIL),
    "appointment_canceled": lambda deal: appointments.cancel(deal.agent, deal.viewing().id, reason=EVIL),
    "appointment_expired": expired,
    "appointment_reminder": reminded,
    "payment_initiated": initiated,
    "payment_declared": declared,
    "payment_decision_due": decision_due,
    "payment_accepted": lambda deal: contracts.confirm_payment(deal.agent, declared(deal).id),
    "payment_declined": lambda deal: contracts.confirm_payment(
        deal.agent, declared(deal).id, decision="decline", reason=EVIL
    ),
    "payment_superseded": superseded,
    "payment_escalated": escalated,
    "contract_ending": ending,
    "contract_ended": lambda deal: contracts.expire(deal.staff, deal.contract().id, reason=EVIL),
    "contract_notice": lambda deal: contracts.terminate(deal.client, deal.contract().id),
    "renewal_proposed": lambda deal: contracts.propose_renewal(deal.agent, deal.contract().id, periods=2),
    "password_changed": lambda deal: accounts.set_password(deal.client_user, "one quite long password"),
    "bank_account_changed": add_account,
    "two_factor_changed": lambda deal: emit(TwoFactorChanged(deal.client_user, "reset", reason=EVIL)),
    "verification_decided": papers_sent_back,
    "gateway_flagged": flagged,
    "chat_waiting": waiting,
    "sender_warned": warned,
    "hook_stopped": lambda deal: hooks.stop(make_hook(deal.agent_user), "it has taken nothing for 5 days"),
    "code": lambda deal: codes.post(deal.client_user, deal.client_user.email, codes.RESET),
}


def letters(kind: str) -> list[EmailMessage]:
    db.session.commit()
    db.session.expire_all()
    rows = db.session.scalars(select(Outbox).where(Outbox.template == kind).order_by(Outbox.id)).all()
    return [compose(row) for row in rows]


def compose(row: Outbox) -> EmailMessage:
    preparer = outbox._preparers.get(row.template)
    extras = preparer(row) if preparer else outbox.mail.Extras()
    return outbox.mail.compose(row.user_id, row.template, row.context, extras, row.message_id).message


def form(letter: EmailMessage, kind: str) -> str:
    part = letter.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_every_kind_of_mail_is_looked_at_here() -> None:
    assert set(CAUSES) == {kind for kind, about in KINDS.items() if about.mails} | {"code"}


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("kind", CAUSES)
def test_a_mail_says_its_thing_in_both_forms(deal: Deal, app: Flask, kind: str) -> None:
    deal.home.title, deal.client_user.first_name = f"Flat {EVIL}", f"Ada {EVIL}"[:64]
    CAUSES[kind](deal)
    found = letters(kind)
    assert found
    for letter in found:
        subject, plain, html = str(letter["Subject"]), form(letter, "plain"), form(letter, "html")
        assert subject
        assert "\n" not in subject
        assert letter["Bcc"] is None
        assert subject.split(maxsplit=1)[0] in html
        for text in (subject, plain, html):
            assert not re.search(r"\{[{%]|None|Undefined", text)
        assert "<script>" not in html
        assert plain.startswith("Hello")
        links = re.findall(r"https?://[^\s\"<>]+", plain + html)
        assert links or kind == "code"
        assert all(link.startswith(app.config["PUBLIC_URL"]) for link in links)
        assert not re.search(rb"^Bcc:", bytes(letter).partition(b"\n\n")[0], re.MULTILINE)


class TestWords:
    def test_money_and_moments_read_as_people_write_them(self, deal: Deal) -> None:
        contract = declared(deal)
        contracts.confirm_payment(deal.agent, contract.id)
        text = form(letters("payment_accepted")[0], "plain")
        assert "₦2,500,000" in text
        assert re.search(r"runs from \w{3} \d{1,2} \w{3} 20\d\d to \w{3} \d{1,2} \w{3} 20\d\d", text)

    def test_a_viewing_is_told_in_the_agents_time(self, deal: Deal) -> None:
        profiles.profile_of(deal.agent.user_id).time_zone = "Europe/London"
        viewing = deal.viewing()
        appointments.confirm(deal.agent, viewing.id)
        text = form(letters("appointment_confirmed")[0], "plain")
        assert "11:00 (London time)" in text or "12:00 (London time)" in text

    def test_agents_are_led_to_their_desk_and_clients_to_the_app(self, deal: Deal, app: Flask) -> None:
        viewing = deal.viewing()
        appointments.confirm(deal.agent, viewing.id)
        mails_by_address = {str(one["To"]): form(one, "plain") for one in letters("appointment_confirmed")}
        desk = f"{app.config['PUBLIC_URL']}/admin/appointments/show/{viewing.id}"
        assert [desk in text for address, text in mails_by_address.items() if deal.agent.email in address] == [True]
        assert [desk in text for address, text in mails_by_address.items() if deal.client.email in address] == [False]


class TestPapers:
    def test_receipt_and_contract_come_in_one_mail(self, deal: Deal) -> None:
        contract = declared(deal)
        contracts.confirm_payment(deal.agent, contract.id)
        for letter in letters("payment_accepted"):
            (paper,) = letter.iter_attachments()
            assert paper.get_content_type() == "application/pdf"
            content = paper.get_content()
            text = "".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)
            assert contract.reference in text
            assert "received and confirmed" in text

    def test_no_reminder_leaves_for_a_viewing_that_has_begun(self, deal: Deal) -> None:
        reminded(deal)
        row = db.session.scalars(select(Outbox).where(Outbox.template == "appointment_reminder")).first()
        assert row is not None
        with clock.travel(clock.now() + timedelta(days=3)), pytest.raises(Undeliverable):
            compose(row)
