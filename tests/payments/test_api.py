from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.payments import services
from sheda.payments.models import Payment
from sheda.profiles.models import BankAccount
from tests.conftest import Clock
from tests.factories import auth, make_payment, make_user
from tests.payments.conftest import Deal, make_deal, make_viewing, moves_of


def number_of(deal: Deal) -> str:
    return BankAccount.query.filter_by(agent_id=deal.agent.id).one().account_number


def pay(client: FlaskClient, deal: Deal, body: Any = None, **headers: str) -> Any:
    return client.post(
        f"/api/v1/appointments/{deal.viewing.id}/payments", json=body or {}, headers=auth(deal.client) | headers
    )


class TestMakePayment:
    def test_the_answer_is_what_the_client_needs_to_pay(self, client: FlaskClient, deal: Deal) -> None:
        start = (clock.today() + timedelta(days=7)).isoformat()
        answer = pay(client, deal, {"periods": 2, "start_date": start})
        assert answer.status_code == 201
        result = answer.json["result"]
        assert (answer.json["id"], result["status"], result["amount"]) == (result["id"], "initiated", "5000000.00")
        assert result["lines"] == [
            {
                "kind": "rent",
                "label": "Rent, 2 years",
                "quantity": 2,
                "unit_amount": "2500000.00",
                "amount": "5000000.00",
            }
        ]
        assert result["account"] == {
            "bank_name": "Guaranty Trust Bank",
            "account_name": deal.agent.get_full_name(),
            "account_number": number_of(deal),
        }
        assert (result["currency"], result["start_date"], result["periods"]) == ("NGN", start, 2)
        assert result["expires_at"].endswith("Z")
        assert answer.headers["Location"] == f"/api/v1/payments/{result['id']}"

    def test_a_repeat_is_200_with_the_open_one(self, client: FlaskClient, deal: Deal) -> None:
        first, again = pay(client, deal, {"periods": 1}), pay(client, deal, {"months": 12})
        assert (again.status_code, again.json) == (200, first.json)

    def test_other_periods_are_409(self, client: FlaskClient, deal: Deal) -> None:
        pay(client, deal, {"periods": 1})
        answer = pay(client, deal, {"periods": 2})
        assert (answer.status_code, answer.json["code"]) == (409, "payment_open")

    def test_a_key_replays_the_first_answer(self, client: FlaskClient, deal: Deal) -> None:
        first = pay(client, deal, **{"Idempotency-Key": "once"})
        again = pay(client, deal, **{"Idempotency-Key": "once"})
        assert (again.status_code, again.json, again.headers["Idempotency-Replayed"]) == (201, first.json, "true")
        assert pay(client, deal, {"periods": 1}, **{"Idempotency-Key": "once"}).json["code"] == "idempotency_mismatch"

    def test_a_replay_shows_the_account_and_is_audited_too(self, client: FlaskClient, deal: Deal) -> None:
        number = pay(client, deal, **{"Idempotency-Key": "once"}).json["id"]
        services.cancel(deal.by_client, number)
        again = pay(client, deal, **{"Idempotency-Key": "once"})
        assert again.json["result"]["account"]["account_number"] == number_of(deal)
        payment = db.session.get_one(Payment, number)
        assert moves_of(payment) == ["initiate", "show_account", "cancel", "show_account"]

    def test_the_bare_path_works_too(self, client: FlaskClient, deal: Deal) -> None:
        path = f"/appointments/{deal.viewing.id}/payments/"
        assert client.post(path, json={}, headers=auth(deal.client)).status_code == 201

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"periods": 0}, "periods"),
            ({"periods": 61}, "periods"),
            ({"periods": 1.5}, "periods"),
            ({"periods": True}, "periods"),
            ({"periods": "\x00"}, "periods"),
            ({"months": 10**30}, "months"),
            ({"months": 13}, "months"),
            ({"start_date": "tomorrow"}, "start_date"),
            ({"start_date": "2020-01-01"}, "start_date"),
            ({"start_date": "9999-12-31"}, "start_date"),
            ({"amount": "1.00"}, "amount"),
            ({"status": "accepted"}, "status"),
            ({"client_id": 1}, "client_id"),
        ],
    )
    def test_wrong_values_are_422_on_their_field(self, client: FlaskClient, deal: Deal, body: Any, field: str) -> None:
        answer = pay(client, deal, body)
        assert (answer.status_code, [one["field"] for one in answer.json["errors"]]) == (422, [field])

    def test_who_may_not(self, client: FlaskClient, deal: Deal) -> None:
        path = f"/api/v1/appointments/{deal.viewing.id}/payments"
        assert client.post(path, json={}).status_code == 401
        for role, status in ((Role.AGENT, 403), (Role.STAFF, 403), (Role.ADMIN, 403), (Role.CLIENT, 404)):
            assert client.post(path, json={}, headers=auth(make_user(role))).status_code == status
        assert client.get(path, headers=auth(deal.client)).status_code == 405
        assert (
            client.post(path, data="[1", headers=auth(deal.client), content_type="application/json").status_code == 400
        )
        assert client.post(path, json=[1], headers=auth(deal.client)).status_code == 400
        assert client.post(path, data="a=1", headers=auth(deal.client), content_type="text/plain").status_code == 415
        for missing in ("999999", "9" * 40, "x", "-1"):
            answer = client.post(f"/api/v1/appointments/{missing}/payments", json={}, headers=auth(deal.client))
            assert answer.status_code == 404

    def test_states_that_refuse_have_their_codes(self, client: FlaskClient, db_session: Any) -> None:
        archived, unseen, taken, poor = make_deal(listing_state="archived"), make_deal(), make_deal(), make_deal()
        unseen.viewing = make_viewing(unseen.home, unseen.client, status="canceled")
        make_payment(taken.rival()[1], status="declared")
        BankAccount.query.filter_by(agent_id=poor.agent.id).update({"removed_at": clock.now(), "is_default": False})
        expected = (
            (archived, "property_unavailable"),
            (unseen, "viewing_required"),
            (taken, "under_offer"),
            (poor, "payment_details_missing"),
        )
        for deal, code in expected:
            answer = pay(client, deal)
            assert (answer.status_code, answer.json["code"]) == (409, code)


