"""Each gateway's own kinds of news, in the shapes that its documentation shows, and who in the office hears of them."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.outbox import Outbox
from sheda.notifications.models import Notification
from sheda.payments import services
from sheda.payments.jobs import process_webhooks
from sheda.payments.models import Payment, WebhookEvent
from tests.factories import make_user
from tests.payments.conftest import Deal, moves_of
from tests.payments.test_gateways import (
    KOBO,
    NEW,
    OLD,
    FakeApi,
    api,
    charged,
    event_of,
    make_checkout,
    outcomes,
    post,
    told,
)

__all__ = ["api"]


@pytest.fixture
def payment(deal: Deal, api: FakeApi) -> Payment:
    return services.initiate(deal.by_client, deal.viewing.id)


def stripe_headers(body: bytes, key: str = NEW, age: int = 0) -> dict[str, str]:
    moment = str(int(clock.now().timestamp()) - age)
    made = hmac.new(key.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={moment},v1={made}"}


def flutterwave(reference: str, status: str = "successful", number: int = 99, event: str = "charge.completed") -> bytes:
    data = {"id": number, "tx_ref": reference, "amount": 2_500_000, "currency": "NGN", "status": status}
    return json.dumps({"event": event, "data": data}).encode()


def verified(api: FakeApi, reference: str, number: int = 99, **over: Any) -> None:
    data = {"id": number, "tx_ref": reference, "amount": 2_500_000, "currency": "NGN", "status": "successful", **over}
    api.answers[f"/v3/transactions/{number}/verify"] = {"status": "success", "data": data}


def session(api: FakeApi, reference: str, **over: Any) -> dict[str, Any]:
    thing = {
        "id": "cs_1", "client_reference_id": reference, "payment_status": "paid", "status": "complete",
        "amount_total": KOBO, "currency": "ngn", **over,
    }  # fmt: skip
    api.answers["/v1/checkout/sessions/cs_1"] = thing
    return thing


def stripe_event(name: str, thing: dict[str, Any], number: str = "evt_1") -> bytes:
    return json.dumps({"id": number, "type": name, "data": {"object": thing}}).encode()


class TestPaystack:
    def test_a_refund_in_its_documented_shape_is_noted_once(
        self, client: FlaskClient, api: FakeApi, payment: Payment
    ) -> None:
        checkout = make_checkout(payment)
        charged(api, checkout.reference, status="reversed")
        data = {
            "status": "processed", "transaction_reference": checkout.reference, "refund_reference": "132013318360",
            "amount": str(KOBO), "currency": "NGN", "processor": "mpgs_zen", "domain": "live",
        }  # fmt: skip
        body = json.dumps({"event": "refund.processed", "data": data}).encode()
        assert [told(client, body) for _ in range(2)] == ["refund", "refund"]
        assert moves_of(payment).count("refund") == 1
        assert db.session.scalar(select(func.count()).select_from(WebhookEvent)) == 1

    def test_a_dispute_and_its_end_are_noted(self, client: FlaskClient, api: FakeApi, payment: Payment) -> None:
        checkout = make_checkout(payment)
        charged(api, checkout.reference)
        for name in ("charge.dispute.create", "charge.dispute.resolve"):
            data = {"id": 358950, "refund_amount": None, "transaction": {"reference": checkout.reference}}
            assert told(client, json.dumps({"event": name, "data": data}).encode()) == "dispute"
        assert moves_of(payment).count("dispute") == 2

    def test_news_that_nobody_here_follows_are_kept_and_ignored(
        self, client: FlaskClient, api: FakeApi, payment: Payment
    ) -> None:
        assert told(client, event_of("x", "transfer.success")) == "ignored"
        assert api.asked == []


class TestFlutterwave:
    @pytest.mark.parametrize(
        ("over", "outcome"),
        [
            ({}, "verified"),
            ({"amount": 2_499_999.99}, "amount_differs"),
            ({"amount": 2_500_000.01}, "amount_differs"),
            ({"currency": "USD"}, "currency_differs"),
            ({"status": "failed"}, "repeated"),
            ({"status": "pending"}, "processing"),
            ({"tx_ref": "PAY-OTHER"}, "unknown_reference"),
        ],
    )
    def test_only_what_its_verify_call_says_counts(
        self, client: FlaskClient, api: FakeApi, payment: Payment, over: dict[str, Any], outcome: str
    ) -> None:
        checkout = make_checkout(payment, "flutterwave")
        verified(api, checkout.reference, **over)
        assert post(client, flutterwave(checkout.reference), {"verif-hash": NEW}, "flutterwave").status_code == 200
        assert outcomes() == [outcome]
        status = {"verified": "verified", "processing": "processing"}.get(outcome, "initiated")
        assert payment.status == status

    def test_fifty_duplicates_are_one(self, client: FlaskClient, api: FakeApi, payment: Payment) -> None:
        checkout = make_checkout(payment, "flutterwave")
        verified(api, checkout.reference)
        body = flutterwave(checkout.reference)
        assert {post(client, body, {"verif-hash": OLD}, "flutterwave").status_code for _ in range(50)} == {200}
        assert outcomes() == ["verified"]
        assert moves_of(payment).count("verify") == 1

    def test_the_end_before_the_beginning_changes_nothing_back(
        self, client: FlaskClient, api: FakeApi, payment: Payment
    ) -> None:
        checkout = make_checkout(payment, "flutterwave")
        verified(api, checkout.reference)
        for status in ("successful", "pending"):
            post(client, flutterwave(checkout.reference, status), {"verif-hash": NEW}, "flutterwave")
        assert outcomes() == ["verified", "repeated"]
        assert payment.status == "verified"

    def test_a_refund_names_its_transaction(self, client: FlaskClient, api: FakeApi, payment: Payment) -> None:
        checkout = make_checkout(payment, "flutterwave")
        verified(api, checkout.reference, 708)
        data = {"id": 5, "AmountRefunded": 2_500_000, "status": "completed", "FlwRef": "URF_1", "TransactionId": 708}
        body = json.dumps({"event": "refund.completed", "data": data}).encode()
        post(client, body, {"verif-hash": NEW}, "flutterwave")
        assert outcomes() == ["refund"]
        assert moves_of(payment)[-1] == "refund"

    @pytest.mark.parametrize("given", ["", "wrong", "é", f"{NEW} ", NEW.upper()])
    def test_another_hash_is_refused(self, client: FlaskClient, api: FakeApi, given: str) -> None:
        assert post(client, flutterwave("x"), {"verif-hash": given}, "flutterwave").status_code in {200, 401}
        if given.strip() != NEW:
            assert db.session.scalar(select(func.count()).select_from(WebhookEvent)) == 0


class TestStripe:
    @pytest.mark.parametrize("key", [NEW, OLD])
    def test_a_paid_session_proves_a_payment_under_either_live_key(
        self, client: FlaskClient, api: FakeApi, payment: Payment, key: str
    ) -> None:
        thing = session(api, make_checkout(payment, "stripe").reference)
        body = stripe_event("checkout.session.completed", thing)
        assert post(client, body, stripe_headers(body, key), "stripe").status_code == 200
        assert outcomes() == ["verified"]
        assert payment.status == "verified"

    @pytest.mark.parametrize(
        ("over", "outcome"),
        [
            ({"amount_total": KOBO - 1}, "amount_differs"),
            ({"currency": "usd"}, "currency_differs"),
            ({"payment_status": "unpaid", "status": "open"}, "processing"),
            ({"payment_status": "unpaid", "status": "expired"}, "repeated"),
            ({"client_reference_id": "PAY-OTHER"}, "unknown_reference"),
        ],
    )
    def test_what_differs_when_it_is_asked_again_proves_nothing(
        self, client: FlaskClient, api: FakeApi, payment: Payment, over: dict[str, Any], outcome: str
    ) -> None:
        thing = session(api, make_checkout(payment, "stripe").reference)
        api.answers["/v1/checkout/sessions/cs_1"] = thing | over
        body = stripe_event("checkout.session.completed", thing)
        post(client, body, stripe_headers(body), "stripe")
        assert outcomes() == [outcome]
        assert payment.status == ("processing" if outcome == "processing" else "initiated")

    def test_truncated_forged_and_repeated_headers_are_refused(self, client: FlaskClient, api: FakeApi) -> None:
        body = stripe_event("checkout.session.completed", {"id": "cs_1"})
        good = stripe_headers(body)["Stripe-Signature"]
        moment = good.partition(",")[0]
        for sent, header in (
            (body[:-1], good),
            (body + b" ", good),
            (body, stripe_headers(body, "wrong")["Stripe-Signature"]),
            (body, good.replace("v1=", "v0=")),
            (body, moment),
            (body, "t=²,v1=x"),
            (body, "t=99999999999999,v1=x"),
            (body, ""),
        ):
            assert post(client, sent, {"Stripe-Signature": header}, "stripe").status_code == 401
        assert db.session.scalar(select(func.count()).select_from(WebhookEvent)) == 0

    def test_refund_and_dispute_lead_back_to_the_payment(
        self, client: FlaskClient, api: FakeApi, payment: Payment
    ) -> None:
        checkout = make_checkout(payment, "stripe")
        api.answers["/v1/payment_intents/pi_1"] = {
            "metadata": {"reference": checkout.reference}, "amount_received": KOBO, "currency": "ngn",
        }  # fmt: skip
        refund = stripe_event("charge.refunded", {"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": KOBO})
        dispute = stripe_event(
            "charge.dispute.created", {"id": "dp_1", "payment_intent": "pi_1", "amount": KOBO}, "evt_2"
        )
        for body in (refund, dispute):
            post(client, body, stripe_headers(body), "stripe")
        assert outcomes() == ["refund", "dispute"]
        assert moves_of(payment)[-2:] == ["refund", "dispute"]


class TestOffice:
    def test_the_office_is_told_once_of_what_it_must_look_at(
        self, client: FlaskClient, api: FakeApi, payment: Payment
    ) -> None:
        staff, checkout = make_user(Role.STAFF), make_checkout(payment)
        charged(api, checkout.reference, amount=KOBO - 1)
        for _ in range(3):
            assert told(client, event_of(checkout.reference)) == "amount_differs"
        notice = db.session.scalars(select(Notification).where(Notification.kind == "gateway_flagged")).one()
        event = db.session.scalars(select(WebhookEvent)).one()
        assert (notice.user_id, notice.subject_type, notice.subject_id) == (staff.id, "gateway_event", event.id)
        assert payment.reference in notice.text
        assert "not the one asked for" in notice.text
        mails = db.session.scalars(select(Outbox.user_id).where(Outbox.template == "gateway_flagged")).all()
        assert mails == [staff.id]

    def test_what_went_well_tells_it_nothing(self, client: FlaskClient, api: FakeApi, payment: Payment) -> None:
        make_user(Role.STAFF)
        checkout = make_checkout(payment)
        charged(api, checkout.reference)
        assert told(client, event_of(checkout.reference)) == "verified"
        assert db.session.scalars(select(Notification).where(Notification.kind == "gateway_flagged")).all() == []

    def test_a_refund_without_a_payment_of_ours_is_told_too(self, client: FlaskClient, api: FakeApi) -> None:
        make_user(Role.STAFF)
        charged(api, "PAY-NOBODY")
        assert told(client, event_of("PAY-NOBODY")) == "unknown_reference"
        assert process_webhooks()["processed"] == 0
        assert len(db.session.scalars(select(Notification)).all()) == 1
