from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.errors import InvalidInput, NotAllowed, NotFound
from sheda.core.states import History
from sheda.notifications.models import Notification
from sheda.payments import refunds
from sheda.payments.models import Payment
from tests import factories
from tests.pages import Browser, browser_of
from tests.payments.conftest import Deal

HOW = "Transfer FT26326 on 22 November"


@pytest.fixture
def owed(deal: Deal) -> Payment:
    return factories.make_payment(deal.viewing, status="canceled", refund_due=True)


class TestSendRefund:
    def test_it_is_owed_no_more_written_down_and_told_to_the_client(self, deal: Deal, owed: Payment) -> None:
        found = refunds.send_refund(deal.by_agent, owed.id, reason=HOW)
        assert (found.refund_due, found.status) == (False, "canceled")
        entry = db.session.scalars(select(History).where(History.move == "refund")).one()
        assert (entry.subject_id, entry.actor_id, entry.reason) == (owed.id, deal.agent.id, HOW)
        told = db.session.scalars(select(Notification).where(Notification.kind == "payment_refunded")).one()
        assert told.user_id == deal.client.id
        assert HOW in told.text

    def test_the_office_may_note_it(self, deal: Deal, owed: Payment) -> None:
        staff = factories.actor_of(factories.make_user(Role.STAFF))
        assert refunds.send_refund(staff, owed.id, reason=HOW).refund_due is False

    def test_nobody_notes_it_without_saying_how(self, deal: Deal, owed: Payment) -> None:
        with pytest.raises(InvalidInput):
            refunds.send_refund(deal.by_agent, owed.id, reason=" ")
        assert owed.refund_due is True

    def test_the_client_does_not_note_it_and_another_agent_does_not_find_it(self, deal: Deal, owed: Payment) -> None:
        with pytest.raises(NotAllowed):
            refunds.send_refund(deal.by_client, owed.id, reason=HOW)
        with pytest.raises(NotFound):
            refunds.send_refund(factories.actor_of(factories.make_user(Role.AGENT)), owed.id, reason=HOW)

    def test_where_none_is_due_none_is_sent_and_so_not_twice(self, deal: Deal, owed: Payment) -> None:
        refunds.send_refund(deal.by_agent, owed.id, reason=HOW)
        with pytest.raises(refunds.NoRefundDue):
            refunds.send_refund(deal.by_agent, owed.id, reason=HOW)


class TestPages:
    @pytest.fixture
    def browser(self, app: Flask, deal: Deal) -> Browser:
        return browser_of(app, deal.agent)

    def test_the_tab_of_refunds_is_emptied_by_the_move(self, browser: Browser, owed: Payment) -> None:
        assert "Refund sent" in browser.get("/admin/payments/list/?tab=refunds").text
        browser.get(f"/admin/payments/move/{owed.id}/refund")
        browser.send(f"/admin/payments/move/{owed.id}/refund", reason=HOW)
        assert browser.get("/admin/payments/list/?tab=refunds").text.count("s-lead") == 0
        page = browser.get(f"/admin/payments/show/{owed.id}").text
        assert "Refund sent" in page
        assert HOW in page

    def test_what_is_proved_has_its_clock_as_what_is_declared(self, browser: Browser, deal: Deal) -> None:
        due = clock.now() + timedelta(hours=30)
        payment: Any = factories.make_payment(deal.viewing, status="verified", decide_by=due)
        deal.home.held_by_payment_id = payment.id
        factories.make_contract(payment, status="pending")
        for path in ("list/?tab=decide", f"show/{payment.id}"):
            assert "29 h 59 min left" in browser.get(f"/admin/payments/{path}").text
        page = browser.get(f"/admin/deals/{payment.property_id}/{payment.client_id}").text
        assert "29 h 59 min left" in page
        assert "Payment to decide" in page