class TestRead:
    def test_payer_and_owner_read_the_whole_number_and_staff_its_end(self, client: FlaskClient, deal: Deal) -> None:
        payment = make_payment(deal.viewing)
        whole = number_of(deal)
        expected = {deal.client: whole, deal.agent: whole}
        expected |= {make_user(role): f"******{whole[-4:]}" for role in (Role.STAFF, Role.ADMIN)}
        for user, number in expected.items():
            answer = client.get(f"/api/v1/payments/{payment.id}", headers=auth(user))
            assert answer.json["result"]["account"]["account_number"] == number
        assert moves_of(payment) == ["initiate", "show_account"]

    def test_a_closed_payment_no_longer_shows_where_to_pay(self, client: FlaskClient, deal: Deal) -> None:
        payment = make_payment(deal.viewing, status="expired")
        answer = client.get(f"/api/v1/payments/{payment.id}", headers=auth(deal.client))
        assert answer.json["result"]["account"]["account_number"] == f"******{number_of(deal)[-4:]}"
        assert moves_of(payment) == ["initiate"]

    def test_it_has_an_etag(self, client: FlaskClient, deal: Deal) -> None:
        path, headers = f"/api/v1/payments/{make_payment(deal.viewing).id}", auth(deal.client)
        etag = client.get(path, headers=headers).headers["ETag"]
        assert client.get(path, headers=headers | {"If-None-Match": etag}).status_code == 304

    def test_for_others_it_is_not_there(self, client: FlaskClient, deal: Deal) -> None:
        path = f"/api/v1/payments/{make_payment(deal.viewing).id}"
        assert client.get(path).status_code == 401
        for role in (Role.CLIENT, Role.AGENT):
            for method in (client.get, client.delete):
                expected = 403 if role is Role.AGENT and method == client.delete else 404
                assert method(path, headers=auth(make_user(role))).status_code == expected


