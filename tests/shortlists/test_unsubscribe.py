"""The way out of an alert's mails: one click, no sign-in, and nothing by merely opening it."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from sheda.accounts.models import User
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.shortlists import jobs, services
from sheda.shortlists.models import SavedSearch, SearchHit
from tests.factories import auth, make_saved_search, make_user
from tests.shortlists.conftest import publish

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def search(ada: User) -> SavedSearch:
    return make_saved_search(ada, alert="daily")


def place(search: SavedSearch) -> str:
    return f"/api/v1/unsubscribe/{services.unsubscribe_token(search.id)}"


def alert_of(search: SavedSearch) -> str:
    db.session.expire_all()
    return search.alert


class TestPost:
    @pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
    def test_one_click_ends_the_alerts(self, client: FlaskClient, search: SavedSearch, kind: str) -> None:
        answers = [client.post(place(search), data=ONE_CLICK, content_type=kind) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json == answers[1].json == {"result": {"name": "Flats in Yaba", "alert": "none"}}
        assert alert_of(search) == "none"

    @pytest.mark.parametrize("options", [{}, {"json": {}}, {"json": ONE_CLICK}])
    def test_programs_may_send_json_or_nothing(
        self, client: FlaskClient, search: SavedSearch, options: dict[str, Any]
    ) -> None:
        assert client.post(place(search), **options).status_code == 200
        assert alert_of(search) == "none"

    def test_it_works_whoever_is_signed_in_and_with_a_dead_token(
        self, client: FlaskClient, search: SavedSearch
    ) -> None:
        for headers in (auth(make_user()), auth(make_user(Role.STAFF)), {"Authorization": "Bearer dead"}):
            assert client.post(place(search), data=ONE_CLICK, headers=headers).status_code == 200

    def test_what_was_found_is_not_told_later(self, client: FlaskClient, search: SavedSearch, agent: User) -> None:
        publish(agent)
        jobs.alert()
        assert search.due_at is not None
        client.post(place(search), data=ONE_CLICK)
        assert alert_of(search) == "none"
        assert search.due_at is None
        assert db.session.scalar(select(func.count()).select_from(SearchHit)) == 0

    def test_other_searches_go_on(self, client: FlaskClient, search: SavedSearch, ada: User) -> None:
        other = make_saved_search(ada, alert="weekly")
        client.post(place(search), data=ONE_CLICK)
        assert alert_of(other) == "weekly"

    def test_a_search_that_is_gone_sends_nothing_either(self, client: FlaskClient, search: SavedSearch) -> None:
        address = place(search)
        db.session.delete(search)
        db.session.commit()
        answer = client.post(address, data=ONE_CLICK)
        assert (answer.status_code, answer.json) == (200, {"result": {"name": "", "alert": "none"}})
        assert "The search is gone" in client.get(address).text

    @pytest.mark.parametrize(
        "token",
        [
            "1",
            "1-",
            "-x",
            "x-y",
            "1-AAAAAAAAAAAAAAAAAAAAAA",
            "99999999999999999999-a",
            "²-a",
            "0-a",
            "1-é",
            "%00",
            "a" * 300,
        ],
    )
    def test_any_other_token_is_not_there(self, client: FlaskClient, search: SavedSearch, token: str) -> None:
        for method in ("GET", "POST"):
            answer = client.open(f"/api/v1/unsubscribe/{token}", method=method)
            assert (answer.status_code, answer.json["code"]) == (404, "not_found")
        assert alert_of(search) == "daily"

    def test_a_token_is_of_one_search(self, client: FlaskClient, search: SavedSearch, ada: User) -> None:
        other = make_saved_search(ada, alert="daily")
        signature = services.unsubscribe_token(search.id).partition("-")[2]
        assert client.post(f"/api/v1/unsubscribe/{other.id}-{signature}").status_code == 404
        assert client.post(f"/api/v1/unsubscribe/0{services.unsubscribe_token(search.id)}").status_code == 404

    @pytest.mark.parametrize("body", [{"List-Unsubscribe": "Maybe"}, {"page": "x"}, {"other": "1"}])
    def test_other_bodies_are_refused(self, client: FlaskClient, search: SavedSearch, body: dict[str, str]) -> None:
        assert client.post(place(search), data=body).status_code == 422
        assert alert_of(search) == "daily"


class TestGet:
    def test_opening_it_shows_a_button_and_changes_nothing(self, client: FlaskClient, search: SavedSearch) -> None:
        answer = client.get(place(search))
        assert (answer.status_code, answer.mimetype) == (200, "text/html")
        assert "Flats in Yaba" in answer.text
        assert "Stop these mails" in answer.text
        assert alert_of(search) == "daily"
        assert "form-action 'self'" in answer.headers["Content-Security-Policy"]

    def test_the_button_answers_with_a_page(self, client: FlaskClient, search: SavedSearch) -> None:
        answer = client.post(place(search), data={**ONE_CLICK, "page": "true"})
        assert (answer.status_code, answer.mimetype) == (200, "text/html")
        assert "No more of these mails" in answer.text
        assert alert_of(search) == "none"

    def test_a_name_stays_text(self, client: FlaskClient, search: SavedSearch) -> None:
        search.name = "<script>alert(1)</script>"
        db.session.commit()
        assert "<script>alert" not in client.get(place(search)).text
