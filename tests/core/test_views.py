import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from sheda.accounts.models import User
from sheda.core import clock, files, outbox
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.payments.models import File
from sheda.profiles.models import BankAccount
from tests import factories
from tests.pages import Browser, browser_of

CANARY = "zxcanaryzx"


@dataclass
class Deal:
    """Everything that hangs on one agent, each with a word that must not be read elsewhere."""

    agent: User
    records: dict[str, int]


@pytest.fixture
def deal(db_session: Any) -> Deal:
    agent = factories.make_user(Role.AGENT)
    client = factories.make_user(first_name=CANARY)
    home = factories.make_property(agent, title=f"A home of {CANARY}", listing_state="paused")
    viewing = factories.make_appointment(home, client, status="completed", starts_at=clock.now())
    asked = factories.make_appointment(factories.make_property(agent, title=f"Another of {CANARY}"), client)
    proof = File(
        owner_id=client.id, key=files.put(files.Area.PRIVATE, b"%PDF-1.7", "pdf"), content_type="application/pdf",
        size=8, sha256="0" * 64, created_at=clock.now(),
    )  # fmt: skip
    db.session.add(proof)
    db.session.flush()
    payment = factories.make_payment(viewing, status="declared", proof_file_id=proof.id)
    contract = factories.make_contract(payment, status="pending")
    account = db.session.scalars(sa.select(BankAccount).where(BankAccount.agent_id == agent.id)).one()
    hours, day = factories.make_hours(agent), factories.make_exception(agent, clock.today())
    return Deal(
        agent,
        {
            "properties": home.id,
            "appointments": asked.id,
            "payments": payment.id,
            "contracts": contract.id,
            "bank-accounts": account.id,
            "hours": hours.id,
            "days-off": day.id,
        },
    )


@pytest.fixture
def statements(app: Flask, db_session: Any) -> Iterator[Counter[str]]:
    counted: Counter[str] = Counter()

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        counted[statement.split(None, 1)[0]] += 1

    sa.event.listen(db.engine, "before_cursor_execute", count)
    yield counted
    sa.event.remove(db.engine, "before_cursor_execute", count)


class TestDoor:
    def test_whoever_is_not_signed_in_is_led_to_it_and_back(self, app: Flask, db_session: Any) -> None:
        browser = Browser(app)
        assert browser.get("/").location == "/login/"
        assert browser.get("/admin/payments/list/").location == "/login/?next=/admin/payments/list/"
        agent = factories.make_user(Role.AGENT)
        assert browser.sign_in(agent, next="/admin/payments/list/").location == "/admin/payments/list/"
        assert browser.get("/").location == "/admin/"

    @pytest.mark.parametrize("wanted", ["//evil.example/", "https://evil.example/admin", "/\\evil.example", "/swagger"])
    def test_it_leads_nowhere_else(self, app: Flask, db_session: Any, wanted: str) -> None:
        answer = Browser(app).sign_in(factories.make_user(Role.AGENT), next=wanted)
        assert answer.location == "/admin/"

    def test_a_wrong_password_and_an_unknown_name_read_alike(self, app: Flask, db_session: Any) -> None:
        agent, browser = factories.make_user(Role.AGENT), Browser(app)
        browser.get("/login/")
        pages = [
            browser.send("/login/", username=name, password="not this one")
            for name in (agent.email, "nobody@x.example")
        ]
        assert [page.status_code for page in pages] == [401, 401]
        faults = [re.findall(r's-err".*?</p>', page.text, re.DOTALL) for page in pages]
        assert faults[0] == faults[1] != []

    def test_a_client_is_told_to_use_the_app(self, app: Flask, db_session: Any) -> None:
        answer = Browser(app).sign_in(factories.make_user(Role.CLIENT))
        assert answer.status_code == 403
        assert "Clients use the Sheda app" in answer.text

    def test_a_hostile_name_is_no_fault(self, app: Flask, db_session: Any) -> None:
        browser = Browser(app)
        for name in ("a\x00b", "\ud800".encode("utf-8", "surrogatepass"), "x" * 5000, "<script>"):
            browser.get("/login/")
            answer = browser.send("/login/", username=name, password="whatever")
            assert answer.status_code == 401
            assert "<script>" not in answer.text

    def test_signing_out_ends_the_session_on_the_server(self, app: Flask, db_session: Any) -> None:
        browser = browser_of(app, factories.make_user(Role.AGENT))
        kept = browser.http.get_cookie("sheda")
        assert kept is not None
        assert browser.get("/logout/").status_code == 405
        assert browser.send("/logout/").location == "/login/"
        browser.http.set_cookie("sheda", kept.value)
        assert browser.get("/admin/").status_code == 302

    def test_a_deactivated_person_is_out_at_once(self, app: Flask, db_session: Any) -> None:
        agent = factories.make_user(Role.AGENT)
        browser = browser_of(app, agent)
        agent.active = False
        db.session.commit()
        assert browser.get("/admin/").status_code == 302


