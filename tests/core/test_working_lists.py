import csv
import io
import zipfile
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from flask import Flask

from sheda.core import clock, exports
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.saved_views import MOST, SavedView
from sheda.properties.models import Property
from tests import factories
from tests.pages import Browser, browser_of

LIST = "/admin/properties/list/"
CANARY = "zxcanaryzx"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def next_link(browser: Browser, rel: str) -> str:
    found = browser.at.split(f'rel="{rel}"')[0].rsplit('href="', 1)[1].split('"')[0]
    return found.replace("&amp;", "&")


def titles(browser: Browser, path: str) -> list[str]:
    page = browser.get(path).text
    return [part.split("</a>")[0].split(">")[-1] for part in page.split('class="s-lead"')[1:]]


def sheet(body: bytes) -> list[list[str]]:
    with zipfile.ZipFile(io.BytesIO(body)) as package:
        assert package.testzip() is None
        for name in package.namelist():
            ElementTree.fromstring(package.read(name))
        rows = ElementTree.fromstring(package.read("xl/worksheets/sheet1.xml")).iter(f"{SHEET}row")
        return [["".join(cell.itertext()) for cell in row] for row in rows]


class TestKeyset:
    @pytest.mark.parametrize(
        "order",
        ["", "&_oc_PropertyView=price&_od_PropertyView=asc", "&_oc_PropertyView=title&_od_PropertyView=desc"],
    )
    def test_older_and_newer_show_every_row_once_and_lead_back(self, agent: Any, browser: Browser, order: str) -> None:
        for number in range(11):
            factories.make_property(
                agent, title=f"A home, number {number % 4} {number}", price=Decimal(1000 + number % 3)
            )
        path, pages = f"{LIST}?psize_PropertyView=4{order}", []
        for _ in range(3):
            pages.append(titles(browser, path))
            older = 'rel="next"' in browser.at
            path = next_link(browser, "next") if older else path
        assert [len(page) for page in pages] == [4, 4, 3]
        assert not older
        assert len({title for page in pages for title in page}) == 11
        assert titles(browser, next_link(browser, "prev")) == pages[1]
        assert titles(browser, next_link(browser, "prev")) == pages[0]
        assert 'rel="prev"' not in browser.at

    def test_rows_without_a_value_stand_last_both_ways(self, app: Flask, agent: Any, browser: Browser) -> None:
        for day in range(5):
            status = "pending" if day < 2 else "completed"
            starts_at = clock.now() + timedelta(days=day + 1)
            factories.make_appointment(factories.make_property(agent), status=status, starts_at=starts_at)
        for direction in ("asc", "desc"):
            order = f"_oc_AppointmentView=expires_at&_od_AppointmentView={direction}"
            seen = [titles(browser, f"/admin/appointments/list/?tab=all&psize_AppointmentView=2&{order}")]
            seen += [titles(browser, next_link(browser, "next")) for _ in range(2)]
            assert sorted(len(page) for page in seen) == [1, 2, 2]
            assert titles(browser, next_link(browser, "prev")) == seen[1]
            assert titles(browser, next_link(browser, "prev")) == seen[0]

    def test_a_row_that_comes_meanwhile_shifts_nothing(self, agent: Any, browser: Browser) -> None:
        for _ in range(6):
            factories.make_property(agent)
        titles(browser, f"{LIST}?psize_PropertyView=3")
        link = next_link(browser, "next")
        before = titles(browser, link)
        factories.make_property(agent)
        assert titles(browser, link) == before


class TestColumns:
    def test_one_chooses_them_and_links_keep_them(self, agent: Any, browser: Browser) -> None:
        factories.make_property(agent, bedroom=2)
        page = browser.get(f"{LIST}?cols=price&cols=bedroom").text
        assert 'data-label="Bedrooms"' in page
        assert 'data-label="Place"' not in page
        assert any("cols=title%2Cprice%2Cbedroom" in link for link in browser.links())

    def test_what_is_no_column_of_the_list_is_not_shown(self, agent: Any, browser: Browser) -> None:
        home = factories.make_property(agent)
        page = browser.get(f"{LIST}?cols=agent_id,held_by_payment_id,__class__,title").text
        assert 'data-label="Agent' not in page
        assert home.title in page


