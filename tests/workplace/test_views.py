import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from sheda.accounts.models import User
from sheda.appointments.models import Appointment
from sheda.chat import services as chat
from sheda.chat.models import Message
from sheda.contracts.models import Contract
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.payments.models import Payment
from tests import factories
from tests.pages import Browser, browser_of

CANARY = "zxcanaryzx"


@pytest.fixture
def declared(agent: User) -> Payment:
    client = factories.make_user(first_name="Halima", last_name="Sani", phone="+2348035550129")
    home = factories.make_property(agent, title="One bedroom flat, Surulere")
    viewing = factories.make_appointment(home, client, status="completed", starts_at=clock.now() - timedelta(days=1))
    payment = factories.make_payment(
        viewing, status="declared", payer_name="H. Sani", bank_reference="FT26-118", proof_file_id=None
    )
    factories.make_contract(payment, status="pending")
    return payment


def deal_of(row: Any) -> str:
    return f"/admin/deals/{row.property_id}/{row.client_id}"


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


class TestHome:
    def test_the_soonest_deadline_comes_first_whatever_its_kind(
        self, browser: Browser, agent: User, declared: Payment
    ) -> None:
        client = factories.make_user(first_name="Amina")
        request = factories.make_appointment(factories.make_property(agent), client)
        request.expires_at = clock.now() + timedelta(hours=2)
        late = factories.make_appointment(
            factories.make_property(agent),
            factories.make_user(first_name="Bisi"),
            starts_at=clock.now() + timedelta(days=5),
        )
        late.expires_at = declared.decide_by + timedelta(hours=1) if declared.decide_by else None
        db.session.commit()
        page = text_of(browser.get("/admin/").text)
        assert page.index("Amina") < page.index("Halima") < page.index("Bisi")
        assert "3 things wait for you." in page

    def test_a_card_leads_to_its_deal(self, browser: Browser, declared: Payment) -> None:
        browser.get("/admin/")
        assert deal_of(declared) in browser.links()

    def test_what_is_too_much_for_a_glance_is_folded(self, browser: Browser, agent: User) -> None:
        home = factories.make_property(agent)
        for _ in range(10):
            factories.make_contract(
                factories.make_payment(
                    factories.make_appointment(factories.make_property(agent), status="completed"), status="accepted"
                ),
                start_date=clock.add_months(clock.today(), -12) + timedelta(days=3),
            )
        factories.make_appointment(home)
        page = browser.get("/admin/").text
        assert '<summary class="btn btn-default btn-block">1 more</summary>' in page

    def test_today_shows_the_viewings_of_today_with_who_to_call(
        self, browser: Browser, agent: User, frozen_clock: Any
    ) -> None:
        frozen_clock.at(clock.now().astimezone(clock.LAGOS).replace(hour=11, minute=20))
        client = factories.make_user(first_name="Emeka", phone="+2348035550142")
        for hours, status in ((-1, "completed"), (1, "confirmed"), (26, "confirmed")):
            factories.make_appointment(
                factories.make_property(agent), client, status=status, starts_at=clock.now() + timedelta(hours=hours)
            )
        browser = browser_of(browser.http.application, agent)
        page = browser.get("/admin/").text
        listed = re.findall(r'<ol class="s-day-list">.*?</ol>', page, re.DOTALL)[0]
        times = re.findall(r'<li[^>]*><time datetime="[^"]+" title="[^"]+">(\d\d:\d\d)</time>', listed)
        assert times == ["10:20", "11:20", "12:20"]
        assert "Now · free until 12:20" in page
        assert 'href="tel:+2348035550142"' in page

    def test_every_figure_of_a_chart_is_also_text(self, browser: Browser, declared: Payment) -> None:
        page = browser.get("/admin/").text
        told = "In seven days 0 views of your listings, 1 requests, 1 viewings, 1 payments, 0 contracts"
        assert f'<title id="funnel">{told}</title>' in page
        assert page.count('<svg class="s-chart"') == page.count('role="img"') == 3

    def test_a_home_that_has_not_changed_for_long_is_asked_about(self, browser: Browser, agent: User) -> None:
        long_ago = clock.now() - timedelta(days=46)
        home = factories.make_property(agent, title="Four bedroom terrace", updated_at=long_ago)
        factories.make_property(agent, title="Looked at lately", updated_at=clock.now() - timedelta(days=44))
        factories.make_property(agent, title="Let to somebody", updated_at=long_ago, listing_state="paused")
        factories.make_appointment(home)
        page = text_of(browser.get("/admin/").text)
        assert "Is Four bedroom terrace still available?" in page
        assert "1 request since" in page
        assert "no change for 46 days" in page
        assert "Looked at lately still" not in page
        assert "Let to somebody still" not in page
        browser.send(f"/admin/properties/move/{home.id}/keep")
        assert "Still available" in browser.get(f"/admin/properties/show/{home.id}").text
        assert "still available?" not in browser.get("/admin/").text

    def test_staff_see_what_nobody_has_settled(self, app: Flask, declared: Payment) -> None:
        declared.decide_by = clock.now() - timedelta(hours=1)
        db.session.commit()
        shown = browser_of(app, factories.make_user(Role.STAFF)).get("/admin/").text
        page = text_of(shown)
        assert "Undecided payments 1 past their time" in page
        assert "Undecided by their agents" in page
        assert 'id="today"' not in shown

    def test_it_is_at_most_twelve_statements(
        self, browser: Browser, app: Flask, declared: Payment, agent: User, count_statements: Callable[..., Any]
    ) -> None:
        for days in range(3):
            factories.make_appointment(factories.make_property(agent), starts_at=clock.now() + timedelta(days=days + 1))
        for one in (browser, browser_of(app, factories.make_user(Role.STAFF))):
            one.get("/admin/")
            with count_statements() as seen:
                one.get("/admin/")
            assert len(seen) <= 12, seen