class TestFrame:
    def test_a_page_loads_nothing_from_elsewhere_and_runs_only_its_own_script(
        self, app: Flask, db_session: Any
    ) -> None:
        answer = browser_of(app, factories.make_user(Role.AGENT)).get("/admin/")
        policy, page = answer.headers["Content-Security-Policy"], answer.text
        nonce = re.search(r"script-src 'nonce-([^']+)';", policy)
        assert nonce is not None
        assert re.findall(r"<script[^>]*>", page) == [
            f'<script src="/static/{name}.js" nonce="{nonce[1]}" defer>' for name in ("admin", "keys")
        ]
        assert "unsafe" not in policy
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page)
        assert not re.search(r'\s(?:style|on\w+)="', page)

    def test_each_page_has_a_nonce_of_its_own(self, app: Flask, db_session: Any) -> None:
        browser = browser_of(app, factories.make_user(Role.AGENT))
        assert len({browser.get("/admin/").headers["Content-Security-Policy"] for _ in range(3)}) == 3

    def test_it_says_its_language_and_can_be_skipped_into(self, app: Flask, db_session: Any) -> None:
        page = Browser(app).get("/login/").text
        assert '<html lang="en-NG">' in page
        assert 'class="s-skip" href="#main"' in page

    def test_an_unknown_page_is_a_page(self, app: Flask, db_session: Any) -> None:
        answer = browser_of(app, factories.make_user(Role.AGENT)).get("/admin/nothing")
        assert answer.status_code == 404
        assert "We cannot find that page" in answer.text

    def test_the_menu_holds_what_a_role_may_open(self, app: Flask, db_session: Any) -> None:
        for role, there, missing in (
            (Role.AGENT, "/admin/bank-accounts/list/", "/admin/users/list/"),
            (Role.STAFF, "/admin/users/list/", "/admin/roles/list/"),
            (Role.ADMIN, "/admin/roles/list/", "/admin/bank-accounts/list/"),
        ):
            browser = browser_of(app, factories.make_user(role))
            assert there in browser.links()
            assert missing not in browser.links()
            assert browser.get(missing).status_code == 403

    def test_every_page_in_reach_opens(self, app: Flask, deal: Deal) -> None:
        outbox.post_mail(deal.agent.id, "password_changed", key=f"test:{deal.agent.id}")
        for user in (deal.agent, factories.make_user(Role.STAFF), factories.make_user(Role.ADMIN)):
            browser, seen = browser_of(app, user), {"/back"}
            waiting = ["/admin/", "/admin/more"]
            while waiting:
                path = waiting.pop()
                # A calendar has no end: each of its views once.
                place = re.sub(r"\b(on|at)=[^&]*&?", "", path) if path.startswith("/admin/calendar/") else path
                if place in seen or not path.startswith("/admin"):
                    continue
                seen.add(place)
                assert browser.get(path).status_code == 200, path
                waiting += browser.links()
            assert len(seen) > 30


class TestRows:
    def test_another_agent_finds_nothing_of_it(self, app: Flask, deal: Deal) -> None:
        stranger = browser_of(app, factories.make_user(Role.AGENT))
        for room, number in deal.records.items():
            for path in (f"show/{number}", f"edit/{number}", f"move/{number}/confirm", f"move/{number}/accept"):
                assert stranger.get(f"/admin/{room}/{path}").status_code in {404, 405}, f"{room}/{path}"
            for path in (f"edit/{number}", f"delete/{number}", f"move/{number}/archive", f"move/{number}/terminate"):
                assert stranger.send(f"/admin/{room}/{path}").status_code in {404, 405}, f"{room}/{path}"
        for path in (f"payments/proof/{deal.records['payments']}", f"contracts/document/{deal.records['contracts']}"):
            assert stranger.get(f"/admin/{path}").status_code == 404
        photos = f"/admin/properties/photos/{deal.records['properties']}"
        assert [stranger.send(path, act="remove").status_code for path in (photos, f"{photos}/1")] == [404, 404]

    def test_its_words_are_on_no_page_of_another_agent(self, app: Flask, deal: Deal) -> None:
        stranger = browser_of(app, factories.make_user(Role.AGENT))
        assert CANARY in browser_of(app, deal.agent).get("/admin/").text
        for path in ["/admin/", *(f"/admin/{room}/list/?tab=all&q={CANARY[:4]}" for room in deal.records)]:
            page = stranger.get(path)
            assert page.status_code == 200
            assert CANARY not in page.text

    def test_a_published_listing_of_another_agent_is_not_here_either(self, app: Flask, db_session: Any) -> None:
        home = factories.make_property()
        stranger = browser_of(app, factories.make_user(Role.AGENT))
        assert stranger.get(f"/admin/properties/show/{home.id}").status_code == 404
        assert home.title not in stranger.get("/admin/properties/list/").text

    @pytest.mark.parametrize("number", ["0", "-1", "abc", "2147483648", "99999999999999999999", "1%00", "١"])
    def test_what_is_no_id_is_a_missing_page(self, app: Flask, db_session: Any, number: str) -> None:
        browser = browser_of(app, factories.make_user(Role.AGENT))
        assert browser.get(f"/admin/properties/show/{number}").status_code == 404


