from datetime import timedelta
from typing import Any

from flask import Flask

from sheda.contracts.models import Contract
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from tests import factories
from tests.pages import Browser, browser_of


def contract_of(agent: Any, **over: Any) -> Contract:
    home = factories.make_property(agent, **over.pop("home", {}))
    viewing = factories.make_appointment(home, status="completed", starts_at=clock.now() - timedelta(days=400))
    return factories.make_contract(factories.make_payment(viewing, status="accepted"), **over)


class TestPages:
    def test_what_ends_soon_waits_at_home(self, browser: Browser, agent: Any) -> None:
        contract_of(agent, start_date=clock.today() - timedelta(days=350))
        contract_of(agent)
        assert browser.get("/admin/").text.count("’s contract ends on ") == 1

    def test_the_paper_is_a_pdf(self, browser: Browser, agent: Any) -> None:
        contract = contract_of(agent)
        answer = browser.get(f"/admin/contracts/document/{contract.id}")
        assert (answer.data[:5], answer.mimetype) == (b"%PDF-", "application/pdf")

    def test_its_terms_cannot_be_written(self, browser: Browser, agent: Any) -> None:
        contract = contract_of(agent)
        for path in (f"edit/{contract.id}", "add", f"delete/{contract.id}"):
            assert browser.send(f"/admin/contracts/{path}").status_code == 404


class TestMoves:
    def test_a_renewal_is_proposed(self, browser: Browser, agent: Any) -> None:
        contract = contract_of(agent)
        path = f"/admin/contracts/move/{contract.id}/renew"
        browser.get(path)
        browser.send(path, periods="0")
        assert browser.faults() == ["Choose 1 to 60."]
        assert browser.send(path, periods="2").status_code == 302
        db.session.refresh(contract)
        assert (contract.renewal_periods, contract.status) == (2, "active")
        assert "Renewal proposed" in browser.get(f"/admin/contracts/show/{contract.id}").text

    def test_notice_is_given(self, browser: Browser, agent: Any) -> None:
        contract = contract_of(agent)
        path = f"/admin/contracts/move/{contract.id}/terminate"
        assert "after its notice" in browser.get(path).text
        browser.send(path)
        db.session.refresh(contract)
        assert contract.ends_early_on is not None
        assert contract.status == "active"

    def test_a_sale_is_handed_over_and_nothing_else(self, browser: Browser, agent: Any) -> None:
        contract = contract_of(agent, home={"listing_type": "sale"})
        page = browser.get(f"/admin/contracts/show/{contract.id}").text
        assert f"/move/{contract.id}/complete" in page
        assert "/renew" not in page
        assert "/terminate" not in page
        browser.send(f"/admin/contracts/move/{contract.id}/complete")
        db.session.refresh(contract)
        assert contract.status == "completed"

    def test_staff_end_a_tenancy_before_its_day_with_a_reason(self, app: Flask, db_session: Any) -> None:
        contract, browser = contract_of(None), browser_of(app, factories.make_user(Role.STAFF))
        path = f"/admin/contracts/move/{contract.id}/expire"
        browser.get(path)
        assert "Give a reason to end it now." in browser.send(path).text
        assert browser.send(path, reason="Both sides agreed.").status_code == 302
        db.session.refresh(contract)
        assert contract.status == "expired"

    def test_an_agent_ends_nothing_at_once(self, browser: Browser, agent: Any) -> None:
        contract = contract_of(agent)
        assert browser.send(f"/admin/contracts/move/{contract.id}/expire").status_code == 403
