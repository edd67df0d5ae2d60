from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from sheda.accounts.models import User
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.shortlists import jobs, services
from sheda.shortlists.models import SavedSearch, SearchHit
from tests.conftest import Clock
from tests.factories import actor_of, auth, make_favourite, make_saved_search, make_user
from tests.shortlists.conftest import publish

SEARCHES = "/api/v1/saved-searches"
SHAPE = {"id", "name", "filters", "alert", "last_run_at", "created_at"}
FILTERS = {
    "search": "duplex lekki",
    "listing_type": "rent",
    "property_type": ["duplex", "house"],
    "min_price": "1000000.00",
    "min_bedrooms": 3,
    "city": "Lekki",
    "amenities": ["wifi", "swimming_pool"],
    "furnished": False,
    "near": "6.4474,3.4723",
    "radius_km": 5.5,
    "bbox": "3.3,6.4,3.6,6.6",
    "sort": "price",
}


def save(client: FlaskClient, user: User, **body: Any) -> Any:
    return client.post(SEARCHES, json={"name": "Lekki", "filters": {}, **body}, headers=auth(user))


class TestSave:
    def test_a_search_is_answered_as_it_was_asked(self, client: FlaskClient, ada: User) -> None:
        answer = save(client, ada, name="  Duplex, Lekki ", filters=FILTERS, alert="daily")
        assert answer.status_code == 201
        result = answer.json["result"]
        assert set(result) == SHAPE
        assert (result["name"], result["alert"], result["last_run_at"]) == ("Duplex, Lekki", "daily", None)
        assert result["filters"] == FILTERS
        assert answer.headers["Location"] == f"{SEARCHES}/{result['id']}"

    def test_its_filters_can_be_asked_of_the_list(self, client: FlaskClient, ada: User) -> None:
        filters = save(client, ada, filters=FILTERS).json["result"]["filters"]
        query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in filters.items()}
        assert client.get("/api/v1/properties", query_string=query).status_code == 200

    def test_what_filters_nothing_is_not_kept(self, client: FlaskClient, ada: User) -> None:
        answer = save(client, ada, filters={"search": " ", "property_type": "", "sort": "newest", "min_price": None})
        assert (answer.status_code, answer.json["result"]["filters"]) == (201, {})

    def test_without_an_alert_there_is_none(self, client: FlaskClient, ada: User) -> None:
        assert save(client, ada).json["result"]["alert"] == "none"

    def test_an_agent_saves_searches_too(self, client: FlaskClient, agent: User) -> None:
        assert save(client, agent).status_code == 201

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"name": " "}, "name"),
            ({"name": "x" * 81}, "name"),
            ({"name": "two\nlines"}, "name"),
            ({"name": "a\x00b"}, "name"),
            ({"alert": "hourly"}, "alert"),
            ({"alert": None}, "alert"),
            ({"filters": None}, "filters"),
            ({"filters": []}, "filters"),
            ({"filters": {"listing_type": "swap"}}, "filters.listing_type"),
            ({"filters": {"min_price": "9", "max_price": "8"}}, "filters.min_price"),
            ({"filters": {"min_price": -1}}, "filters.min_price"),
            ({"filters": {"near": "91,0"}}, "filters.near"),
            ({"filters": {"radius_km": 5}}, "filters.radius_km"),
            ({"filters": {"sort": "relevance"}}, "filters.sort"),
            ({"filters": {"currency": "XXX"}}, "filters.currency"),
            ({"filters": {"city": "a\ud800"}}, "filters.city"),
            ({"filters": {"property_type": ["duplex"] * 51}}, "filters.property_type"),
            ({"filters": {"mine": True}}, "filters.mine"),
            ({"filters": {"limit": 5}}, "filters.limit"),
            ({"filters": {"cursor": "x"}}, "filters.cursor"),
            ({"filters": {"colour": "red"}}, "filters.colour"),
            ({"user_id": 1}, "user_id"),
            ({"last_run_at": "2026-01-01T00:00:00Z"}, "last_run_at"),
        ],
    )
    def test_what_the_list_would_refuse_is_refused(
        self, client: FlaskClient, ada: User, body: dict[str, Any], field: str
    ) -> None:
        answer = save(client, ada, **body)
        assert answer.status_code == 422, answer.json
        assert field in {one["field"].split(".0")[0] for one in answer.json["errors"]}

    def test_an_idempotency_key_replays_the_first_answer(self, client: FlaskClient, ada: User) -> None:
        headers = {**auth(ada), "Idempotency-Key": "one"}
        body = {"name": "Lekki", "filters": {}}
        first, again = (client.post(SEARCHES, json=body, headers=headers) for _ in range(2))
        assert (first.json, again.headers["Idempotency-Replayed"]) == (again.json, "true")

    def test_one_person_saves_so_many(self, client: FlaskClient, app: Flask, ada: User) -> None:
        before, app.config["MOST_SAVED_SEARCHES"] = app.config["MOST_SAVED_SEARCHES"], 1
        try:
            make_saved_search()
            answers = [save(client, ada) for _ in range(2)]
        finally:
            app.config["MOST_SAVED_SEARCHES"] = before
        assert [one.status_code for one in answers] == [201, 409]
        assert answers[1].json["code"] == "too_many_saved_searches"

    @pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN])
    def test_the_office_saves_none(self, client: FlaskClient, role: Role) -> None:
        headers = auth(make_user(role))
        assert client.post(SEARCHES, json={"name": "x", "filters": {}}, headers=headers).status_code == 403
        assert client.get(SEARCHES, headers=headers).status_code == 403

    def test_nobody_saves_none(self, client: FlaskClient) -> None:
        assert client.post(SEARCHES, json={}).status_code == 401


