from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from sheda.contracts.models import Contract
from sheda.core import clock
from sheda.core.actor import Role
from sheda.payments.models import Payment
from sheda.properties import services as properties
from tests.contracts.conftest import make_ending, make_tenancy, pending_of
from tests.factories import auth, make_contract, make_payment, make_user
from tests.payments.conftest import Deal, make_deal


def paid(deal: Deal, **over: Any) -> dict[str, Any]:
    return {"amount_paid": f"{deal.home.price:.2f}", "paid_on": clock.today().isoformat(), **over}


def declare(client: FlaskClient, deal: Deal, body: dict[str, Any] | None = None, **headers: str) -> Any:
    path = f"/api/v1/contracts/{deal.home.id}"
    return client.post(path, json=paid(deal) if body is None else body, headers=auth(deal.client) | headers)


class TestDeclare:
    def test_the_answer_is_a_pending_contract(self, client: FlaskClient, deal: Deal) -> None:
        payment = make_payment(deal.viewing)
        answer = declare(client, deal, paid(deal, payer_name="Ada Obi", rental_period_months=12, amount="2500000.00"))
        assert answer.status_code == 201
        result = answer.json["result"]
        assert answer.headers["Location"] == f"/api/v1/contracts/{answer.json['id']}"
        assert result["payment"] == {"id": payment.id, "status": "declared", "reference": payment.reference}
        expected = {
            "id": answer.json["id"],
            "property_id": deal.home.id,
            "client_id": deal.client.id,
            "agent_id": deal.agent.id,
            "contract_type": "rent",
            "amount": "2500000.00",
            "currency": "NGN",
            "start_date": clock.today().isoformat(),
            "end_date": clock.add_months(clock.today(), 12).isoformat(),
            "is_active": False,
            "status": "pending",
            "renewal": None,
        }
        assert {name: result[name] for name in expected} == expected
        home = client.get(f"/api/v1/properties/{deal.home.id}").json["result"]
        assert (home["status"], home["is_under_offer"]) == ("available", True)

    def test_a_repeat_is_200_with_the_same(self, client: FlaskClient, deal: Deal) -> None:
        make_payment(deal.viewing)
        first, again = declare(client, deal), declare(client, deal)
        assert (again.status_code, again.json) == (200, first.json)

    def test_a_key_replays_the_first_answer(self, client: FlaskClient, deal: Deal) -> None:
        make_payment(deal.viewing)
        first = declare(client, deal, **{"Idempotency-Key": "k"})
        again = declare(client, deal, **{"Idempotency-Key": "k"})
        assert (again.status_code, again.json, again.headers["Idempotency-Replayed"]) == (201, first.json, "true")

    def test_codes_of_conflicts(self, client: FlaskClient, deal: Deal) -> None:
        assert declare(client, deal).json["code"] == "payment_required"
        make_payment(deal.viewing)
        make_payment(deal.rival()[1], status="declared")
        answer = declare(client, deal)
        assert (answer.status_code, answer.json["code"]) == (409, "under_offer")

    @pytest.mark.parametrize(
        ("over", "field"),
        [
            ({"amount_paid": "2499999.99"}, "amount_paid"),
            ({"amount_paid": "NaN"}, "amount_paid"),
            ({"amount_paid": 10**40}, "amount_paid"),
            ({"amount_paid": None}, "amount_paid"),
            ({"amount": 1}, "amount"),
            ({"rental_period_months": 6}, "rental_period_months"),
            ({"rental_period_months": 0}, "rental_period_months"),
            ({"paid_on": "2999-01-01"}, "paid_on"),
            ({"paid_on": "31.12.2026"}, "paid_on"),
            ({"payer_name": "x" * 121}, "payer_name"),
            ({"payer_name": "\ud800"}, "payer_name"),
            ({"bank_reference": "a\x00b"}, "bank_reference"),
            ({"proof_file_id": 99999}, "proof_file_id"),
            ({"payment_id": 99999}, "payment_id"),
            ({"payment_id": 2**70}, "payment_id"),
            ({"status": "active"}, "status"),
            ({"client_id": 1}, "client_id"),
        ],
    )
    def test_wrong_values_are_422_on_their_field(
        self, client: FlaskClient, deal: Deal, over: dict[str, Any], field: str
    ) -> None:
        make_payment(deal.viewing)
        answer = declare(client, deal, paid(deal, **over))
        assert (answer.status_code, [one["field"] for one in answer.json["errors"]]) == (422, [field])

    def test_order_of_refusals(self, client: FlaskClient, deal: Deal) -> None:
        path = f"/api/v1/contracts/{deal.home.id}"
        assert client.put(path, json=paid(deal)).status_code == 405
        assert client.post(path, json=paid(deal)).status_code == 401
        for role in (Role.AGENT, Role.STAFF, Role.ADMIN):
            assert client.post(path, data="{", headers=auth(make_user(role))).status_code == 403
        mine = auth(deal.client)
        assert client.post(path, data="x", content_type="text/plain", headers=mine).status_code == 415
        assert client.post(path, headers=mine).status_code == 400
        for missing in ("999999", "9" * 25, "x"):
            assert client.post(f"/api/v1/contracts/{missing}", json={"nothing": 1}, headers=mine).status_code == 404
        assert client.post(path, json={"nothing": 1}, headers=mine).status_code == 422

    def test_a_paused_home_is_there_for_who_pays_it(self, client: FlaskClient, deal: Deal) -> None:
        make_payment(deal.viewing)
        properties.pause(deal.by_agent, deal.home.id)
        assert declare(client, deal).status_code == 201
        stranger = auth(make_user())
        assert client.post(f"/api/v1/contracts/{deal.home.id}", json=paid(deal), headers=stranger).status_code == 404


