"""Webhooks that come at once, and workers beside each other, on connections of their own."""

import hmac
import json
import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from sheda.core import clock
from sheda.core.db import db
from sheda.payments import services
from sheda.payments.gateways import Receipt, paystack
from sheda.payments.jobs import process_webhooks
from sheda.payments.models import Checkout, Payment, WebhookEvent
from tests.payments.conftest import make_deal, moves_of

KEY = "sk_race"


def at_once(app: Flask, number: int, work: Any) -> list[Any]:
    """Do the same work in threads that start together; return what each returned."""
    gate, found = threading.Barrier(number), []

    def run() -> None:
        with app.app_context():
            gate.wait()
            found.append(work())

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_one_event_by_many_ways_moves_a_payment_once(app: Flask, live_db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "PAYSTACK_SECRET_KEYS", [KEY])
    deal = make_deal()
    payment = services.initiate(deal.by_client, deal.viewing.id)
    db.session.commit()
    reference, payment_id = f"{payment.reference}-RACE22", payment.id
    db.session.add(
        Checkout(payment_id=payment_id, provider="paystack", reference=reference, url="x", created_at=clock.now())
    )
    db.session.commit()
    receipt = Receipt("paid", reference, payment.amount, payment.currency)
    monkeypatch.setattr(paystack, "find", lambda _news: receipt)
    body = json.dumps({"event": "charge.success", "data": {"id": 1, "reference": reference}}).encode()
    headers = {"x-paystack-signature": hmac.new(KEY.encode(), body, "sha512").hexdigest()}

    def send() -> int:
        return app.test_client().post("/webhooks/paystack", data=body, headers=headers).status_code

    assert at_once(app, 6, send) == [200] * 6
    assert db.session.scalar(select(func.count()).select_from(WebhookEvent)) == 1
    tallies = at_once(app, 4, process_webhooks)
    assert sum(tally["processed"] for tally in tallies) == 1
    db.session.expire_all()
    assert moves_of(db.session.get_one(Payment, payment_id)).count("verify") == 1
