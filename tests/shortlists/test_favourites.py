from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from sheda.accounts.models import User
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.shortlists.models import Favourite
from tests.factories import auth, make_contract, make_favourite, make_payment, make_property, make_user
from tests.shortlists.conftest import pause

FAVOURITES = "/api/v1/favourites"


def path(property_id: int) -> str:
    return f"/api/v1/properties/{property_id}/favourite"


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(Favourite)) or 0


def ids(client: FlaskClient, user: User, **query: Any) -> list[int]:
    answer = client.get(FAVOURITES, query_string=query, headers=auth(user))
    assert answer.status_code == 200, answer.get_json()
    return [card["id"] for card in answer.get_json()["result"]]


class TestLike:
    def test_a_listing_becomes_a_favourite(self, client: FlaskClient, ada: User) -> None:
        home = make_property()
        answer = client.post(path(home.id), headers=auth(ada))
        assert answer.status_code == 201
        assert set(answer.json["result"]) == {"id", "property_id", "created_at"}
        assert answer.json["result"]["property_id"] == home.id

    def test_a_repeat_answers_the_first_with_200(self, client: FlaskClient, ada: User) -> None:
        home, headers = make_property(), auth(ada)
        first, again = (client.post(path(home.id), headers=headers) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json == first.json
        assert count() == 1

    def test_an_idempotency_key_replays_the_first_answer(self, client: FlaskClient, ada: User) -> None:
        home, headers = make_property(), {**auth(ada), "Idempotency-Key": "one"}
        first, again = (client.post(path(home.id), headers=headers) for _ in range(2))
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
        assert again.json == first.json

    def test_an_agent_has_favourites_too(self, client: FlaskClient, agent: User) -> None:
        assert client.post(path(make_property().id), headers=auth(agent)).status_code == 201

    @pytest.mark.parametrize("state", ["draft", "paused", "archived"])
    def test_what_is_not_shown_is_not_there(self, client: FlaskClient, ada: User, state: str) -> None:
        assert client.post(path(make_property(listing_state=state).id), headers=auth(ada)).status_code == 404
        assert count() == 0

    @pytest.mark.parametrize("place", ["0", "2147483648", "99999999999", "x"])
    def test_what_does_not_exist_is_not_there(self, client: FlaskClient, ada: User, place: str) -> None:
        answer = client.post(f"/api/v1/properties/{place}/favourite", headers=auth(ada))
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")

    @pytest.mark.parametrize(("role", "status"), [(Role.STAFF, 403), (Role.ADMIN, 403)])
    def test_the_office_has_none(self, client: FlaskClient, role: Role, status: int) -> None:
        headers = auth(make_user(role))
        assert client.post(path(make_property().id), headers=headers).status_code == status
        assert client.get(FAVOURITES, headers=headers).status_code == status

    def test_nobody_has_none(self, client: FlaskClient) -> None:
        assert client.post(path(make_property().id)).status_code == 401
        assert client.get(FAVOURITES).status_code == 401

    def test_it_takes_no_fields(self, client: FlaskClient, ada: User) -> None:
        answer = client.post(path(make_property().id), json={"user_id": 1}, headers=auth(ada))
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "user_id")


class TestUnlike:
    def test_it_is_a_favourite_no_more(self, client: FlaskClient, ada: User) -> None:
        home = make_property()
        make_favourite(ada, home)
        assert client.delete(path(home.id), headers=auth(ada)).status_code == 204
        assert ids(client, ada) == []

    def test_a_repeat_is_204_too(self, client: FlaskClient, ada: User) -> None:
        assert client.delete(path(make_property().id), headers=auth(ada)).status_code == 204

    def test_other_peoples_favourites_stay(self, client: FlaskClient, ada: User) -> None:
        home = make_property()
        make_favourite(make_user(), home)
        client.delete(path(home.id), headers=auth(ada))
        assert count() == 1


class TestList:
    def test_the_latest_comes_first_as_the_card_of_every_list(self, client: FlaskClient, ada: User) -> None:
        homes = [make_property() for _ in range(3)]
        for home in (homes[1], homes[0], homes[2]):
            make_favourite(ada, home)
        answer = client.get(FAVOURITES, headers=auth(ada)).json
        assert [card["id"] for card in answer["result"]] == [homes[2].id, homes[0].id, homes[1].id]
        assert (answer["count"], answer["count_is_exact"], answer["next_cursor"]) == (None, True, None)
        cards = {card["id"]: card for card in client.get("/api/v1/properties").json["result"]}
        assert [cards[card["id"]] for card in answer["result"]] == answer["result"]

    def test_pages_follow_each_other(self, client: FlaskClient, ada: User) -> None:
        wanted = [make_favourite(ada).property_id for _ in range(5)][::-1]
        seen: list[int] = []
        cursor: dict[str, str] = {}
        for _ in range(3):
            body = client.get(FAVOURITES, query_string={"limit": 2, **cursor}, headers=auth(ada)).json
            seen += [card["id"] for card in body["result"]]
            cursor = {"cursor": body["next_cursor"]}
        assert seen == wanted
        assert body["next_cursor"] is None

    def test_a_count_is_told_when_asked(self, client: FlaskClient, ada: User) -> None:
        assert client.get(f"{FAVOURITES}?count=true", headers=auth(ada)).json["count"] == 0
        for _ in range(3):
            make_favourite(ada)
        body = client.get(f"{FAVOURITES}?count=true&limit=2", headers=auth(ada)).json
        assert (body["count"], body["count_is_exact"], len(body["result"])) == (3, True, 2)

    def test_everybody_sees_his_own(self, client: FlaskClient, ada: User) -> None:
        make_favourite(make_user())
        assert ids(client, ada) == []

    def test_what_left_the_market_shows_so_and_what_is_hidden_is_left_out(self, client: FlaskClient, ada: User) -> None:
        hidden, let = make_property(), make_contract(make_payment(status="accepted")).property_id
        make_favourite(ada, hidden)
        client.post(path(let), headers=auth(ada))
        pause(hidden)
        (card,) = client.get(FAVOURITES, headers=auth(ada)).json["result"]
        assert (card["id"], card["status"]) == (let, "rented")

    def test_it_is_one_statement_however_long(self, client: FlaskClient, ada: User, count_statements: Any) -> None:
        headers, seen = auth(ada), []
        client.get(FAVOURITES, headers=headers)
        for number in (1, 12):
            for _ in range(number):
                make_favourite(ada)
            with count_statements() as asked:
                client.get(FAVOURITES, query_string={"count": "true"}, headers=headers)
            seen.append(sum("favourites" in one for one in asked))
        assert seen == [1, 1]

    @pytest.mark.parametrize(
        ("query", "status"),
        [({"cursor": "zz"}, 400), ({"limit": 0}, 422), ({"limit": 101}, 422), ({"user_id": 1}, 422)],
    )
    def test_what_cannot_be_read_is_refused(
        self, client: FlaskClient, ada: User, query: dict[str, Any], status: int
    ) -> None:
        assert client.get(FAVOURITES, query_string=query, headers=auth(ada)).status_code == status

    def test_the_generated_query_sees_ones_own_only(self, client: FlaskClient, ada: User) -> None:
        make_favourite(make_user())
        own = make_favourite(ada)
        body = client.get(f"{FAVOURITES}?q=(page_size:10)", headers=auth(ada)).json
        assert [row["property_id"] for row in body["result"]] == [own.property_id]
