"""Who is told of what: the table "Notices" of the API's fine print, by real moves."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from sheda.accounts import services as accounts
from sheda.accounts.models import User
from sheda.appointments import services as appointments
from sheda.contracts import services as contracts
from sheda.core import clock
from sheda.core.actor import SYSTEM, Actor, Role
from sheda.core.banks import nuban_check_digit
from sheda.core.db import db
from sheda.core.events import emit
from sheda.core.outbox import Outbox
from sheda.notifications.kinds import KINDS
from sheda.notifications.models import Notification, Preference
from sheda.payments import services as payments
from sheda.payments.events import PaymentInitiated
from sheda.profiles import services as profiles
from tests.factories import actor_of, make_appointment, make_contract, make_device, make_payment, make_user
from tests.notifications.deals import Deal

NUMBER = f"069000003{nuban_check_digit('044', '069000003')}"


def told(kind: str) -> tuple[list[int], list[int]]:
    """Return who has notices and who has mails of a kind; the same person twice would show twice."""
    db.session.flush()
    notices = db.session.scalars(select(Notification.user_id).where(Notification.kind == kind)).all()
    mails = db.session.scalars(select(Outbox.user_id).where(Outbox.template == kind)).all()
    return sorted(notices), sorted(mails)


def everything() -> Counter[str]:
    db.session.flush()
    return Counter(db.session.scalars(select(Notification.kind)))


def both(*people: Actor) -> tuple[list[int], list[int]]:
    ids = sorted(one.user_id for one in people)
    return ids, ids


class TestViewings:
    def test_booked_tells_the_agent(self, deal: Deal) -> None:
        start = clock.now().replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=3)
        appointments.book(deal.client, deal.home.id, requested_time=start)
        assert told("appointment_booked") == both(deal.agent)
        assert everything() == Counter({"appointment_booked": 1})

    @pytest.mark.parametrize(("off", "expected"), [("app", (0, 1)), ("mail", (1, 0))])
    def test_booked_heeds_what_the_agent_has_said_of_this_kind_alone(
        self, deal: Deal, off: str, expected: tuple[int, int]
    ) -> None:
        for person, kind in ((deal.agent, "appointment_booked"), (deal.client, "appointment_confirmed")):
            db.session.add(Preference(user_id=person.user_id, kind=kind, channel=off, is_on=False))
        start = clock.now().replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=3)
        appointments.book(deal.client, deal.home.id, requested_time=start)
        notices, mails = told("appointment_booked")
        assert (len(notices), len(mails)) == expected

    def test_booked_reaches_the_agents_devices_by_the_same_statement(self, deal: Deal, count_statements: Any) -> None:
        make_device(db.session.get_one(User, deal.agent.user_id))
        start = clock.now().replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=3)
        with count_statements() as seen:
            appointments.book(deal.client, deal.home.id, requested_time=start)
        assert [one.count("INSERT INTO outbox") for one in seen if "INSERT" in one] == [2]
        channels = db.session.scalars(select(Outbox.channel).where(Outbox.template == "appointment_booked"))
        assert sorted(channels) == ["mail", "push"]

    def test_booked_asks_for_the_agents_ways_along_with_the_ground(self, deal: Deal, count_statements: Any) -> None:
        start = clock.now().replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=3)
        client, home = deal.client, deal.home.id
        with count_statements() as seen:
            appointments.book(client, home, requested_time=start)
        assert [("notification_preferences" in one, "INSERT INTO outbox" in one) for one in seen] == [
            (True, False),
            (False, True),
        ]

    @pytest.mark.parametrize("mover", ["client", "agent", "staff"])
    def test_moved_tells_who_did_not_move_it(self, deal: Deal, mover: str) -> None:
        viewing = deal.viewing()
        start = viewing.starts_at + timedelta(days=1)
        reason = "The road is closed." if mover == "staff" else None
        appointments.reschedule(getattr(deal, mover), viewing.id, requested_time=start, reason=reason)
        expected = {"client": [deal.agent], "agent": [deal.client], "staff": [deal.agent, deal.client]}[mover]
        assert told("appointment_moved") == both(*expected)
        assert set(everything()) == {"appointment_moved"}

    def test_confirmed_tells_both(self, deal: Deal) -> None:
        appointments.confirm(deal.agent, deal.viewing().id)
        assert told("appointment_confirmed") == both(deal.agent, deal.client)

    def test_confirming_again_tells_nobody_twice(self, deal: Deal) -> None:
        viewing = deal.viewing()
        for _ in range(2):
            appointments.confirm(deal.agent, viewing.id)
        assert told("appointment_confirmed") == both(deal.agent, deal.client)

    def test_rejected_tells_the_client_why_and_what_is_free(self, deal: Deal) -> None:
        appointments.reject(deal.agent, deal.viewing().id, reason="I am\naway  that day.")
        assert told("appointment_rejected") == both(deal.client)
        words = db.session.scalars(select(Outbox)).one().context
        assert ["Reason", "I am away that day."] in words["facts"]
        assert len(words["suggestions"]) == 3
        assert words["when"] not in words["suggestions"]

    @pytest.mark.parametrize("who", ["client", "agent", "staff", "system"])
    def test_cancelled_tells_the_other(self, deal: Deal, who: str) -> None:
        viewing = deal.viewing()
        if who == "system":
            appointments.cancel_future_for_property(deal.home)
        else:
            appointments.cancel(getattr(deal, who), viewing.id, reason="It rains.")
        expected = {"client": [deal.agent], "agent": [deal.client]}.get(who, [deal.agent, deal.client])
        assert told("appointment_canceled") == both(*expected)

    def test_expired_tells_both(self, deal: Deal) -> None:
        viewing = deal.viewing(expires_at=clock.now() - timedelta(minutes=1))
        assert appointments.expire_if_due(appointments.hold(viewing.id))
        assert told("appointment_expired") == both(deal.agent, deal.client)

    def test_completed_and_missed_tell_nobody(self, deal: Deal) -> None:
        appointments.complete(deal.agent, deal.viewing(status="confirmed").id)
        assert everything() == Counter()


class TestPayments:
    def test_shown_account_details_tell_the_client_and_never_the_number(self, deal: Deal) -> None:
        seen = deal.viewing(status="completed", starts_at=clock.now() - timedelta(days=1))
        payment = payments.initiate(deal.client, seen.id)
        payments.initiate(deal.client, seen.id)
        assert told("payment_initiated") == both(deal.client)
        mail = db.session.scalars(select(Outbox)).one()
        assert payment.account["account_number"] not in str(mail.context)

    def test_declared_tells_the_agent(self, deal: Deal) -> None:
        payment = deal.payment()
        contracts.declare(deal.client, deal.home.id, amount_paid=payment.amount, paid_on=clock.today())
        assert told("payment_declared") == both(deal.agent)

    def declared(self, deal: Deal) -> Any:
        payment = deal.payment()
        return contracts.declare(deal.client, deal.home.id, amount_paid=payment.amount, paid_on=clock.today())

    def test_accepted_tells_client_and_agent_once_each(self, deal: Deal) -> None:
        contract = self.declared(deal)
        for _ in range(2):
            contracts.confirm_payment(deal.agent, contract.id)
        assert told("payment_accepted") == both(deal.agent, deal.client)
        assert everything() == Counter({"payment_accepted": 2, "payment_declared": 1})

    def test_declined_tells_the_client_why(self, deal: Deal) -> None:
        contract = self.declared(deal)
        contracts.confirm_payment(deal.agent, contract.id, decision="decline", reason="Nothing has come.")
        assert told("payment_declined") == both(deal.client)

    def test_superseded_tells_the_other_clients(self, deal: Deal) -> None:
        rival = make_user()
        seen = make_appointment(deal.home, rival, status="completed", starts_at=clock.now() - timedelta(days=2))
        make_payment(seen)
        contracts.confirm_payment(deal.agent, self.declared(deal).id)
        assert told("payment_superseded") == both(actor_of(rival))

    def test_escalated_calls_the_staff(self, deal: Deal) -> None:
        payment = deal.payment(status="declared", decide_by=clock.now() - timedelta(minutes=1))
        make_contract(payment, status="pending")
        assert payments.escalate_if_due(payment)
        assert told("payment_escalated") == both(deal.staff)

    def test_without_staff_the_admins_are_called(self, deal: Deal) -> None:
        admin = make_user(Role.ADMIN)
        deal.staff_user.active = False
        payment = deal.payment(status="declared", decide_by=clock.now() - timedelta(minutes=1))
        make_contract(payment, status="pending")
        payments.escalate_if_due(payment)
        assert told("payment_escalated") == both(actor_of(admin))

    def test_a_cancelled_declaration_is_shown_to_agent_and_office_without_a_mail(self, deal: Deal) -> None:
        payment_id = self.declared(deal).payment_id
        payments.cancel(deal.client, payment_id)
        assert told("payment_canceled") == (sorted((deal.agent.user_id, deal.staff.user_id)), [])


class TestContracts:
    def test_ended_tells_both_and_asks_the_agent_whether_it_is_still_available(self, deal: Deal) -> None:
        contract = deal.contract()
        for _ in range(2):
            contracts.expire(deal.staff, contract.id, reason="Both agreed.")
        assert told("contract_ended") == both(deal.agent, deal.client)
        assert told("property_returned") == ([deal.agent.user_id], [])

    def test_notice_tells_the_other(self, deal: Deal) -> None:
        contracts.terminate(deal.client, deal.contract().id)
        assert told("contract_notice") == both(deal.agent)

    def test_a_proposed_renewal_tells_the_other(self, deal: Deal) -> None:
        contracts.propose_renewal(deal.agent, deal.contract().id, periods=2)
        assert told("renewal_proposed") == both(deal.client)


class TestSafety:
    def test_a_changed_password_tells_its_owner_every_time(self, deal: Deal) -> None:
        for password in ("one quite long password", "two quite long password"):
            accounts.set_password(deal.client_user, password)
        assert told("password_changed") == ([deal.client.user_id] * 2, [deal.client.user_id] * 2)

    def test_a_bank_account_tells_its_owner_when_added_changed_and_removed(self, deal: Deal) -> None:
        account = profiles.add_bank_account(deal.agent, bank_code="044", account_number=NUMBER, account_name="Ada Obi")
        profiles.change_bank_account(deal.agent, account.id, {"account_name": "Ada N. Obi"})
        profiles.remove_bank_account(deal.agent, account.id)
        assert told("bank_account_changed") == ([deal.agent.user_id] * 3, [deal.agent.user_id] * 3)
        assert NUMBER not in str([mail.context for mail in db.session.scalars(select(Outbox))])


class TestClosing:
    def test_a_closed_account_leaves_nothing_of_what_it_was_told(self, deal: Deal) -> None:
        appointments.confirm(deal.agent, deal.viewing().id)
        profiles.close_account(deal.client)
        assert told("appointment_confirmed")[0] == [deal.agent.user_id]
        mine = db.session.scalars(select(Outbox).where(Outbox.user_id == deal.client.user_id)).all()
        assert mine
        assert all((one.context, one.sent_at, one.dead_at is None) == ({}, None, False) for one in mine)
        assert told("appointment_canceled")[0] == [deal.agent.user_id]


class TestPreferences:
    def wish(self, user: User, kind: str, channel: str) -> None:
        db.session.add(Preference(user_id=user.id, kind=kind, channel=channel, is_on=False))
        db.session.flush()

    def test_each_channel_can_be_switched_off_alone(self, deal: Deal) -> None:
        self.wish(deal.client_user, "appointment_confirmed", "mail")
        self.wish(deal.agent_user, "appointment_confirmed", "app")
        appointments.confirm(deal.agent, deal.viewing().id)
        assert told("appointment_confirmed") == ([deal.client.user_id], [deal.agent.user_id])

    def test_a_security_mail_leaves_whatever_is_stored(self, deal: Deal) -> None:
        self.wish(deal.agent_user, "bank_account_changed", "mail")
        profiles.add_bank_account(deal.agent, bank_code="044", account_number=NUMBER, account_name="Ada Obi")
        assert told("bank_account_changed")[1] == [deal.agent.user_id]


class TestKeys:
    def test_one_event_emitted_twice_tells_once(self, deal: Deal) -> None:
        payment = deal.payment()
        for _ in range(2):
            emit(PaymentInitiated(payment, SYSTEM))
        assert told("payment_initiated") == both(deal.client)

    def test_every_text_fits_its_column_however_long_the_names_are(self, deal: Deal) -> None:
        deal.home.title = "W" * 100
        for user in (deal.agent_user, deal.client_user):
            user.first_name, user.last_name = "N" * 64, "M" * 64
        appointments.confirm(deal.agent, deal.viewing().id)
        contracts.terminate(deal.staff, deal.contract().id, reason="x" * 500)
        assert all(len(one.text) <= 300 for one in db.session.scalars(select(Notification)))

    def test_every_kind_has_its_mail(self) -> None:
        without = {kind for kind, about in KINDS.items() if not about.mails}
        assert without == {
            "message_reported", "payment_canceled", "payment_refunded", "property_returned", "report_closed",
            "verification_submitted",
        }  # fmt: skip