class TestParameters:
    @pytest.mark.parametrize(
        "query",
        [
            "after=x", "after=WzFd", "before=" + "W" * 3000, "after=WyJhIiwiYiJd&before=WyJhIiwxXQ",
            "cols=nope,agent_id",
            "psize_PropertyView=20000", "psize_PropertyView=0", "_oc_PropertyView=nope&_od_PropertyView=asc",
            "_oc_PropertyView=agent_id", "_oc_PropertyView=price&_od_PropertyView=sideways", "_flt_0_price=abc",
            "_flt_0_price=NaN", "_flt_9_price=1", "_flt_0_agent_id=3", "_flt_0_bedroom=99999999999", "_flt_0_city=%00",
            "q=%00", "q=%25_%5C", "q=" + "x" * 1000, "tab=nope", "_flt_1_listing_type=%F0%9F%98%80",
        ],
    )  # fmt: skip
    def test_what_cannot_be_read_is_ignored(self, app: Flask, db_session: Any, query: str) -> None:
        agent = factories.make_user(Role.AGENT)
        factories.make_property(agent)
        assert browser_of(app, agent).get(f"/admin/properties/list/?{query}").status_code == 200

    def test_a_page_has_at_most_a_hundred_rows(self, app: Flask, db_session: Any) -> None:
        agent = factories.make_user(Role.AGENT)
        for _ in range(103):
            factories.make_property(agent)
        page = browser_of(app, agent).get("/admin/properties/list/?psize_PropertyView=20000")
        assert page.text.count('class="s-lead"') == 100

    def test_older_rows_are_on_the_next_page(self, app: Flask, db_session: Any) -> None:
        agent = factories.make_user(Role.AGENT)
        titles = {factories.make_property(agent).title for _ in range(30)}
        browser = browser_of(app, agent)
        first = browser.get("/admin/properties/list/").text
        older = next(link for link in browser.links() if "after=" in link)
        second = browser.get(older).text
        shown = [{title for title in titles if f">{title}<" in page} for page in (first, second)]
        assert [len(one) for one in shown] == [25, 5]
        assert shown[0] | shown[1] == titles

    def test_percent_finds_percent(self, app: Flask, db_session: Any) -> None:
        agent = factories.make_user(Role.AGENT)
        factories.make_property(agent, title="A home at 50% off")
        other = factories.make_property(agent)
        page = browser_of(app, agent).get("/admin/properties/list/?q=50%25").text
        assert "50% off" in page
        assert other.title not in page


class TestForms:
    def test_nothing_changes_without_its_token(self, app: Flask, deal: Deal) -> None:
        browser = browser_of(app, deal.agent)
        for path in (
            f"properties/edit/{deal.records['properties']}", f"properties/move/{deal.records['properties']}/archive",
            f"hours/delete/{deal.records['hours']}", f"properties/photos/{deal.records['properties']}", "hours/add",
        ):  # fmt: skip
            assert browser.send(f"/admin/{path}", token=False).status_code == 400, path

    def test_reading_changes_nothing(self, app: Flask, deal: Deal) -> None:
        browser = browser_of(app, deal.agent)
        assert browser.get(f"/admin/hours/delete/{deal.records['hours']}").status_code == 405
        assert browser.get(f"/admin/payments/move/{deal.records['payments']}/accept").status_code == 200
        assert "To decide" in browser.get(f"/admin/payments/show/{deal.records['payments']}").text

    def test_no_form_holds_a_state(self, app: Flask, deal: Deal) -> None:
        browser = browser_of(app, deal.agent)
        for path in (f"properties/edit/{deal.records['properties']}", "properties/add"):
            names = set(re.findall(r'name="([^"]+)"', browser.get(f"/admin/{path}").text))
            assert not names & {"status", "listing_state", "agent_id", "held_by_payment_id", "reference"}

    def test_a_way_back_leads_only_to_ourselves(self, app: Flask, deal: Deal) -> None:
        browser = browser_of(app, deal.agent)
        move = f"/admin/properties/move/{deal.records['properties']}/publish"
        for back in (
            "https://evil.example/admin/",
            "//evil.example/admin/",
            "/admin//evil.example",
            "\\\\evil\\admin\\",
        ):
            answer = browser.send(move, back=back)
            assert answer.location.startswith("/admin/properties/show/"), back


class TestStatements:
    @pytest.mark.parametrize("room", ["properties", "appointments", "payments", "contracts"])
    def test_a_list_is_as_many_statements_for_one_row_as_for_many(
        self, app: Flask, statements: Counter[str], room: str
    ) -> None:
        agent = factories.make_user(Role.AGENT)
        browser = browser_of(app, agent)
        counts = []
        for rows in (1, 6):
            for _ in range(rows):
                viewing = factories.make_appointment(
                    factories.make_property(agent), status="completed", starts_at=clock.now()
                )
                factories.make_contract(factories.make_payment(viewing, status="accepted"))
            browser.get(f"/admin/{room}/list/?tab=all")
            statements.clear()
            browser.get(f"/admin/{room}/list/?tab=all")
            counts.append(statements["SELECT"])
        assert counts[0] == counts[1] <= 12
