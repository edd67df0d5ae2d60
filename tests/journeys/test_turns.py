"""What else a deal can become: a sale, a decline, a cancel, a no-show."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from sheda.core import clock
from sheda.core.actor import Role
from tests import factories
from tests.journeys.people import Person, text_of, wait_for_mail
from tests.journeys.test_letting import HOME, Letting, a_viewing_time

PLOT = {**HOME, "listing_type": "sale", "price": "45000000", "title": "Three-bedroom duplex in Lekki", "fees": []}


@pytest.fixture
def story(base_url: str, celery_worker: Any, mail_sink: Any) -> Letting:
    """Return the story, with everything around it running."""
    return Letting(base_url, "/api/v1", mail_sink)


class TestSale:
    def test_a_sold_home_stays_sold(self, story: Letting, live_db: Any) -> None:
        sale = {name: value for name, value in PLOT.items() if name != "period"}
        home = story.open_shop(**sale, period=None)
        contract = story.pay(home, story.view(home))
        assert contract["contract_type"] == "sale"
        assert contract["end_date"] is None
        story.agent.must(200, "PATCH", f"/contracts/{contract['id']}/confirm-payment", {})
        assert story.client.must(200, "GET", f"/properties/{home}").result["status"] == "sold"
        refused = story.client.must(
            409, "POST", "/appointments", {"property_id": home, "requested_time": a_viewing_time(5)}
        )
        assert refused.body["code"] == "property_unavailable"
        staff = factories.make_user(Role.STAFF)
        office = Person(story.agent.base, staff.email, token=factories.token_for(staff))
        assert office.must(409, "PATCH", f"/contracts/{contract['id']}/expire", {"reason": "a test"}).status == 409


class TestDecline:
    def test_a_declined_payment_is_final_and_a_new_one_can_be_made(self, story: Letting, live_db: Any) -> None:
        home = story.open_shop()
        viewing = story.view(home)
        contract = story.pay(home, viewing, periods=1)
        path = f"/contracts/{contract['id']}/confirm-payment"
        story.agent.must(422, "PATCH", path, {"decision": "decline"})
        declined = story.agent.must(200, "PATCH", path, {"decision": "decline", "reason": "Nothing has come."}).result
        assert declined["status"] == "canceled"
        assert story.agent.must(409, "PATCH", path, {"decision": "accept"}).body["code"] == "illegal_move"
        assert story.client.must(200, "GET", f"/properties/{home}").result["is_under_offer"] is False
        assert "Nothing has come." in text_of(wait_for_mail(story.mails, story.client.email, "not"))
        assert story.pay(home, viewing, periods=1)["payment"]["status"] == "declared"


class TestCancel:
    def test_a_payment_called_off_frees_the_home_for_somebody_else(self, story: Letting, live_db: Any) -> None:
        home = story.open_shop()
        viewing = story.view(home)
        contract = story.pay(home, viewing, periods=1)
        payment = contract["payment"]["id"]
        assert story.client.must(409, "DELETE", f"/appointments/{viewing}").body["code"] in {
            "payment_open",
            "illegal_move",
        }
        canceled = story.client.must(200, "DELETE", f"/payments/{payment}").result
        assert canceled["status"] == "canceled"
        story.client.must(200, "DELETE", f"/payments/{payment}")
        assert story.client.must(200, "GET", f"/contracts/{contract['id']}").result["status"] == "canceled"
        other = Letting(story.agent.base, "/api/v1", story.mails)
        other.agent = story.agent
        other.client = Person(story.agent.base, "amina@clients.example").register()
        assert other.pay(home, other.view(home), periods=1)["payment"]["status"] == "declared"

    def test_a_viewing_called_off_is_free_again_at_once(self, story: Letting, live_db: Any) -> None:
        home = story.open_shop()
        wanted = {"property_id": home, "requested_time": a_viewing_time(3)}
        first = story.client.must(201, "POST", "/appointments", wanted).result["id"]
        other = Person(story.agent.base, "amina@clients.example").register()
        refused = other.must(409, "POST", "/appointments", wanted).body
        assert refused["code"] == "slot_taken"
        assert len(refused["suggestions"]) == 3
        assert story.client.must(200, "DELETE", f"/appointments/{first}").result["status"] == "canceled"
        assert story.client.must(200, "DELETE", f"/appointments/{first}").result["status"] == "canceled"
        assert other.must(201, "POST", "/appointments", wanted).result["status"] == "pending"


class TestNoShow:
    def test_a_client_who_does_not_come_cannot_pay(self, live_client: FlaskClient, frozen_clock: Any) -> None:
        agent, client = factories.make_user(Role.AGENT), factories.make_user(Role.CLIENT)
        home = factories.make_property(agent=agent)
        start = datetime.fromisoformat(a_viewing_time(3))
        booked = live_client.post(
            "/appointments",
            json={"property_id": home.id, "requested_time": start.isoformat()},
            headers=factories.auth(client),
        )
        path = f"/appointments/{booked.json['id']}"
        assert live_client.patch(f"{path}/confirm", json={}, headers=factories.auth(agent)).status_code == 200
        early = live_client.patch(f"{path}/no-show", json={}, headers=factories.auth(agent))
        assert early.status_code == 409
        frozen_clock.at(start + timedelta(minutes=16))
        assert clock.now() > start
        missed = live_client.patch(f"{path}/no-show", json={}, headers=factories.auth(agent))
        assert missed.json["result"]["status"] == "no_show"
        factories.make_bank_account(agent)
        paid = live_client.post(f"{path}/payments", json={"periods": 1}, headers=factories.auth(client))
        assert (paid.status_code, paid.json["code"]) == (409, "viewing_required")