class TestRead:
    def test_one_and_all_are_ones_own(self, client: FlaskClient, ada: User) -> None:
        foreign, own = make_saved_search(), make_saved_search(ada, city="Yaba")
        headers = auth(ada)
        (listed,) = client.get(SEARCHES, headers=headers).json["result"]
        assert listed == client.get(f"{SEARCHES}/{own.id}", headers=headers).json["result"]
        assert (listed["id"], listed["filters"]) == (own.id, {"city": "Yaba"})
        assert client.get(f"{SEARCHES}/{foreign.id}", headers=headers).status_code == 404

    def test_pages_follow_each_other(self, client: FlaskClient, ada: User) -> None:
        made = [make_saved_search(ada).id for _ in range(3)]
        first = client.get(f"{SEARCHES}?limit=2&count=true", headers=auth(ada)).json
        second = client.get(f"{SEARCHES}?limit=2&cursor={first['next_cursor']}", headers=auth(ada)).json
        assert [one["id"] for one in first["result"] + second["result"]] == made[::-1]
        assert (first["count"], second["next_cursor"]) == (3, None)

    def test_a_list_is_as_many_statements_however_long(
        self, client: FlaskClient, ada: User, count_statements: Any
    ) -> None:
        headers, seen = auth(ada), []
        for number in (1, 9):
            for _ in range(number):
                make_saved_search(ada)
            with count_statements() as asked:
                client.get(SEARCHES, headers=headers)
            seen.append(sum("saved_searches" in one for one in asked))
        assert seen == [1, 1]

    def test_the_generated_query_sees_ones_own_only(self, client: FlaskClient, ada: User) -> None:
        make_saved_search()
        own = make_saved_search(ada, city="Yaba")
        body = client.get(f"{SEARCHES}?q=(page_size:10)", headers=auth(ada)).json
        assert [(row["id"], row["filters"]) for row in body["result"]] == [(own.id, {"city": "Yaba"})]