class TestExport:
    def test_csv_holds_the_view_and_nothing_else(self, agent: Any, browser: Browser) -> None:
        shown = factories.make_property(agent, title="Duplex in Lekki", price=Decimal("1500000.50"))
        factories.make_property(agent, title="Flat in Yaba")
        factories.make_property(title=f"A home of {CANARY}")
        answer = browser.get("/admin/properties/export/csv?q=lekki")
        assert answer.mimetype == "text/csv"
        assert "attachment" in answer.headers["Content-Disposition"]
        rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
        assert rows[0] == ["Listing", "Price", "State", "Place", "Changed", "Currency"]
        assert [row[:3] for row in rows[1:]] == [[shown.title, "1500000.50", "Available"]]

    def test_xlsx_holds_numbers_as_numbers_and_texts_as_texts(self, agent: Any, browser: Browser) -> None:
        factories.make_property(agent, title="=HYPERLINK(evil) & <b>", price=Decimal("1500000.50"))
        answer = browser.get("/admin/properties/export/xlsx?tab=all")
        rows = sheet(answer.data)
        assert rows[1][:3] == ["=HYPERLINK(evil) & <b>", "1500000.50", "Available"]
        with zipfile.ZipFile(io.BytesIO(answer.data)) as package:
            assert b"<f>" not in package.read("xl/worksheets/sheet1.xml")

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
    def test_no_text_of_a_csv_is_a_formula(self, start: str) -> None:
        (body,) = exports.write_csv(iter([[f"{start}1+1", Decimal("-5.00")]]))
        assert next(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""))) == [f"'{start}1+1", "-5.00"]

    @pytest.mark.parametrize("kind", ["csv", "xlsx"])
    def test_every_page_is_in_it_in_batches(
        self, agent: Any, browser: Browser, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exports, "BATCH", 3)
        wanted = {factories.make_property(agent).title for _ in range(8)}
        body = browser.get(f"/admin/properties/export/{kind}?psize_PropertyView=2").data
        rows = sheet(body) if kind == "xlsx" else list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
        assert {row[0] for row in rows[1:]} == wanted
        assert len(rows) == 9

    def test_what_only_pages_show_is_not_read_for_it(self, agent: Any, browser: Browser, count_statements: Any) -> None:
        factories.make_property(agent)
        with count_statements() as asked:
            browser.get("/admin/properties/list/?tab=all")
        assert any("property_images" in one for one in asked)
        with count_statements() as asked:
            assert len(browser.get("/admin/properties/export/csv?tab=all").data.splitlines()) == 2
        assert not [one for one in asked if "property_images" in one or "property_fees" in one]

    def test_what_spreadsheets_cannot_hold_is_left_out(self) -> None:
        body = b"".join(exports.write_xlsx(iter([["a"], ["b\x0bc\ufffe"], ["x" * 40_000]])))
        assert [len(row[0]) for row in sheet(body)] == [1, 4, 32_767]

    @pytest.mark.parametrize("room", ["properties", "appointments", "payments", "contracts", "bank-accounts", "hours"])
    def test_no_export_holds_a_foreign_row(self, app: Flask, browser: Browser, room: str) -> None:
        other = factories.make_user(Role.AGENT, first_name=CANARY)
        home = factories.make_property(other, title=f"A home of {CANARY}")
        viewing = factories.make_appointment(home, status="completed", starts_at=clock.now())
        factories.make_contract(factories.make_payment(viewing, status="accepted", payer_name=CANARY))
        factories.make_hours(other)
        for kind in ("csv", "xlsx"):
            answer = browser.get(f"/admin/{room}/export/{kind}?tab=all")
            assert answer.status_code == 200
            rows = sheet(answer.data) if kind == "xlsx" else answer.data.decode().splitlines()
            assert len(rows) == 1

    def test_another_kind_of_file_is_missing_and_a_stranger_is_led_to_the_door(
        self, app: Flask, browser: Browser
    ) -> None:
        assert browser.get("/admin/properties/export/exe").status_code == 404
        assert app.test_client().get("/admin/properties/export/csv").status_code == 302