class TestConfirmPayment:
    def path(self, payment: Payment) -> str:
        return f"/api/v1/contracts/{pending_of(payment).id}/confirm-payment"

    def test_accepting_lets_the_home(self, client: FlaskClient, deal: Deal, declared: Payment) -> None:
        for _ in "ab":
            answer = client.patch(self.path(declared), json={}, headers=auth(deal.agent))
            result = answer.json["result"]
            assert (answer.status_code, result["status"], result["is_active"]) == (200, "active", True)
        assert result["payment"]["status"] == "accepted"
        assert client.get(f"/api/v1/properties/{deal.home.id}").json["result"]["status"] == "rented"
        other = {"decision": "decline", "reason": "I was wrong."}
        answer = client.patch(self.path(declared), json=other, headers=auth(deal.agent))
        assert (answer.status_code, answer.json["code"], answer.json["from"]) == (409, "illegal_move", "accepted")

    def test_declining_frees_it(self, client: FlaskClient, deal: Deal, declared: Payment) -> None:
        body = {"decision": "decline", "reason": "Nothing has come."}
        for _ in "ab":
            answer = client.patch(self.path(declared), json=body, headers=auth(deal.agent))
            assert (answer.status_code, answer.json["result"]["status"]) == (200, "canceled")
        assert client.get(f"/api/v1/properties/{deal.home.id}").json["result"]["is_under_offer"] is False
        assert client.patch(self.path(declared), json={}, headers=auth(deal.agent)).status_code == 409

    def test_reasons(self, client: FlaskClient, deal: Deal, declared: Payment) -> None:
        cases = (
            (deal.agent, {"decision": "decline"}),
            (make_user(Role.STAFF), {}),
            (make_user(Role.ADMIN), {"reason": " "}),
        )
        for user, body in cases:
            answer = client.patch(self.path(declared), json=body, headers=auth(user))
            assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "reason")
        answer = client.patch(self.path(declared), json={"decision": "maybe"}, headers=auth(deal.agent))
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "decision")
        answer = client.patch(self.path(declared), json={"reason": "Ill."}, headers=auth(make_user(Role.STAFF)))
        assert answer.json["result"]["status"] == "active"

    def test_who_may_not(self, client: FlaskClient, deal: Deal, declared: Payment) -> None:
        expected = ((deal.client, 403), (make_user(), 403), (make_user(Role.AGENT), 404))
        for user, status in expected:
            assert client.patch(self.path(declared), json={}, headers=auth(user)).status_code == status
        assert client.patch(self.path(declared), json={}).status_code == 401

    def test_a_stale_decision_is_412(self, client: FlaskClient, deal: Deal, declared: Payment) -> None:
        headers = auth(deal.agent)
        etag = client.get(f"/api/v1/contracts/{pending_of(declared).id}", headers=headers).headers["ETag"]
        stale = client.patch(self.path(declared), json={}, headers=headers | {"If-Match": '"x"'})
        assert (stale.status_code, stale.json["code"]) == (412, "stale")
        assert client.patch(self.path(declared), json={}, headers=headers | {"If-Match": etag}).status_code == 200


