"""What the editor's script asks: drafts kept in part, versions compared, problems instead of pages, single photos."""

import io
import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from sheda.core.db import db
from sheda.properties import places
from sheda.properties.models import Property
from tests import factories
from tests.pages import Browser, browser_of
from tests.properties.test_editor import ADD, BLANK, LISTING, photo

QUIET = {"X-Requested-With": "fetch"}


@pytest.fixture
def browser(app: Flask, agent: Any) -> Browser:
    browser = browser_of(app, agent)
    browser.get(ADD)
    return browser


def ask(browser: Browser, path: str, *, version: str = "", **values: Any) -> Any:
    """Send a form as the script does."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.at)
    assert token
    headers = QUIET | ({"If-Match": f'"{version}"'} if version else {})
    return browser.http.post(path, data={**values, "csrf_token": token[1]}, headers=headers)


class TestKeeping:
    def test_it_is_told_what_the_draft_has_become(self, browser: Browser) -> None:
        answer = ask(browser, ADD, **BLANK, title="Kept")
        home = db.session.scalars(select(Property)).one()
        told = answer.json
        assert (told["id"], told["title"], told["faults"], told["go"]) == (home.id, "Kept", [], None)
        assert told["action"] == f"/admin/properties/edit/{home.id}"
        assert answer.headers["ETag"] == f'"{told["version"]}"'
        assert "Say what it costs." in told["checklist"]

    def test_what_cannot_be_kept_is_left_out_and_named(self, browser: Browser) -> None:
        answer = ask(browser, ADD, **{**LISTING, "price": "a lot", "bedroom": "many", "rules": "No!"})
        assert answer.status_code == 200
        assert {one["field"].split(".")[0] for one in answer.json["faults"]} == {"price", "bedroom", "amenities"}
        home = db.session.scalars(select(Property)).one()
        assert (home.title, home.price, home.bedroom, home.bathroom) == (LISTING["title"], 0, None, 2)

    def test_an_old_version_writes_nothing(self, browser: Browser) -> None:
        first = ask(browser, ADD, **LISTING).json
        second = ask(browser, first["action"], version=first["version"], **{**LISTING, "title": "In one window"})
        assert second.status_code == 200
        refused = ask(browser, first["action"], version=first["version"], **{**LISTING, "title": "In the other"})
        assert (refused.status_code, refused.mimetype, refused.json["code"]) == (
            412,
            "application/problem+json",
            "stale",
        )
        assert db.session.scalars(select(Property.title)).all() == ["In one window"]

    def test_saving_what_is_there_keeps_the_version(self, browser: Browser) -> None:
        first = ask(browser, ADD, **LISTING).json
        again = ask(browser, first["action"], version=first["version"], **LISTING).json
        assert again["version"] == first["version"]

    def test_what_clients_read_is_written_whole_or_not(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent)
        path = f"/admin/properties/edit/{home.id}"
        version = re.search(r'name="version" type="hidden" value="([^"]*)"', browser.get(path).text)
        assert version
        refused = ask(browser, path, version=version[1], **{**LISTING, "price": "a lot"})
        assert refused.status_code == 422
        assert [one["field"] for one in refused.json["errors"]] == ["price"]
        saved = ask(browser, path, version=version[1], **LISTING)
        assert saved.json["go"] == f"/admin/properties/show/{home.id}"

    def test_publishing_says_what_is_lacking(self, browser: Browser) -> None:
        first = ask(browser, ADD, **BLANK, act="publish").json
        assert {one["field"] for one in first["faults"]} == {
            "title", "description", "price", "location", "bedroom", "bathroom"
        }  # fmt: skip
        whole = ask(browser, first["action"], version=first["version"], act="publish", **LISTING).json
        assert (whole["faults"], whole["go"]) == ([], f"/admin/properties/show/{whole['id']}")

    def test_another_agents_draft_is_no_draft(self, browser: Browser) -> None:
        home = factories.make_property(listing_state="draft")
        answer = ask(browser, f"/admin/properties/edit/{home.id}", **LISTING)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")

    def test_somebody_who_is_signed_out_is_told_so(self, app: Flask, browser: Browser) -> None:
        browser.http.delete_cookie("sheda")
        answer = browser.http.get(ADD, headers=QUIET)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")


class TestPhotos:
    def test_each_answer_shows_them_all(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent)
        path = f"/admin/properties/photos/{home.id}"
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            answer = ask(browser, path, files=[photo(name)])
        assert answer.text.count("data-photo=") == 3
        assert answer.text == browser.http.get(path, headers=QUIET).text
        first = re.findall(r'data-photo="(\d+)"', answer.text)
        moved = ask(browser, f"{path}/{first[0]}", act="place", place="2")
        assert re.findall(r'data-photo="(\d+)"', moved.text) == [first[1], first[2], first[0]]
        for nonsense in ("-1", "x", "999999999999", ""):
            kept = ask(browser, f"{path}/{first[0]}", act="place", place=nonsense)
            assert re.findall(r'data-photo="(\d+)"', kept.text) == [first[1], first[2], first[0]]

    def test_a_bad_one_is_a_problem_with_its_name(self, browser: Browser, agent: Any) -> None:
        home = factories.make_property(agent)
        data = photo("notes.jpg")[0].getvalue()[:200]
        answer = ask(browser, f"/admin/properties/photos/{home.id}", files=[(io.BytesIO(data), "notes.jpg")])
        assert answer.status_code == 422
        assert answer.json["errors"][0]["message"].startswith("notes.jpg: ")


class TestPlaces:
    def test_a_state_offers_its_local_governments_with_their_towns(self, browser: Browser) -> None:
        answer = browser.get("/admin/properties/places?state=Lagos")
        assert len(answer.json["result"]) == 20
        assert "Opebi" in answer.json["result"]["Ikeja"]
        assert browser.get("/admin/properties/places?state=Atlantis").json["result"] == {}
        assert browser.get("/admin/properties/places").json["result"] == {}

    def test_the_list_is_whole(self) -> None:
        assert len(places.states()) == 37
        assert sum(len(places.lgas(state)) for state in places.states()) == 774
        assert all(towns for state in places.states() for towns in places.lgas(state).values())

    def test_towns_follow_what_is_known(self) -> None:
        assert "Opebi" in places.towns("Lagos", "ikeja ")
        assert "Yaba" in places.towns("Lagos", None)
        assert "Yaba" not in places.towns("Lagos", "Ikeja")
        assert "Port Harcourt" in places.towns(None, None)

    @pytest.mark.parametrize(
        ("parts", "words"),
        [
            (("Opebi", "Ikeja", "Lagos"), "Opebi, Ikeja"),
            (("Ikeja", "Ikeja", "Lagos"), "Ikeja"),
            ((None, " Ikeja ", "Lagos"), "Ikeja, Lagos"),
            ((None, None, None), ""),
        ],
    )
    def test_a_place_in_words(self, parts: tuple[Any, Any, Any], words: str) -> None:
        assert places.words(*parts) == words
