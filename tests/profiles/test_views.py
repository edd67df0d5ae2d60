from typing import Any

from flask import Flask
from sqlalchemy import select

from sheda.core.actor import Role
from sheda.core.banks import nuban_check_digit
from sheda.core.db import db
from sheda.profiles.models import BankAccount
from tests import factories
from tests.pages import Browser, browser_of

NUMBER = f"012345678{nuban_check_digit('058', '012345678')}"
ACCOUNT = {"bank_code": "058", "account_number": NUMBER, "account_name": "Ngozi Okafor"}


class TestBankAccounts:
    def test_one_is_added_changed_and_removed(self, browser: Browser, agent: Any) -> None:
        browser.get("/admin/bank-accounts/add")
        answer = browser.send("/admin/bank-accounts/add", **ACCOUNT)
        account = db.session.scalars(select(BankAccount)).one()
        assert (account.agent_id, account.is_default) == (agent.id, True)
        assert NUMBER in browser.get(answer.location).text
        browser.get(f"/admin/bank-accounts/edit/{account.id}")
        changed = {**ACCOUNT, "account_name": "Okafor Homes", "is_default": "y"}
        assert browser.send(f"/admin/bank-accounts/edit/{account.id}", **changed).status_code == 302
        db.session.refresh(account)
        assert account.account_name == "Okafor Homes"
        browser.send(f"/admin/bank-accounts/delete/{account.id}")
        assert NUMBER not in browser.get("/admin/bank-accounts/list/").text
        assert browser.get(f"/admin/bank-accounts/show/{account.id}").status_code == 404

    def test_a_wrong_digit_is_refused_at_its_field(self, browser: Browser) -> None:
        browser.get("/admin/bank-accounts/add")
        wrong = f"{NUMBER[:-1]}{(int(NUMBER[-1]) + 1) % 10}"
        browser.send("/admin/bank-accounts/add", **{**ACCOUNT, "account_number": wrong})
        assert len(browser.faults()) == 1
        assert db.session.scalars(select(BankAccount)).all() == []

    def test_the_office_has_no_page_of_them(self, app: Flask, agent: Any) -> None:
        account = factories.make_bank_account(agent)
        for role in (Role.STAFF, Role.ADMIN):
            browser = browser_of(app, factories.make_user(role))
            assert browser.get(f"/admin/bank-accounts/show/{account.id}").status_code == 403