class TestDeal:
    def test_it_holds_everything_between_one_client_and_one_home(self, browser: Browser, declared: Payment) -> None:
        page = browser.get(deal_of(declared)).text
        for words in (
            "Halima Sani, One bedroom flat, Surulere", "Payment to decide", "+2348035550129",
            "Did this money reach you?",
            "₦2,500,000", declared.reference, "H. Sani", "FT26-118", "Waits for the payment", "Next: your decision",
        ):  # fmt: skip
            assert words in page, words
        assert re.findall(r'<li( class="is-done"| aria-current="step"|)>(\w+)<small>', page) == [
            (' class="is-done"', "Request"), (' class="is-done"', "Viewing"), (' aria-current="step"', "Payment"),
            ("", "Contract"), ("", "Keys"),
        ]  # fmt: skip

    def test_the_money_is_decided_from_it(self, browser: Browser, declared: Payment) -> None:
        here = deal_of(declared)
        browser.get(here)
        move = f"/admin/payments/move/{declared.id}/accept"
        assert move in browser.links()
        browser.get(move, headers={"Referer": f"http://localhost{here}"})
        assert f'name="back" value="{here}"' in browser.at
        assert browser.send(move, back=here).location == here
        page = browser.get(here).text
        assert "Money received" in page
        assert 'aria-current="step"' not in page
        assert db.session.get_one(Payment, declared.id).status == "accepted"

    def test_a_request_is_confirmed_from_it(self, browser: Browser, agent: User) -> None:
        asked = factories.make_appointment(factories.make_property(agent), note="Is there parking?")
        page = browser.get(deal_of(asked)).text
        assert "Is there parking?" in page
        assert "Next: an answer" in page
        browser.send(f"/admin/appointments/move/{asked.id}/confirm", back=deal_of(asked))
        assert "Viewing confirmed" in browser.get(deal_of(asked)).text
        db.session.expire_all()
        assert db.session.get_one(Appointment, asked.id).status == "confirmed"

    def test_chat_stands_in_the_time_line_and_can_be_left_out(
        self, browser: Browser, agent: User, declared: Payment
    ) -> None:
        client = db.session.get_one(User, declared.client_id)
        other = factories.make_property(agent)
        chat.send(factories.actor_of(client), agent.id, "I have sent it.", property_id=declared.property_id)
        chat.send(factories.actor_of(client), agent.id, "And about the other home?", property_id=other.id)
        db.session.commit()
        line = browser.get(deal_of(declared)).text.split('id="line"')[1].split("</ol>")[0]
        assert "Halima wrote" in line
        assert "I have sent it." in line
        assert "other home" not in line
        quiet = browser.get(f"{deal_of(declared)}?chat=no").text.split('id="line"')[1].split("</ol>")[0]
        assert "I have sent it." not in quiet

    def test_an_answer_is_sent_from_it(self, browser: Browser, declared: Payment) -> None:
        browser.get(deal_of(declared))
        answer = browser.send(
            f"/admin/chats/with/{declared.client_id}/send", message="I will look now.", back=deal_of(declared)
        )
        assert answer.location == deal_of(declared)
        assert [one.message for one in db.session.query(Message)] == ["I will look now."]
        assert "You wrote" in browser.get(deal_of(declared)).text

    def test_a_tenancy_shows_its_contract_and_what_can_be_done(self, browser: Browser, agent: User) -> None:
        viewing = factories.make_appointment(factories.make_property(agent), status="completed")
        contract = factories.make_contract(factories.make_payment(viewing, status="accepted"))
        page = browser.get(deal_of(contract)).text
        assert "Next: the end of the tenancy" in page
        assert f"/admin/contracts/document/{contract.id}" in page
        assert f"/admin/contracts/move/{contract.id}/renew" in page
        assert db.session.get_one(Contract, contract.id).status == "active"

    def test_only_those_who_see_a_part_of_it_see_it(self, app: Flask, declared: Payment) -> None:
        here = deal_of(declared)
        assert browser_of(app, factories.make_user(Role.AGENT)).get(here).status_code == 404
        assert browser_of(app, factories.make_user(Role.STAFF)).get(here).status_code == 200
        assert Browser(app).get(here).status_code == 302

    @pytest.mark.parametrize("path", ["1/x", "0/0", "99999999999/1", "-1/2", "1/2147483647"])
    def test_what_is_no_deal_is_missing(self, browser: Browser, path: str) -> None:
        assert browser.get(f"/admin/deals/{path}").status_code == 404

    def test_it_is_at_most_twelve_statements(
        self, browser: Browser, declared: Payment, count_statements: Callable[..., Any]
    ) -> None:
        browser.get(deal_of(declared))
        with count_statements() as seen:
            browser.get(deal_of(declared))
        assert len(seen) <= 12, seen


