"""How often listings are looked at: by whom it counts, when it is written, and what happens without a database."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.properties import audience, jobs
from sheda.properties.audience import Audience, views_of, write_views
from sheda.properties.models import AgentViews, ListingViews, Property
from tests import factories
from tests.pages import browser_of

APP = {"User-Agent": "Sheda/2.1 (Android 14; okhttp/4.12)"}


@pytest.fixture(autouse=True)
def fresh(app: Flask) -> Iterator[None]:
    """Begin and end each test with nothing counted."""
    app.extensions.pop("audience", None)
    yield
    app.extensions.pop("audience", None)


def looks() -> dict[int, int]:
    """Write what was counted, and return the views by listing."""
    audience.audience().write()
    return {
        row.property_id: row.views for row in db.session.execute(select(ListingViews.property_id, ListingViews.views))
    }


def look(client: FlaskClient, home: Property, headers: dict[str, str]) -> Any:
    answer = client.get(f"/api/v1/properties/{home.id}", headers=headers)
    assert answer.status_code in {200, 304}, answer.data
    return answer


class TestWhoCounts:
    def test_clients_and_the_public_do(self, client: FlaskClient) -> None:
        home = factories.make_property()
        look(client, home, APP)
        look(client, home, APP | factories.auth(factories.make_user()))
        assert looks() == {home.id: 2}

    def test_an_answer_that_has_not_changed_is_a_look_too(self, client: FlaskClient) -> None:
        home = factories.make_property()
        etag = look(client, home, APP).headers["ETag"]
        assert look(client, home, APP | {"If-None-Match": etag}).status_code == 304
        assert looks() == {home.id: 2}

    def test_agents_and_the_office_do_not(self, client: FlaskClient) -> None:
        home = factories.make_property()
        for role in (Role.AGENT, Role.STAFF, Role.ADMIN):
            look(client, home, APP | factories.auth(factories.make_user(role)))
        look(client, home, APP | factories.auth(home.agent))
        assert looks() == {}

    def test_the_pages_of_its_agent_do_not(self, app: Flask, db_session: Any) -> None:
        home = factories.make_property()
        browser = browser_of(app, home.agent)
        for page in ("show", "edit", "preview"):
            assert browser.get(f"/admin/properties/{page}/{home.id}", headers=APP).status_code == 200
        assert looks() == {}

    @pytest.mark.parametrize(
        "agent",
        [
            "",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "facebookexternalhit/1.1",
            "WhatsApp/2.23.20.0",
            "curl/8.5.0",
            "python-requests/2.32",
            "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120",
        ],
    )
    def test_programs_that_walk_about_do_not(self, client: FlaskClient, agent: str) -> None:
        home = factories.make_property()
        look(client, home, {"User-Agent": agent})
        assert looks() == {}

    @pytest.mark.parametrize(
        "agent",
        [
            "Dart/3.4 (dart:io)",
            "Sheda/12 CFNetwork/1496.0.7 Darwin/23.5.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile Safari/604.1",
            "Mozilla/5.0 (Linux; Android 13; CUBOT X50) AppleWebKit/537.36 Chrome/125.0 Mobile Safari/537.36",
        ],
    )
    def test_phones_and_browsers_do(self, client: FlaskClient, agent: str) -> None:
        home = factories.make_property()
        look(client, home, {"User-Agent": agent})
        assert looks() == {home.id: 1}

    def test_a_list_a_miss_and_a_bare_question_are_no_looks(self, client: FlaskClient) -> None:
        home, hidden = factories.make_property(), factories.make_property(listing_state="paused")
        client.get("/api/v1/properties", headers=APP)
        assert client.get(f"/api/v1/properties/{hidden.id}", headers=APP).status_code == 404
        client.head(f"/api/v1/properties/{home.id}", headers=APP)
        assert looks() == {}


class TestWriting:
    def test_views_add_up_by_listing_and_by_agent(self, db_session: Any) -> None:
        home = factories.make_property()
        other = factories.make_property(home.agent)
        today, before = clock.today(), clock.today() - timedelta(days=1)
        write_views(Counter({(home.id, today): 2, (other.id, today): 3, (home.id, before): 4}))
        write_views(Counter({(home.id, today): 5}))
        rows = {(row.property_id, row.day): row.views for row in db.session.scalars(select(ListingViews))}
        assert rows == {(home.id, today): 7, (other.id, today): 3, (home.id, before): 4}
        sums = {(row.agent_id, row.day): row.views for row in db.session.scalars(select(AgentViews))}
        assert sums == {(home.agent_id, today): 10, (home.agent_id, before): 4}

    def test_many_listings_are_one_statement(self, db_session: Any, count_statements: Any) -> None:
        views = Counter({(factories.make_property().id, clock.today()): 1 for _ in range(5)})
        with count_statements() as seen:
            write_views(views)
        assert len(seen) == 1

    def test_a_listing_that_is_not_there_is_let_go(self, db_session: Any) -> None:
        write_views(Counter({(2**31 - 1, clock.today()): 3}))
        assert db.session.scalars(select(ListingViews)).all() == []

    def test_it_is_the_day_in_lagos(self, client: FlaskClient, frozen_clock: Any) -> None:
        home = factories.make_property()
        frozen_clock.at(clock.now().replace(hour=23, minute=30))
        look(client, home, APP)
        looks()
        assert db.session.scalars(select(ListingViews.day)).one() == clock.now().date() + timedelta(days=1)

    def test_what_cannot_be_written_waits_on(self, app: Flask, db_session: Any, monkeypatch: Any) -> None:
        home, kept = factories.make_property(), Audience(app, 0)
        kept.note(home.id)

        def fail(_views: Any) -> None:
            raise OSError("away")

        with monkeypatch.context() as patched:
            patched.setattr(audience, "write_views", fail)
            with pytest.raises(OSError, match="away"):
                kept.write()
        kept.note(home.id)
        assert kept.write() == 2
        assert kept.write() == 0

    def test_a_request_never_waits_for_it(
        self, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        home, entered, leave = factories.make_property(), threading.Event(), threading.Event()

        def slow(_views: Any) -> None:
            entered.set()
            leave.wait(10)

        monkeypatch.setattr(audience, "write_views", slow)
        counting = Audience(app, 0.01)
        monkeypatch.setitem(app.extensions, "audience", counting)
        look(client, home, APP)
        assert entered.wait(20)
        began = time.monotonic()
        look(client, home, APP)
        assert time.monotonic() - began < 8
        counting._every = 0
        leave.set()
        # What still writes when this test is over would write into the next one's transaction.
        for thread in [one for one in threading.enumerate() if isinstance(one, threading.Timer)]:
            thread.join()

    def test_it_holds_a_bounded_number_of_listings(self, app: Flask, db_session: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr(audience, "MOST_KEPT", 2)
        kept = Audience(app, 0)
        for number in (1, 2, 3, 1):
            kept.note(number)
        assert kept._views == Counter({(1, clock.today()): 2, (2, clock.today()): 1})


class TestForgetting:
    def test_a_year_stays_to_be_compared(self, db_session: Any) -> None:
        home, today = factories.make_property(), clock.today()
        write_views(Counter({(home.id, today - timedelta(days=ago)): 1 for ago in (0, 400, 401, 900)}))
        assert jobs.forget_views() == {"forgotten": 2}
        assert jobs.forget_views() == {"forgotten": 0}
        days = set(db.session.scalars(select(ListingViews.day)))
        assert days == {today, today - timedelta(days=400)}


class TestReading:
    def test_the_last_thirty_days_are_its_owners_to_see(self, db_session: Any) -> None:
        home, today = factories.make_property(), clock.today()
        write_views(
            Counter(
                {
                    (home.id, today): 2,
                    (home.id, today - timedelta(days=29)): 3,
                    (home.id, today - timedelta(days=30)): 4,
                }
            )
        )
        own = views_of(factories.actor_of(home.agent), home.id)
        assert len(own) == 30
        assert (own[0][1], own[-1]) == (3, (today, 2))
        staff = factories.actor_of(factories.make_user(Role.STAFF))
        assert sum(number for _, number in views_of(staff, home.id)) == 5
        for stranger in (Role.AGENT, Role.CLIENT):
            found = views_of(factories.actor_of(factories.make_user(stranger)), home.id)
            assert sum(number for _, number in found) == 0

    def test_the_listings_page_shows_them(self, app: Flask, db_session: Any) -> None:
        home = factories.make_property()
        write_views(Counter({(home.id, clock.today()): 1234}))
        page = browser_of(app, home.agent).get(f"/admin/properties/show/{home.id}").text
        assert "Views in 30 days" in page
        assert "1,234" in page

    def test_a_draft_has_had_no_audience(self, app: Flask, db_session: Any) -> None:
        home = factories.make_property(listing_state="draft", published_at=None)
        assert "Views in 30 days" not in browser_of(app, home.agent).get(f"/admin/properties/show/{home.id}").text