class TestSavedViews:
    def save(self, browser: Browser, name: str, query: str = "tab=all&q=lekki&cols=title,price&x=1") -> Any:
        browser.get(LIST)
        return browser.send(f"/admin/properties/views?{query}", name=name)

    def test_it_keeps_what_was_asked_under_a_name(self, agent: Any, browser: Browser) -> None:
        factories.make_property(agent, title="Duplex in Lekki")
        factories.make_property(agent, title="Flat in Yaba")
        self.save(browser, "  My   Lekki ")
        (saved,) = db.session.scalars(db.select(SavedView)).all()
        assert (saved.name, saved.user_id) == ("My Lekki", agent.id)
        assert set(parse_qs(saved.query)) == {"tab", "q", "cols"}
        browser.get(LIST)
        link = next(link for link in browser.links() if urlsplit(link).query == saved.query)
        assert titles(browser, link) == ["Duplex in Lekki"]
        assert "Forget “My Lekki”" in browser.at

    def test_the_same_name_again_replaces_it(self, browser: Browser) -> None:
        self.save(browser, "Mine")
        self.save(browser, "Mine", "tab=let")
        assert [one.query for one in db.session.scalars(db.select(SavedView))] == ["tab=let"]

    @pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a\x00b"])
    def test_what_is_no_name_is_refused_in_words(self, browser: Browser, name: str) -> None:
        assert self.save(browser, name).status_code == 302
        browser.get(LIST)
        assert len(browser.notices()) == 1
        assert db.session.scalars(db.select(SavedView)).all() == []

    def test_one_cannot_keep_more_than_fit(self, browser: Browser) -> None:
        for number in range(MOST + 1):
            self.save(browser, f"View {number}")
        assert len(db.session.scalars(db.select(SavedView)).all()) == MOST

    def test_another_does_not_see_it_and_cannot_forget_it(self, app: Flask, browser: Browser) -> None:
        self.save(browser, CANARY)
        (saved,) = db.session.scalars(db.select(SavedView)).all()
        stranger = browser_of(app, factories.make_user(Role.AGENT))
        assert CANARY not in stranger.get(LIST).text
        assert stranger.send(f"/admin/properties/views/{saved.id}/forget").status_code == 404
        assert browser.send(f"/admin/properties/views/{saved.id}/forget").status_code == 302
        assert db.session.scalars(db.select(SavedView)).all() == []


class TestBulk:
    def test_each_row_moves_by_its_service_and_what_cannot_is_named(self, agent: Any, browser: Browser) -> None:
        homes = [factories.make_property(agent) for _ in range(2)]
        gone = factories.make_property(agent, listing_state="archived", title="An archived home")
        ids = [home.id for home in [*homes, gone]]
        browser.get(f"{LIST}?tab=all")
        assert browser.send("/admin/properties/bulk", move="pause", ids=ids).status_code == 302
        assert [db.session.get(Property, number).listing_state for number in ids] == ["paused", "paused", "archived"]
        browser.get(LIST)
        assert sorted(note.split(".")[0] for note in browser.notices()) == ["1 could not be", "Pause: 2 listings done"]
        assert "An archived home" in browser.at

    def test_what_ends_something_is_asked_about_first(self, agent: Any, browser: Browser) -> None:
        home = factories.make_property(agent)
        browser.get(LIST)
        page = browser.send("/admin/properties/bulk", move="archive", ids=[home.id])
        assert page.status_code == 200
        assert home.title in page.text
        assert db.session.get_one(Property, home.id).listing_state == "published"
        browser.send("/admin/properties/bulk", move="archive", ids=[home.id], sure="yes")
        assert db.session.get_one(Property, home.id).listing_state == "archived"

    def test_a_reason_is_required_as_for_one(self, app: Flask, agent: Any) -> None:
        home, staff = factories.make_property(agent), browser_of(app, factories.make_user(Role.STAFF))
        staff.get(LIST)
        staff.send("/admin/properties/bulk", move="pause", ids=[home.id], sure="yes", reason=" ")
        assert len(staff.faults()) == 1
        assert db.session.get_one(Property, home.id).listing_state == "published"
        staff.send("/admin/properties/bulk", move="pause", ids=[home.id], sure="yes", reason="Asked by phone")
        assert db.session.get_one(Property, home.id).listing_state == "paused"

    def test_a_foreign_row_among_them_stops_it_all(self, agent: Any, browser: Browser) -> None:
        own, foreign = factories.make_property(agent), factories.make_property()
        browser.get(LIST)
        assert browser.send("/admin/properties/bulk", move="pause", ids=[own.id, foreign.id]).status_code == 404
        assert db.session.get_one(Property, own.id).listing_state == "published"

    @pytest.mark.parametrize("move", ["", "nope", "rent", "take"])
    def test_what_is_no_move_of_many_is_missing(self, agent: Any, browser: Browser, move: str) -> None:
        home = factories.make_property(agent)
        browser.get(LIST)
        assert browser.send("/admin/properties/bulk", move=move, ids=[home.id]).status_code == 404

    def test_money_is_judged_one_by_one(self, agent: Any, browser: Browser) -> None:
        payment = factories.make_payment(
            factories.make_appointment(factories.make_property(agent), status="completed", starts_at=clock.now()),
            status="declared",
        )
        browser.get("/admin/payments/list/")
        assert browser.send("/admin/payments/bulk", move="accept", ids=[payment.id]).status_code == 404
