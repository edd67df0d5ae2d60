"""Many at once, over HTTP: one of them gets it, the others are told why not, and the data stay sound."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from sheda.core import clock
from sheda.core.actor import Role
from tests import factories
from tests.journeys.people import Person
from tests.journeys.test_letting import a_viewing_time

THREADS = 20


def people(base: str, count: int, role: Role = Role.CLIENT) -> list[Person]:
    made = [factories.make_user(role) for _ in range(count)]
    return [Person(base, one.email, token=factories.token_for(one), id=one.id) for one in made]


class TestRaces:
    def test_two_hundred_bookings_of_one_slot_give_one_viewing(self, base_url: str, live_db: Any) -> None:
        home = factories.make_property()
        wanted = {"property_id": home.id, "requested_time": a_viewing_time(4)}
        clients = people(base_url, THREADS)

        def book(number: int) -> tuple[int, str]:
            answer = clients[number % THREADS].ask("POST", "/appointments", wanted)
            return answer.status, answer.body.get("code", "")

        with ThreadPoolExecutor(THREADS) as pool:
            answers = Counter(pool.map(book, range(200)))
        assert answers[201, ""] == 1
        assert {status for status, _ in answers} == {201, 409}
        assert {code for _, code in answers} <= {"", "slot_taken", "already_booked", "client_busy"}

    def test_ten_clients_who_have_paid_get_one_home_between_them(self, base_url: str, live_db: Any) -> None:
        agent = factories.make_user(Role.AGENT)
        home = factories.make_property(agent)
        factories.make_bank_account(agent)
        viewings = [self.viewed(home, number) for number in range(10)]
        payers = [Person(base_url, "", token=token) for _, token in viewings]
        for payer, (viewing, _) in zip(payers, viewings, strict=True):
            payer.must(201, "POST", f"/appointments/{viewing}/payments", {"periods": 1})
        path, said = f"/contracts/{home.id}", {"amount_paid": "2500000.00", "paid_on": a_viewing_time(0)[:10]}
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda payer: payer.ask("POST", path, said), payers))
        assert Counter(answer.status for answer in answers) == {201: 1, 409: 9}
        assert {answer.body["code"] for answer in answers if answer.status == 409} == {"under_offer"}

    def viewed(self, home: Any, number: int) -> tuple[int, str]:
        """Make one client see the home on a day of his own; the viewing and his token."""
        client = factories.make_user()
        past = clock.now() - timedelta(days=number + 1)
        viewing = factories.make_appointment(home, client, status="completed", starts_at=past)
        return viewing.id, factories.token_for(client)

    def test_accept_against_decline_against_cancel_leaves_one_decision(self, base_url: str, live_db: Any) -> None:
        agent = factories.make_user(Role.AGENT)
        home = factories.make_property(agent)
        factories.make_bank_account(agent)
        viewing, token = self.viewed(home, 1)
        client, desk = Person(base_url, "", token=token), Person(base_url, "", token=factories.token_for(agent))
        client.must(201, "POST", f"/appointments/{viewing}/payments", {"periods": 1})
        said = {"amount_paid": "2500000.00", "paid_on": a_viewing_time(0)[:10]}
        contract = client.must(201, "POST", f"/contracts/{home.id}", said).result
        decide = f"/contracts/{contract['id']}/confirm-payment"

        def move(which: int) -> tuple[str, int]:
            if which % 3 == 0:
                return "accept", desk.ask("PATCH", decide, {"decision": "accept"}).status
            if which % 3 == 1:
                return "decline", desk.ask("PATCH", decide, {"decision": "decline", "reason": "No money."}).status
            return "cancel", client.ask("DELETE", f"/payments/{contract['payment']['id']}").status

        with ThreadPoolExecutor(12) as pool:
            answers = Counter(pool.map(move, range(24)))
        winners = {name for name, status in answers if status == 200}
        assert len(winners) == 1, answers
        assert {status for _, status in answers} == {200, 409}
        ended = client.must(200, "GET", f"/contracts/{contract['id']}").result["status"]
        assert ended == ("active" if winners == {"accept"} else "canceled")