class TestList:
    def test_everybody_sees_his_own_newest_first(self, client: FlaskClient, deal: Deal) -> None:
        first, second = make_payment(deal.viewing, status="expired"), make_payment(deal.viewing)
        make_payment()
        for user in (deal.client, deal.agent):
            answer = client.get("/api/v1/payments", headers=auth(user))
            assert [one["id"] for one in answer.json["result"]] == [second.id, first.id]
            answer = client.get("/api/v1/payments?sort=oldest", headers=auth(user))
            assert [one["id"] for one in answer.json["result"]] == [first.id, second.id]
        assert len(client.get("/api/v1/payments", headers=auth(make_user(Role.STAFF))).json["result"]) == 3
        assert client.get("/api/v1/payments", headers=auth(make_user())).json["result"] == []
        assert client.get("/api/v1/payments").status_code == 401

    def test_account_numbers_are_masked(self, client: FlaskClient, deal: Deal) -> None:
        payment = make_payment(deal.viewing)
        for user in (deal.client, deal.agent):
            answer = client.get("/api/v1/payments", headers=auth(user))
            assert answer.json["result"][0]["account"]["account_number"] == f"******{number_of(deal)[-4:]}"
        assert moves_of(payment) == ["initiate"]

    def test_filters_pages_and_counts(self, client: FlaskClient, deal: Deal) -> None:
        for _ in range(3):
            make_payment(deal.viewing, status="expired")
        make_payment(deal.viewing)
        headers = auth(deal.client)
        page = client.get("/api/v1/payments?status=expired&limit=2&count=true", headers=headers).json
        assert (len(page["result"]), page["count"], page["count_is_exact"]) == (2, 3, True)
        rest = client.get(f"/api/v1/payments?status=expired&cursor={page['next_cursor']}", headers=headers).json
        assert (len(rest["result"]), rest["next_cursor"]) == (1, None)
        assert client.get("/api/v1/payments?property_id=999999", headers=headers).json["result"] == []
        for wrong in ("status=paid", "limit=0", "sort=best", "property_id=x", "nothing=1"):
            assert client.get(f"/api/v1/payments?{wrong}", headers=headers).status_code == 422
        assert client.get("/api/v1/payments?cursor=x", headers=headers).status_code == 400

    def test_the_generated_query_keeps_to_ones_own_and_hides_the_account(self, client: FlaskClient, deal: Deal) -> None:
        mine = make_payment(deal.viewing)
        make_payment()
        answer = client.get("/api/v1/payments?q=(order_column:id,order_direction:asc)", headers=auth(deal.client))
        assert [one["id"] for one in answer.json["result"]] == [mine.id]
        assert not {"account", "payer_name", "lines"} & set(answer.json["result"][0])
        named = client.get("/api/v1/payments?q=(columns:!(id,account))", headers=auth(deal.client))
        assert named.json["result"] == [{"id": mine.id}]
        for wrong in ("(filters:!((col:account,opr:eq,value:x)))", "((("):
            assert client.get(f"/api/v1/payments?q={wrong}", headers=auth(deal.client)).status_code == 400

    def test_a_page_is_a_fixed_number_of_statements(
        self, client: FlaskClient, deal: Deal, statements: Callable[[Callable[[], Any]], int]
    ) -> None:
        headers = auth(deal.agent)

        def count() -> int:
            return statements(lambda: client.get("/api/v1/payments", headers=headers))

        make_payment(deal.viewing)
        count()
        few = count()
        for _ in range(5):
            make_payment(deal.rival()[1])
        assert count() == few > 0


class TestCancel:
    def test_before_a_decision_and_again(self, client: FlaskClient, deal: Deal, declared: Payment) -> None:
        path, headers = f"/api/v1/payments/{declared.id}", auth(deal.client)
        for _ in "ab":
            answer = client.delete(path, headers=headers)
            assert (answer.status_code, answer.json["result"]["status"]) == (200, "canceled")
            assert answer.json["result"]["refund_due"] is True

    def test_a_stale_one_is_412(self, client: FlaskClient, deal: Deal) -> None:
        path, headers = f"/api/v1/payments/{make_payment(deal.viewing).id}", auth(deal.client)
        etag = client.get(path, headers=headers).headers["ETag"]
        assert client.delete(path, headers=headers | {"If-Match": '"other"'}).status_code == 412
        assert client.delete(path, headers=headers | {"If-Match": etag}).status_code == 200

    def test_who_may_not(self, client: FlaskClient, deal: Deal, declared: Payment) -> None:
        path = f"/api/v1/payments/{declared.id}"
        assert client.delete(path).status_code == 401
        for user in (deal.agent, make_user(Role.STAFF), make_user(Role.ADMIN)):
            assert client.delete(path, headers=auth(user)).status_code == 403

    def test_a_lapsed_one_is_409(self, client: FlaskClient, deal: Deal, frozen_clock: Clock) -> None:
        path = f"/api/v1/payments/{make_payment(deal.viewing, status='expired').id}"
        answer = client.delete(path, headers=auth(deal.client))
        assert (answer.status_code, answer.json["code"], answer.json["from"]) == (409, "illegal_move", "expired")