class TestEnding:
    def test_expire_is_for_staff(self, client: FlaskClient, db_session: Any) -> None:
        deal, contract = make_ending()
        path = f"/api/v1/contracts/{contract.id}/expire"
        for user in (deal.client, deal.agent):
            assert client.patch(path, json={}, headers=auth(user)).status_code == 403
        for _ in "ab":
            answer = client.patch(path, headers=auth(make_user(Role.STAFF)))
            result = answer.json["result"]
            assert (answer.status_code, result["status"], result["is_active"]) == (200, "expired", False)
        assert client.get(f"/api/v1/properties/{deal.home.id}").json["result"]["status"] == "available"

    def test_expire_before_its_day(self, client: FlaskClient, tenancy: Contract) -> None:
        path, headers = f"/api/v1/contracts/{tenancy.id}/expire", auth(make_user(Role.ADMIN))
        answer = client.patch(path, json={}, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (409, "contract_not_due")
        assert client.patch(path, json={"reason": "x" * 501}, headers=headers).status_code == 422
        assert client.patch(path, json={"reason": "Burnt down."}, headers=headers).json["result"]["status"] == "expired"

    def test_terminate(self, client: FlaskClient, deal: Deal, tenancy: Contract) -> None:
        path = f"/api/v1/contracts/{tenancy.id}/terminate"
        answer = client.post(path, json={"reason": "A new job."}, headers=auth(deal.client))
        expected = clock.add_months(clock.today(), 6).isoformat()
        assert (answer.status_code, answer.json["result"]["ends_early_on"]) == (200, expected)
        assert client.post(path, json={}, headers=auth(make_user(Role.STAFF))).status_code == 422
        ended = client.post(path, json={"reason": "No roof."}, headers=auth(make_user(Role.STAFF)))
        assert ended.json["result"]["status"] == "terminated"
        assert client.post(path, json={}, headers=auth(make_user())).status_code == 404

    def test_complete(self, client: FlaskClient, db_session: Any) -> None:
        deal = make_deal(listing_type="sale")
        path = f"/api/v1/contracts/{make_tenancy(deal).id}/complete"
        assert client.patch(path, json={}, headers=auth(deal.client)).status_code == 403
        for _ in "ab":
            assert client.patch(path, json={}, headers=auth(deal.agent)).json["result"]["status"] == "completed"


class TestRenewals:
    def test_from_proposal_to_successor(self, client: FlaskClient, deal: Deal, tenancy: Contract) -> None:
        path = f"/api/v1/contracts/{tenancy.id}/renewals"
        asked = client.post(path, json={"periods": 1}, headers=auth(deal.agent))
        assert asked.status_code == 201
        assert asked.json["result"]["renewal"] == {"periods": 1, "proposed_by": "agent", "payment": None}
        assert client.post(path, json={"periods": 1}, headers=auth(deal.agent)).status_code == 200
        agreed = client.post(path, json={}, headers=auth(deal.client))
        payment = agreed.json["result"]["renewal"]["payment"]
        assert (agreed.status_code, payment["status"]) == (201, "initiated")
        details = client.get(f"/api/v1/payments/{payment['id']}", headers=auth(deal.client)).json["result"]
        assert (details["kind"], details["renews_contract_id"]) == ("renewal", tenancy.id)
        answer = declare(client, deal, paid(deal, payment_id=payment["id"], amount_paid=details["amount"]))
        assert (answer.status_code, answer.json["result"]["replaces_id"]) == (201, tenancy.id)
        decided = client.patch(f"/api/v1/contracts/{answer.json['id']}/confirm-payment", headers=auth(deal.agent))
        result = decided.json["result"]
        assert (result["status"], result["is_active"]) == ("scheduled", False)
        assert result["start_date"] == tenancy.end_date.isoformat() if tenancy.end_date else None

    @pytest.mark.parametrize("body", [{"periods": 0}, {"periods": 61}, {"months": 5}, {"price": "1.00"}])
    def test_wrong_values_are_422(self, client: FlaskClient, deal: Deal, tenancy: Contract, body: Any) -> None:
        path = f"/api/v1/contracts/{tenancy.id}/renewals"
        assert client.post(path, json=body, headers=auth(deal.client)).status_code == 422


class TestReads:
    def test_parties_and_staff_read_it_and_others_do_not(
        self, client: FlaskClient, deal: Deal, tenancy: Contract
    ) -> None:
        path = f"/api/v1/contracts/{tenancy.id}"
        for user in (deal.client, deal.agent, make_user(Role.STAFF), make_user(Role.ADMIN)):
            answer = client.get(path, headers=auth(user))
            assert (answer.status_code, answer.json["result"]["status"]) == (200, "active")
            etag = {"If-None-Match": answer.headers["ETag"]}
            assert client.get(path, headers=auth(user) | etag).status_code == 304
        for role in (Role.CLIENT, Role.AGENT):
            for address in (path, f"{path}/document.pdf"):
                assert client.get(address, headers=auth(make_user(role))).status_code == 404
        assert client.get(path).status_code == 401

    def test_the_document(self, client: FlaskClient, deal: Deal, tenancy: Contract) -> None:
        answer = client.get(f"/api/v1/contracts/{tenancy.id}/document.pdf", headers=auth(deal.client))
        assert (answer.status_code, answer.content_type) == (200, "application/pdf")
        assert answer.data.startswith(b"%PDF-")
        assert answer.headers["Cache-Control"] == "private, no-store"

    def test_lists_are_ones_own(self, client: FlaskClient, deal: Deal, tenancy: Contract) -> None:
        make_contract()
        for user in (deal.client, deal.agent):
            answer = client.get("/api/v1/contracts?status=active&count=true&sort=oldest", headers=auth(user))
            assert ([one["id"] for one in answer.json["result"]], answer.json["count"]) == ([tenancy.id], 1)
        assert len(client.get("/contracts", headers=auth(make_user(Role.STAFF))).json["result"]) == 2
        assert client.get("/api/v1/contracts?status=gone", headers=auth(deal.client)).status_code == 422
        generated = client.get("/api/v1/contracts?q=(page_size:5)", headers=auth(deal.client))
        assert [one["id"] for one in generated.json["result"]] == [tenancy.id]

    def test_a_page_is_a_fixed_number_of_statements(
        self, client: FlaskClient, db_session: Any, statements: Callable[[Callable[[], Any]], int]
    ) -> None:
        headers = auth(make_user(Role.STAFF))

        def count() -> int:
            return statements(lambda: client.get("/api/v1/contracts", headers=headers))

        make_contract()
        count()
        few = count()
        for _ in range(5):
            make_contract(start_date=clock.today() + timedelta(days=1))
        assert count() == few > 0
