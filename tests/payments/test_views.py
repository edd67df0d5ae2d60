from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from sheda.core import clock, files
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.payments.models import File, Payment
from tests import factories
from tests.pages import Browser, browser_of


@pytest.fixture
def declared(agent: Any) -> Payment:
    client = factories.make_user(first_name="Halima")
    viewing = factories.make_appointment(
        factories.make_property(agent), client, status="completed", starts_at=clock.now()
    )
    proof = File(
        owner_id=client.id, key=files.put(files.Area.PRIVATE, b"\xff\xd8proof", "jpg"), content_type="image/jpeg",
        size=7, sha256="0" * 64, created_at=clock.now(),
    )  # fmt: skip
    db.session.add(proof)
    db.session.flush()
    payment = factories.make_payment(viewing, status="declared", proof_file_id=proof.id)
    factories.make_contract(payment, status="pending")
    return payment


def status_of(payment: Payment) -> str:
    db.session.expire_all()
    return db.session.get_one(Payment, payment.id).status


class TestProof:
    def test_it_stands_beside_the_expected_amount(self, browser: Browser, declared: Payment) -> None:
        page = browser.get(f"/admin/payments/show/{declared.id}").text
        assert f'<img src="/admin/payments/proof/{declared.id}"' in page
        assert '<span class="s-big">₦2,500,000</span>' in page
        assert declared.reference in page
        number = declared.account["account_number"]
        assert number not in page
        assert f"••••{number[-4:]}" in page

    def test_it_is_sent_to_those_who_may_see_the_payment(self, app: Flask, browser: Browser, declared: Payment) -> None:
        path = f"/admin/payments/proof/{declared.id}"
        answer = browser.get(path)
        assert (answer.data, answer.mimetype) == (b"\xff\xd8proof", "image/jpeg")
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert browser_of(app, factories.make_user(Role.STAFF)).get(path).status_code == 200
        assert browser_of(app, factories.make_user(Role.AGENT)).get(path).status_code == 404
        assert Browser(app).get(path).status_code == 302

    def test_a_payment_without_one_says_so(self, browser: Browser, agent: Any) -> None:
        viewing = factories.make_appointment(factories.make_property(agent), status="completed")
        payment = factories.make_payment(viewing)
        assert "has sent no proof" in browser.get(f"/admin/payments/show/{payment.id}").text
        assert browser.get(f"/admin/payments/proof/{payment.id}").status_code == 404


class TestDecision:
    def test_money_is_judged_after_a_question(self, browser: Browser, declared: Payment) -> None:
        assert "Halima" in browser.get("/admin/").text
        path = f"/admin/payments/move/{declared.id}/accept"
        assert "The contract begins" in browser.get(path).text
        assert status_of(declared) == "declared"
        assert browser.send(path).status_code == 302
        assert status_of(declared) == "accepted"

    def test_declining_needs_a_reason(self, browser: Browser, declared: Payment) -> None:
        path = f"/admin/payments/move/{declared.id}/decline"
        browser.get(path)
        browser.send(path)
        assert (status_of(declared), browser.faults() != []) == ("declared", True)
        browser.send(path, reason="Nothing has come.")
        assert status_of(declared) == "declined"

    def test_a_second_decision_is_refused_in_words(self, browser: Browser, declared: Payment) -> None:
        path = f"/admin/payments/move/{declared.id}"
        browser.get(f"{path}/accept")
        browser.send(f"{path}/accept")
        assert (
            "is not possible while this is accepted" in browser.send(f"{path}/decline", reason="Changed my mind.").text
        )
        assert status_of(declared) == "accepted"

    def test_staff_see_what_no_agent_has_decided(self, app: Flask, declared: Payment) -> None:
        staff = browser_of(app, factories.make_user(Role.STAFF))
        assert "Undecided by their agents" not in staff.get("/admin/").text
        declared.decide_by = clock.now()
        db.session.commit()
        assert "Undecided by their agents" in staff.get("/admin/").text
        path = f"/admin/payments/move/{declared.id}/accept"
        staff.get(path)
        staff.send(path)
        assert status_of(declared) == "declared"
        staff.send(path, reason="Seen on the statement.")
        assert status_of(declared) == "accepted"

    def test_only_a_clients_own_moves_are_missing(self, browser: Browser, declared: Payment) -> None:
        for name in ("declare", "cancel", "expire", "supersede"):
            assert browser.send(f"/admin/payments/move/{declared.id}/{name}").status_code == 404
        assert db.session.scalars(select(Payment.status)).all() == ["declared"]