class TestChange:
    def test_what_is_sent_changes_and_the_rest_stays(self, client: FlaskClient, ada: User) -> None:
        search = make_saved_search(ada, city="Yaba")
        answer = client.patch(f"{SEARCHES}/{search.id}", json={"alert": "weekly"}, headers=auth(ada))
        assert answer.status_code == 200
        result = answer.json["result"]
        assert (result["name"], result["filters"], result["alert"]) == ("Flats in Yaba", {"city": "Yaba"}, "weekly")

    def test_filters_are_replaced(self, client: FlaskClient, ada: User) -> None:
        search = make_saved_search(ada, city="Yaba")
        body = {"filters": {"state": "Lagos"}, "name": "Lagos"}
        result = client.patch(f"{SEARCHES}/{search.id}", json=body, headers=auth(ada)).json["result"]
        assert (result["name"], result["filters"]) == ("Lagos", {"state": "Lagos"})

    @pytest.mark.parametrize("body", [{}, {"alert": "x"}, {"filters": {"limit": 1}}, {"name": None}, {"id": 3}])
    def test_what_cannot_be_is_refused(self, client: FlaskClient, ada: User, body: dict[str, Any]) -> None:
        search = make_saved_search(ada)
        assert client.patch(f"{SEARCHES}/{search.id}", json=body, headers=auth(ada)).status_code == 422

    def test_a_stale_etag_is_refused(self, client: FlaskClient, ada: User) -> None:
        place, headers = f"{SEARCHES}/{make_saved_search(ada).id}", auth(ada)
        tag = client.get(place, headers=headers).headers["ETag"]
        assert client.get(place, headers={**headers, "If-None-Match": tag}).status_code == 304
        fresh = client.patch(place, json={"name": "One"}, headers={**headers, "If-Match": tag})
        assert (fresh.status_code, fresh.headers["ETag"] != tag) == (200, True)
        for method, body in (("PATCH", {"name": "Two"}), ("DELETE", None)):
            stale = client.open(place, method=method, json=body, headers={**headers, "If-Match": tag})
            assert (stale.status_code, stale.json["code"]) == (412, "stale")

    def test_other_filters_begin_with_what_comes_from_now_on(self, ada: User, agent: User, moved_clock: Clock) -> None:
        moved_clock.at(clock.now())
        search = make_saved_search(ada, alert="daily", city="Yaba")
        moved_clock.advance(timedelta(minutes=1))
        publish(agent)
        jobs.alert()
        moved_clock.advance(timedelta(minutes=1))
        services.change(actor_of(ada), search.id, filters=filters_of(city="Yaba", min_bedrooms=1))
        db.session.commit()
        assert hits() == 0
        assert search.due_at is None

    def test_the_same_filters_change_nothing(self, ada: User, moved_clock: Clock) -> None:
        moved_clock.at(clock.now())
        search = make_saved_search(ada, alert="daily", city="Yaba")
        before = search.watched_from
        moved_clock.advance(timedelta(minutes=1))
        services.change(actor_of(ada), search.id, filters=filters_of(city="Yaba"), alert="daily")
        assert search.watched_from == before

    def test_what_was_found_is_told_by_the_new_rhythm(self, ada: User, agent: User, moved_clock: Clock) -> None:
        moved_clock.at(clock.now())
        search = make_saved_search(ada, alert="weekly", city="Yaba")
        moved_clock.advance(timedelta(minutes=1))
        publish(agent)
        jobs.alert()
        services.change(actor_of(ada), search.id, alert="instant")
        db.session.commit()
        assert (hits(), search.due_at) == (1, clock.now())


class TestRemove:
    def test_it_is_gone_with_what_was_found(self, client: FlaskClient, ada: User, agent: User) -> None:
        search = make_saved_search(ada, alert="daily")
        publish(agent)
        jobs.alert()
        assert hits() == 1
        place, headers = f"{SEARCHES}/{search.id}", auth(ada)
        assert [client.delete(place, headers=headers).status_code for _ in range(2)] == [204, 404]
        assert hits() == 0

    def test_a_foreign_one_is_not_there(self, client: FlaskClient, ada: User) -> None:
        assert client.delete(f"{SEARCHES}/{make_saved_search().id}", headers=auth(ada)).status_code == 404


class TestPerson:
    def test_who_leaves_is_forgotten(self, client: FlaskClient, ada: User, agent: User) -> None:
        make_saved_search(ada, alert="daily")
        make_favourite(ada)
        kept = make_saved_search()
        publish(agent)
        jobs.alert()
        assert client.delete("/api/v1/users/me", headers=auth(ada)).status_code == 204
        assert list(db.session.scalars(select(SavedSearch.id))) == [kept.id]
        assert hits() == 0

    def test_an_export_has_what_is_kept(self, client: FlaskClient, ada: User) -> None:
        make_saved_search(ada, city="Yaba")
        liked = make_favourite(ada)
        result = client.get("/api/v1/users/me/export", headers=auth(ada)).json["result"]
        assert result["saved_searches"][0]["filters"] == {"city": "Yaba"}
        assert result["favourites"][0]["property_id"] == liked.property_id


def hits() -> int:
    db.session.expire_all()
    return db.session.scalar(select(func.count()).select_from(SearchHit)) or 0


def filters_of(**asked: Any) -> services.Filters:
    from sheda.shortlists.schemas import SavedFilters

    found: services.Filters = SavedFilters().load(asked)
    return found
