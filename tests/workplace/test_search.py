from typing import Any

import pytest
from flask import Flask

from sheda.chat import services as chat
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.workplace import search
from tests import factories
from tests.pages import browser_of


@pytest.fixture
def client_user(agent: Any) -> Any:
    return factories.make_user(first_name="Funke", last_name="Adeyemi", phone="+2348031234567")


@pytest.fixture
def home(agent: Any) -> Any:
    return factories.make_property(
        agent, title="Three bedroom flat", location="Opebi, Ikeja", address="7 Salvation Road"
    )


@pytest.fixture
def viewing(home: Any, client_user: Any) -> Any:
    return factories.make_appointment(home, client_user, status="completed", starts_at=clock.now())


def found(user: Any, words: str) -> set[tuple[str, str]]:
    return {(hit.kind, hit.title) for hit in search.find(factories.actor_of(user), words)}


HOME, PERSON, DEAL = ("listing", "Three bedroom flat"), ("person", "Funke Adeyemi"), ("deal", "Funke Adeyemi")


class TestFind:
    @pytest.mark.parametrize("words", ["0803 123 4567", "08031234567", "+234 803 123 4567", "2348031234567", "1234567"])
    def test_a_client_by_phone_however_it_is_written(self, agent: Any, viewing: Any, words: str) -> None:
        assert found(agent, words) == {PERSON, DEAL}

    @pytest.mark.parametrize("words", ["funke", "Adeyemi", "funke ade"])
    def test_a_client_by_name(self, agent: Any, viewing: Any, words: str) -> None:
        assert found(agent, words) == {PERSON, DEAL}

    @pytest.mark.parametrize("words", ["opebi", "flat ikeja", "salvation"])
    def test_a_home_by_words_of_its_place_for_agents_and_the_office(self, agent: Any, viewing: Any, words: str) -> None:
        assert found(agent, words) == {HOME, DEAL}
        assert found(factories.make_user(Role.STAFF), words) == {HOME, DEAL}

    def test_a_home_by_its_reference(self, agent: Any, home: Any) -> None:
        for user in (agent, factories.make_user(Role.STAFF)):
            assert found(user, home.reference.lower()) == {HOME}

    def test_a_deal_by_the_reference_of_its_payment_or_contract(self, agent: Any, viewing: Any) -> None:
        payment = factories.make_payment(viewing, status="accepted")
        contract = factories.make_contract(payment)
        for user in (agent, factories.make_user(Role.STAFF)):
            assert found(user, payment.reference) == {DEAL}
            assert found(user, contract.reference) == {DEAL}

    def test_somebody_one_has_only_talked_with(self, agent: Any, client_user: Any) -> None:
        assert found(agent, "funke") == set()
        chat.send(factories.actor_of(client_user), agent.id, "Hello")
        db.session.commit()
        assert found(agent, "funke") == {PERSON}

    @pytest.mark.parametrize("words", ["", "a", " ", "%%%", "___", "a\x00b", "'); --", "& | !", "(((", "\\", "x" * 500])
    def test_what_is_no_question_finds_nothing(self, agent: Any, viewing: Any, words: str) -> None:
        assert found(agent, words) == set()
        assert found(factories.make_user(Role.STAFF), words) == set()

    @pytest.mark.parametrize("words", ["0803 123 4567", "funke", "opebi"])
    def test_another_agent_finds_nothing_of_it(self, viewing: Any, words: str) -> None:
        assert found(factories.make_user(Role.AGENT), words) == set()

    def test_a_payments_reference_is_no_way_to_anothers_deal(self, viewing: Any) -> None:
        payment = factories.make_payment(viewing)
        assert found(factories.make_user(Role.AGENT), payment.reference) == set()

    def test_it_is_one_statement(self, agent: Any, viewing: Any, count_statements: Any) -> None:
        actor = factories.actor_of(agent)
        with count_statements() as sent:
            search.find(actor, "funke")
        assert len(sent) == 1


class TestPage:
    def test_each_hit_leads_to_a_page_that_opens(self, app: Flask, agent: Any, viewing: Any) -> None:
        for user in (agent, factories.make_user(Role.STAFF)):
            browser = browser_of(app, user)
            for words in ("funke", "opebi"):
                page = browser.get(f"/admin/search/?q={words}").text
                hits = page.split('id="results"')[1].split("</div>")[0]
                links = [link for link in browser.links() if f'href="{link}"' in hits.replace("&amp;", "&")]
                assert len(links) >= 2
                for link in links:
                    assert browser.get(link).status_code == 200, link

    def test_it_says_when_nothing_fits(self, app: Flask, agent: Any) -> None:
        page = browser_of(app, agent).get("/admin/search/?q=%3Cb%3Enowhere").text
        assert "Nothing of yours fits “&lt;b&gt;nowhere”" in page

    def test_clients_have_none(self, app: Flask, client_user: Any) -> None:
        assert app.test_client().get("/admin/search/?q=funke").status_code == 302
