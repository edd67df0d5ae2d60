"""Webhooks of each gateway, against a local stand-in of its API: what is let in, and exactly what follows."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.payments import services, webhooks
from sheda.payments.jobs import process_webhooks
from sheda.payments.models import Checkout, Payment, WebhookEvent
from tests.factories import actor_of, auth, make_payment, make_user
from tests.pages import browser_of
from tests.payments.conftest import Deal, moves_of

KOBO = 250_000_000
OLD, NEW = "sk_old", "sk_new"


class FakeApi:
    """What a gateway answers: a table of paths, and what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, str]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                api.asked.append((self.command, self.path, self.rfile.read(length).decode()))
                found = api.answers.get(self.path)
                body = json.dumps(found if found is not None else {"message": "missing"}).encode()
                self.send_response(200 if found is not None else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer  # noqa: N815 - the server's own names

            def log_message(self, *_args: Any) -> None:
                """Stay quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def api(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    found = FakeApi()
    settings = {
        "PAYSTACK_SECRET_KEYS": [NEW, OLD], "PAYSTACK_URL": found.url,
        "FLUTTERWAVE_SECRET_KEY": "flw", "FLUTTERWAVE_HASHES": [NEW, OLD], "FLUTTERWAVE_URL": found.url,
        "STRIPE_SECRET_KEY": "stripe", "STRIPE_SIGNING_SECRETS": [NEW, OLD], "STRIPE_URL": found.url,
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setitem(app.config, name, value)
    yield found
    found.stop()


@pytest.fixture
def payment(deal: Deal) -> Payment:
    return services.initiate(deal.by_client, deal.viewing.id)


@pytest.fixture
def checkout(client: FlaskClient, api: FakeApi, payment: Payment) -> Checkout:
    return make_checkout(payment)


def make_checkout(payment: Payment, provider: str = "paystack", tail: str = "AAAAAA") -> Checkout:
    found = Checkout(
        payment_id=payment.id,
        provider=provider,
        reference=f"{payment.reference}-{tail}",
        url="https://gateway.example",
        created_at=clock.now(),
    )
    db.session.add(found)
    db.session.commit()
    return found


def sign(body: bytes, key: str = NEW) -> dict[str, str]:
    return {"x-paystack-signature": hmac.new(key.encode(), body, "sha512").hexdigest()}


def event_of(reference: str, name: str = "charge.success", number: int = 1, **data: Any) -> bytes:
    return json.dumps({"event": name, "data": {"id": number, "reference": reference, **data}}).encode()


def charged(api: FakeApi, reference: str, **over: Any) -> None:
    data = {"status": "success", "reference": reference, "amount": KOBO, "currency": "NGN", **over}
    api.answers[f"/transaction/verify/{reference}"] = {"status": True, "data": data}


def post(client: FlaskClient, body: bytes, headers: dict[str, str] | None = None, provider: str = "paystack") -> Any:
    return client.post(f"/webhooks/{provider}", data=body, headers=sign(body) if headers is None else headers)


def outcomes() -> list[str | None]:
    process_webhooks()
    db.session.expire_all()
    return list(db.session.scalars(select(WebhookEvent.outcome).order_by(WebhookEvent.id)))


def told(client: FlaskClient, body: bytes) -> str | None:
    """Send a signed event, work it through, and return its outcome."""
    assert post(client, body).status_code == 200
    return outcomes()[-1]


class TestDoor:
    @pytest.mark.parametrize("key", [NEW, OLD])
    def test_both_live_keys_open_it(self, client: FlaskClient, api: FakeApi, key: str) -> None:
        body = event_of("x")
        answer = post(client, body, sign(body, key))
        assert (answer.status_code, answer.json) == (200, {"received": True})

    def test_forged_truncated_and_unsigned_bodies_are_refused_and_not_kept(
        self, client: FlaskClient, api: FakeApi
    ) -> None:
        body = event_of("x")
        for sent, headers in (
            (body, sign(body, "wrong")),
            (body[:-1], sign(body)),
            (body, {}),
            (body, {"x-paystack-signature": "é"}),
        ):
            answer = post(client, sent, headers)
            assert (answer.status_code, answer.json["code"]) == (401, "signature_invalid")
        assert db.session.scalar(select(func.count()).select_from(WebhookEvent)) == 0

    @pytest.mark.parametrize("body", [b"", b"[]", b"nope", b"\xff\xfe", b'{"event": NaN}'])
    def test_signed_nonsense_is_refused(self, client: FlaskClient, api: FakeApi, body: bytes) -> None:
        assert post(client, body).status_code == 400

    @pytest.mark.parametrize(
        "event",
        [
            {},
            {"event": "charge.success"},
            {"event": "\x00", "data": {"id": "\ud800"}},
            {"event": "charge.success", "data": []},
            {"event": "charge.success", "data": {"id": "\x00" * 200, "reference": "\x00"}},
        ],
    )
    def test_a_signed_shape_that_nobody_knows_is_kept_for_staff(
        self, client: FlaskClient, api: FakeApi, event: Any
    ) -> None:
        assert told(client, json.dumps(event).encode()) in {"unreadable", "ignored"}

    def test_a_gateway_without_keys_is_not_there(self, client: FlaskClient) -> None:
        assert post(client, b"{}").status_code == 404
        assert post(client, b"{}", provider="nobody").status_code == 404

    def test_a_huge_body_is_refused(self, client: FlaskClient, api: FakeApi) -> None:
        assert post(client, b"x" * 300_000).status_code == 413


class TestPaid:
    def test_a_payment_is_proved_once_the_gateway_says_so_too(
        self, client: FlaskClient, api: FakeApi, deal: Deal, checkout: Checkout, payment: Payment
    ) -> None:
        charged(api, checkout.reference)
        assert told(client, event_of(checkout.reference)) == "verified"
        assert payment.status == "verified"
        assert deal.home.held_by_payment_id == payment.id
        assert moves_of(payment)[-1] == "verify"
        accepted = services.accept(deal.by_agent, payment.id)
        assert (accepted.status, deal.home.status) == ("accepted", "rented")

    def test_fifty_duplicates_are_one(
        self, client: FlaskClient, api: FakeApi, checkout: Checkout, payment: Payment
    ) -> None:
        charged(api, checkout.reference)
        assert {post(client, event_of(checkout.reference)).status_code for _ in range(50)} == {200}
        assert outcomes() == ["verified"]
        assert moves_of(payment).count("verify") == 1
        assert told(client, event_of(checkout.reference, number=2)) == "repeated"
        assert process_webhooks()["processed"] == 0

    @pytest.mark.parametrize(
        ("over", "outcome"),
        [
            ({"amount": KOBO - 1}, "amount_differs"),
            ({"amount": KOBO + 1}, "amount_differs"),
            ({"currency": "USD"}, "currency_differs"),
            ({"reference": "PAY-OTHER"}, "unknown_reference"),
            ({"status": "failed"}, "repeated"),
            ({"status": "pending"}, "processing"),
        ],
    )
    def test_what_differs_proves_nothing(
        self, client: FlaskClient, api: FakeApi, checkout: Checkout, payment: Payment, over: Any, outcome: str
    ) -> None:
        charged(api, checkout.reference)
        api.answers[f"/transaction/verify/{checkout.reference}"]["data"] |= over
        assert told(client, event_of(checkout.reference)) == outcome
        assert payment.status == ("processing" if outcome == "processing" else "initiated")
        assert payment.refund_due is False

    def test_a_reference_of_nobody_is_shown_to_staff(self, client: FlaskClient, api: FakeApi) -> None:
        charged(api, "PAY-NOBODY")
        assert told(client, event_of("PAY-NOBODY")) == "unknown_reference"

    def test_a_declared_payment_is_proved_too(
        self, client: FlaskClient, api: FakeApi, deal: Deal, declared: Payment
    ) -> None:
        checkout = make_checkout(declared)
        charged(api, checkout.reference)
        assert told(client, event_of(checkout.reference)) == "verified"
        assert (declared.status, moves_of(declared)[-1]) == ("verified", "prove")

    def test_it_is_accepted_at_once_only_where_that_is_turned_on(
        self, app: Flask, client: FlaskClient, api: FakeApi, deal: Deal, checkout: Checkout, payment: Payment,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.setitem(app.config, "AUTO_ACCEPT_VERIFIED", True)
        charged(api, checkout.reference)
        assert told(client, event_of(checkout.reference)) == "accepted"
        assert (payment.status, deal.home.status) == ("accepted", "rented")


class TestOutOfOrder:
    def test_pending_news_after_the_money_changes_nothing(
        self, client: FlaskClient, api: FakeApi, checkout: Checkout, payment: Payment
    ) -> None:
        charged(api, checkout.reference)
        told(client, event_of(checkout.reference))
        charged(api, checkout.reference, status="pending")
        assert told(client, event_of(checkout.reference, "charge.failed", 2)) == "repeated"
        assert payment.status == "verified"

    def test_a_transfer_that_was_under_way_may_fail_and_be_tried_again(
        self, client: FlaskClient, api: FakeApi, checkout: Checkout, payment: Payment
    ) -> None:
        for status, outcome in (("pending", "processing"), ("failed", "failed"), ("success", "verified")):
            charged(api, checkout.reference, status=status)
            assert (
                told(
                    client,
                    event_of(
                        checkout.reference,
                        f"charge.{status}" if status == "failed" else "charge.success",
                        hash(status) % 99999,
                    ),
                )
                == outcome
            )

    def test_money_for_a_closed_payment_goes_back(
        self, client: FlaskClient, api: FakeApi, deal: Deal, checkout: Checkout, payment: Payment
    ) -> None:
        services.cancel(deal.by_client, payment.id)
        charged(api, checkout.reference)
        assert told(client, event_of(checkout.reference)) == "payment_closed"
        assert (payment.status, payment.refund_due) == ("canceled", True)

    def test_money_for_a_home_that_another_holds_goes_back(
        self, client: FlaskClient, api: FakeApi, deal: Deal, payment: Payment
    ) -> None:
        checkout = make_checkout(payment)
        make_payment(deal.rival()[1], status="declared")
        charged(api, checkout.reference)
        assert told(client, event_of(checkout.reference)) == "under_offer"
        assert (payment.status, payment.refund_due) == ("superseded", True)

    def test_paying_twice_is_seen(
        self, client: FlaskClient, api: FakeApi, checkout: Checkout, payment: Payment
    ) -> None:
        second = make_checkout(payment, tail="BBBBBB")
        for number, one in enumerate((checkout, second)):
            charged(api, one.reference)
            assert told(client, event_of(one.reference, number=number)) == ("paid_twice" if number else "verified")
        assert (payment.status, payment.refund_due) == ("verified", True)

    def test_refund_and_dispute_are_noted_and_move_nothing(
        self, app: Flask, client: FlaskClient, api: FakeApi, deal: Deal, checkout: Checkout, payment: Payment
    ) -> None:
        charged(api, checkout.reference)
        refund = json.dumps(
            {"event": "refund.processed", "data": {"id": 7, "transaction_reference": checkout.reference, "amount": 100}}
        ).encode()
        dispute = json.dumps(
            {
                "event": "charge.dispute.create",
                "data": {"id": 8, "refund_amount": KOBO, "transaction": {"reference": checkout.reference}},
            }
        ).encode()
        assert [told(client, refund), told(client, dispute), payment.status] == ["refund", "dispute", "initiated"]
        assert moves_of(payment)[-2:] == ["refund", "dispute"]
        browser = browser_of(app, make_user(Role.STAFF))
        assert "charge.dispute.create" in browser.get("/admin/").text

    def test_a_declined_proof_is_a_refund(
        self, client: FlaskClient, api: FakeApi, deal: Deal, checkout: Checkout, payment: Payment
    ) -> None:
        charged(api, checkout.reference)
        told(client, event_of(checkout.reference))
        services.decline(deal.by_agent, payment.id, reason="The home is not what you think.")
        assert (payment.status, payment.refund_due) == ("declined", True)


class TestGatewayAway:
    def test_an_event_waits_for_its_gateway(
        self, client: FlaskClient, api: FakeApi, checkout: Checkout, payment: Payment, frozen_clock: Any
    ) -> None:
        now = frozen_clock.at(clock.now())
        assert told(client, event_of(checkout.reference)) is None
        charged(api, checkout.reference)
        assert outcomes() == [None]
        frozen_clock.at(now + timedelta(seconds=11))
        assert outcomes() == ["verified"]

    def test_it_is_given_up_after_days_and_retried_by_an_admin(
        self, app: Flask, client: FlaskClient, api: FakeApi, checkout: Checkout, payment: Payment
    ) -> None:
        post(client, event_of(checkout.reference))
        row = db.session.scalars(select(WebhookEvent)).one()
        row.attempts = webhooks.MOST_ATTEMPTS - 1
        db.session.commit()
        assert outcomes() == [None]
        assert row.dead_at is not None
        charged(api, checkout.reference)
        assert outcomes() == [None]
        staff, admin = (browser_of(app, make_user(role)) for role in (Role.STAFF, Role.ADMIN))
        assert "Try again" not in staff.get(f"/admin/gateway-events/show/{row.id}").text
        page = admin.get(f"/admin/gateway-events/show/{row.id}")
        assert "Try again" in page.text
        webhooks.retry(actor_of(make_user(Role.ADMIN)), row.id)
        db.session.commit()
        assert outcomes() == ["verified"]

    def test_people_in_an_event_are_masked(self, app: Flask, client: FlaskClient, api: FakeApi) -> None:
        body = event_of("PAY-X", customer={"email": "ada@example.com"}, authorization={"last4": "4081"})
        post(client, body)
        row = db.session.scalars(select(WebhookEvent)).one()
        text = browser_of(app, make_user(Role.STAFF)).get(f"/admin/gateway-events/show/{row.id}").text
        assert "PAY-X" in text
        assert "ada@example.com" not in text
        assert "4081" not in text


class TestOthers:
    def test_flutterwave_is_believed_only_after_its_verify_call(
        self, client: FlaskClient, api: FakeApi, payment: Payment
    ) -> None:
        checkout = make_checkout(payment, "flutterwave")
        body = json.dumps(
            {
                "event": "charge.completed",
                "data": {
                    "id": 99,
                    "tx_ref": checkout.reference,
                    "amount": 2_500_000,
                    "currency": "NGN",
                    "status": "successful",
                },
            }
        ).encode()
        assert post(client, body, {"verif-hash": "wrong"}, "flutterwave").status_code == 401
        assert post(client, body, {"verif-hash": OLD}, "flutterwave").status_code == 200
        assert outcomes() == [None]
        data = {
            "id": 99,
            "tx_ref": checkout.reference,
            "amount": 2_500_000.00,
            "currency": "NGN",
            "status": "successful",
        }
        api.answers["/v3/transactions/99/verify"] = {"status": "success", "data": data}
        with clock.travel(clock.now() + timedelta(minutes=1)):
            assert outcomes() == ["verified"]

    @pytest.mark.parametrize(("age", "status"), [(0, 200), (299, 200), (301, 401), (-301, 401)])
    def test_stripe_takes_no_old_signature(
        self, client: FlaskClient, api: FakeApi, payment: Payment, frozen_clock: Any, age: int, status: int
    ) -> None:
        checkout, now = make_checkout(payment, "stripe"), frozen_clock.at(clock.now())
        thing = {
            "id": "cs_1",
            "client_reference_id": checkout.reference,
            "payment_status": "paid",
            "amount_total": KOBO,
            "currency": "ngn",
        }
        api.answers["/v1/checkout/sessions/cs_1"] = thing
        body = json.dumps({"id": "evt_1", "type": "checkout.session.completed", "data": {"object": thing}}).encode()
        moment = str(int(now.timestamp()) - age)
        made = hmac.new(OLD.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        answer = post(client, body, {"Stripe-Signature": f"t={moment},v1={'0' * 64},v1={made}"}, "stripe")
        assert answer.status_code == status
        assert outcomes() == (["verified"] if status == 200 else [])


class TestCheckout:
    def test_a_client_is_led_to_the_gateway_and_back_to_the_same_till(
        self, client: FlaskClient, api: FakeApi, deal: Deal, payment: Payment
    ) -> None:
        api.answers["/transaction/initialize"] = {
            "status": True,
            "data": {"authorization_url": "https://checkout.example/1"},
        }
        path, headers = f"/payments/{payment.id}/checkout", auth(deal.client)
        first = client.post(path, json={"provider": "paystack"}, headers=headers)
        assert (first.status_code, first.json["result"]["url"]) == (200, "https://checkout.example/1")
        sent = json.loads(api.asked[-1][2])
        assert (sent["amount"], sent["currency"], sent["email"]) == (KOBO, "NGN", deal.client.email)
        again = client.post(path, json={"provider": "paystack"}, headers=headers)
        assert again.json["id"] == first.json["id"]
        assert len(api.asked) == 1

    def test_refusals(self, client: FlaskClient, api: FakeApi, deal: Deal, payment: Payment) -> None:
        path, headers = f"/payments/{payment.id}/checkout", auth(deal.client)
        assert client.post(path, json={"provider": "nobody"}, headers=headers).status_code == 422
        assert client.post(path, json={"provider": "paystack"}, headers=headers).status_code == 503
        assert client.post(path, json={"provider": "paystack"}, headers=auth(deal.agent)).status_code == 403
        assert client.post(path, json={"provider": "paystack"}, headers=auth(make_user())).status_code == 404
        services.cancel(deal.by_client, payment.id)
        db.session.commit()
        late = client.post(path, json={"provider": "paystack"}, headers=headers)
        assert (late.status_code, late.json["code"]) == (409, "illegal_move")


class TestFake:
    @pytest.mark.parametrize(
        ("choice", "outcome"), [("pay", "verified"), ("short", "amount_differs"), ("fail", "repeated")]
    )
    def test_a_newcomer_clicks_through_it_offline(
        self, app: Flask, client: FlaskClient, deal: Deal, payment: Payment, choice: str, outcome: str
    ) -> None:
        started = client.post(f"/payments/{payment.id}/checkout", json={"provider": "fake"}, headers=auth(deal.client))
        page = "/fake-checkout/" + started.json["result"]["reference"]
        assert started.json["result"]["url"].endswith(page)
        assert "₦2,500,000" in client.get(page).text
        assert client.post(page, data={"choice": choice}).status_code in {200, 302, 400}
        browser = browser_of(app, deal.agent)
        browser.get(page)
        browser.send(page, choice=choice)
        assert outcomes()[-1] == outcome

    def test_production_has_none(self, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(app.config, "ENVIRONMENT", "production")
        assert client.post("/webhooks/fake", data=b"{}").status_code == 404
        assert client.get("/fake-checkout/PAY-X").status_code == 404