class TestDeals:
    def test_what_runs_is_listed_once_a_deal(self, browser: Browser, agent: User, declared: Payment) -> None:
        done = factories.make_appointment(factories.make_property(agent), status="rejected")
        browser.get("/admin/deals/list/")
        assert browser.links().count(deal_of(declared)) == 1
        assert deal_of(done) not in browser.links()

    def test_an_empty_list_says_what_begins_one(self, browser: Browser) -> None:
        assert "No deal runs" in browser.get("/admin/deals/list/").text


class TestRows:
    def test_nothing_of_another_agents_shows_anywhere(self, app: Flask, db_session: Any) -> None:
        theirs = factories.make_user(Role.AGENT, first_name=CANARY)
        client = factories.make_user(first_name=CANARY)
        home = factories.make_property(
            theirs, title=f"A home of {CANARY}", published_at=clock.now() - timedelta(days=99)
        )
        factories.make_appointment(home, client)
        again = factories.make_property(theirs, title=f"Another of {CANARY}")
        paid = factories.make_payment(
            factories.make_appointment(again, client, status="completed", starts_at=clock.now()), status="declared"
        )
        chat.send(factories.actor_of(client), theirs.id, CANARY)
        db.session.commit()
        browser = browser_of(app, factories.make_user(Role.AGENT))
        for path in ("/admin/", "/admin/deals/list/", deal_of(paid), "/admin/calendar/", "/admin/calendar/?view=month",
                     f"/admin/calendar/?agent={theirs.id}"):  # fmt: skip
            assert CANARY not in browser.get(path).text, path
        assert CANARY in browser_of(app, theirs).get("/admin/").text
        staff = browser_of(app, factories.make_user(Role.STAFF))
        assert "wrote" not in staff.get(deal_of(paid)).text

    def test_looking_changes_nothing(self, browser: Browser, declared: Payment) -> None:
        for path in ("/admin/", deal_of(declared), "/admin/calendar/"):
            browser.get(path)
        db.session.expire_all()
        assert db.session.get_one(Payment, declared.id).status == "declared"
        for path in ("/admin/calendar/block", "/admin/calendar/unblock/1"):
            assert browser.get(path).status_code == 405
