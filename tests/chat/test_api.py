import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient

from sheda.accounts.models import User
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.profiles.services import picture_url, profile_of
from tests.factories import actor_of, auth, make_block, make_property, make_user

CHATS = "/api/v1/chats"
MESSAGE = {"id", "sender_id", "receiver_id", "property_id", "message", "timestamp", "is_read", "attachments"}


def send(client: FlaskClient, sender: User, receiver: User, text: str = "Hello", **more: Any) -> Any:
    return client.post(CHATS, json={"receiver_id": receiver.id, "message": text, **more}, headers=auth(sender))


def read(client: FlaskClient, reader: User, other: User, **query: Any) -> Any:
    return client.get(f"{CHATS}/{other.id}", query_string=query, headers=auth(reader))


class TestSend:
    def test_a_message_is_answered_as_documented(self, client: FlaskClient, ada: User, ben: User) -> None:
        answer = send(client, ada, ben, "  Is it still free?  ")
        body = answer.get_json()
        assert answer.status_code == 201
        assert set(body) == {"id", "result"}
        assert set(body["result"]) == MESSAGE
        assert body["id"] == body["result"]["id"]
        assert body["result"]["message"] == "Is it still free?"
        assert (body["result"]["sender_id"], body["result"]["receiver_id"]) == (ada.id, ben.id)
        assert body["result"]["is_read"] is False
        assert body["result"]["timestamp"].endswith("Z")

    def test_the_same_client_message_id_answers_the_first_with_200(
        self, client: FlaskClient, ada: User, ben: User
    ) -> None:
        own_id = str(uuid.uuid4())
        first = send(client, ada, ben, "Hello", client_msg_id=own_id)
        again = send(client, ada, ben, "Changed", client_msg_id=own_id)
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.get_json() == first.get_json()

    def test_an_idempotency_key_replays_the_first_answer(self, client: FlaskClient, ada: User, ben: User) -> None:
        headers = {**auth(ada), "Idempotency-Key": "one"}
        body = {"receiver_id": ben.id, "message": "Hello"}
        first, again = (client.post(CHATS, json=body, headers=headers) for _ in range(2))
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (again.status_code, again.get_json()) == (201, first.get_json())
        other = client.post(CHATS, json={**body, "message": "Else"}, headers=headers)
        assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_mismatch")

    def test_ones_own_sender_id_may_be_sent(self, client: FlaskClient, ada: User, ben: User) -> None:
        assert send(client, ada, ben, sender_id=ada.id).status_code == 201

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"message": "   "}, "message"),
            ({"message": "x" * 4001}, "message"),
            ({"message": "a\x00b"}, "message"),
            ({"message": "half \ud83d of a pair"}, "message"),
            ({"message": 7}, "message"),
            ({"message": None}, "message"),
            ({"receiver_id": 0}, "receiver_id"),
            ({"receiver_id": 2**63}, "receiver_id"),
            ({"receiver_id": "me"}, "receiver_id"),
            ({"receiver_id": True}, "receiver_id"),
            ({"property_id": -1}, "property_id"),
            ({"client_msg_id": "not-a-uuid"}, "client_msg_id"),
            ({"client_msg_id": []}, "client_msg_id"),
            ({"is_read": True}, "is_read"),
            ({"timestamp": "2020-01-01T00:00:00Z"}, "timestamp"),
        ],
    )
    def test_wrong_values_are_refused_on_their_field(
        self, client: FlaskClient, ada: User, ben: User, change: dict[str, Any], field: str
    ) -> None:
        answer = client.post(CHATS, json={"receiver_id": ben.id, "message": "Hello", **change}, headers=auth(ada))
        assert answer.status_code == 422
        assert [error["field"] for error in answer.get_json()["errors"]] == [field]

    def test_a_message_to_oneself_is_422(self, client: FlaskClient, ada: User) -> None:
        assert send(client, ada, ada).status_code == 422

    def test_a_foreign_sender_is_422(self, client: FlaskClient, ada: User, ben: User) -> None:
        answer = send(client, ada, ben, sender_id=ben.id)
        assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "sender_id")

    def test_an_unknown_a_disabled_and_a_blocking_receiver_read_the_same(
        self, client: FlaskClient, ada: User, ben: User
    ) -> None:
        disabled = make_user(active=False)
        make_block(actor_of(ben), actor_of(ada))
        bodies = []
        for receiver_id in (2_000_000_000, disabled.id, ben.id):
            answer = client.post(CHATS, json={"receiver_id": receiver_id, "message": "Hello"}, headers=auth(ada))
            assert answer.status_code == 404
            bodies.append({**answer.get_json(), "request_id": ""})
        assert bodies[0] == bodies[1] == bodies[2]

    def test_whom_and_what_it_is_about_are_looked_for_before_the_message_is_refused(
        self, client: FlaskClient, ada: User, ben: User
    ) -> None:
        gone = {"receiver_id": 2_000_000_000, "message": " "}
        assert client.post(CHATS, json=gone, headers=auth(ada)).status_code == 404
        assert send(client, ada, ben, " ", property_id=2_000_000_000).status_code == 404
        assert send(client, ada, ben, " ").status_code == 422
        assert send(client, ada, ada, " ").status_code == 422

    def test_an_unknown_property_is_404(self, client: FlaskClient, ada: User, ben: User) -> None:
        assert send(client, ada, ben, property_id=2_000_000_000).status_code == 404

    def test_a_draft_of_somebody_else_is_404_and_a_published_home_is_kept_with_the_message(
        self, client: FlaskClient, ada: User, ben: User
    ) -> None:
        draft, home = make_property(ben, listing_state="draft"), make_property(ben)
        assert send(client, ada, ben, property_id=draft.id).status_code == 404
        assert send(client, ada, ben, property_id=home.id).get_json()["result"]["property_id"] == home.id

    def test_without_a_token_it_is_401(self, client: FlaskClient) -> None:
        assert client.post(CHATS, json={"receiver_id": 1, "message": "Hello"}).status_code == 401

    def test_every_role_may_write(self, client: FlaskClient, ada: User) -> None:
        for role in (Role.CLIENT, Role.AGENT, Role.STAFF, Role.ADMIN):
            assert send(client, make_user(role), ada).status_code == 201


class TestHistory:
    def test_both_directions_newest_first(self, client: FlaskClient, ada: User, ben: User) -> None:
        send(client, ada, ben, "One")
        send(client, ben, ada, "Two")
        answer = read(client, ada, ben)
        assert answer.status_code == 200
        assert [one["message"] for one in answer.get_json()["result"]] == ["Two", "One"]
        assert answer.get_json() == read(client, ben, ada).get_json()

    def test_pages_by_cursor_reach_every_message_once(self, client: FlaskClient, ada: User, ben: User) -> None:
        sent = [send(client, ada, ben, f"Message {number}").get_json()["id"] for number in range(5)]
        seen, cursor = [], None
        while True:
            page = read(client, ada, ben, limit=2, **({"cursor": cursor} if cursor else {})).get_json()
            seen += [one["id"] for one in page["result"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == sent[::-1]

    def test_catching_up_is_oldest_first(self, client: FlaskClient, ada: User, ben: User) -> None:
        sent = [send(client, ada, ben, f"Message {number}").get_json()["id"] for number in range(4)]
        page = read(client, ben, ada, after_id=sent[0], limit=2).get_json()
        assert [one["id"] for one in page["result"]] == sent[1:3]
        rest = read(client, ben, ada, after_id=sent[0], limit=2, cursor=page["next_cursor"]).get_json()
        assert [one["id"] for one in rest["result"]] == sent[3:]
        assert rest["next_cursor"] is None

    def test_a_count_only_when_asked(self, client: FlaskClient, ada: User, ben: User) -> None:
        for _ in range(3):
            send(client, ada, ben)
        plain, counted = read(client, ada, ben, limit=1).get_json(), read(client, ada, ben, count="true").get_json()
        assert (plain["count"], counted["count"], counted["count_is_exact"]) == (None, 3, True)

    def test_reading_does_not_mark_unless_asked(self, client: FlaskClient, ada: User, ben: User) -> None:
        send(client, ada, ben)
        read(client, ben, ada)
        assert client.get(f"{CHATS}/unread-count", headers=auth(ben)).get_json() == {"result": {"unread_count": 1}}
        read(client, ben, ada, mark_read="true")
        assert client.get(f"{CHATS}/unread-count", headers=auth(ben)).get_json() == {"result": {"unread_count": 0}}
        assert read(client, ada, ben).get_json()["result"][0]["is_read"] is True

    def test_marking_an_older_page_leaves_newer_messages_unread(
        self, client: FlaskClient, ada: User, ben: User
    ) -> None:
        for number in range(3):
            send(client, ada, ben, f"Message {number}")
        page = read(client, ben, ada, limit=1).get_json()
        read(client, ben, ada, limit=1, cursor=page["next_cursor"], mark_read="true")
        assert client.get(f"{CHATS}/unread-count", headers=auth(ben)).get_json()["result"]["unread_count"] == 1

    def test_a_property_narrows_the_page_and_stays_to_be_asked_for_when_it_has_gone(
        self, client: FlaskClient, ada: User, ben: User
    ) -> None:
        home, other = make_property(ben), make_property(ben)
        send(client, ada, ben, "About this home", property_id=home.id)
        send(client, ada, ben, "About nothing")
        home.listing_state = "archived"
        db.session.commit()
        assert [one["message"] for one in read(client, ada, ben, property_id=home.id).get_json()["result"]] == [
            "About this home"
        ]
        assert read(client, ada, ben, property_id=other.id).get_json()["result"] == []

    def test_quotes_emoji_and_angle_brackets_come_back_as_written(
        self, client: FlaskClient, ada: User, ben: User
    ) -> None:
        text = 'He said "₦2,500,000" \\ <b>🏠</b>\nand left'
        send(client, ada, ben, text)
        assert read(client, ben, ada).get_json()["result"][0]["message"] == text

    def test_a_known_person_without_messages_is_an_empty_page(self, client: FlaskClient, ada: User, ben: User) -> None:
        answer = read(client, ada, ben)
        assert (answer.status_code, answer.get_json()["result"]) == (200, [])

    @pytest.mark.parametrize("other", ["2000000000", "99999999999999999999", "x", "-1", "0"])
    def test_an_unknown_person_is_404(self, client: FlaskClient, ada: User, other: str) -> None:
        assert client.get(f"{CHATS}/{other}", headers=auth(ada)).status_code == 404

    def test_a_person_who_left_is_404_but_not_for_whom_he_wrote_with(
        self, client: FlaskClient, ada: User, ben: User
    ) -> None:
        send(client, ben, ada)
        ben.active = False
        db.session.commit()
        assert len(read(client, ada, ben).get_json()["result"]) == 1
        assert read(client, make_user(), ben).status_code == 404

    def test_nobody_reads_the_conversation_of_two_others(self, client: FlaskClient, ada: User, ben: User) -> None:
        send(client, ada, ben, "Between us")
        for role in (Role.CLIENT, Role.STAFF, Role.ADMIN):
            outsider = make_user(role)
            assert read(client, outsider, ada).get_json()["result"] == []
            assert client.get(CHATS, headers=auth(outsider)).get_json()["result"] == []
            generated = client.get(f"{CHATS}?q=(page_size:100)", headers=auth(outsider))
            assert (generated.status_code, generated.get_json()["result"]) == (200, [])

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ({"cursor": "nonsense"}, 400),
            ({"cursor": "WyJhIl0"}, 400),
            ({"cursor": "WzFlOTldCg"}, 400),
            ({"limit": "0"}, 422),
            ({"limit": "101"}, 422),
            ({"after_id": "-1"}, 422),
            ({"after_id": "99999999999"}, 422),
            ({"mark_read": "perhaps"}, 422),
            ({"property_id": "x"}, 422),
            ({"property_id": "2000000000"}, 404),
            ({"colour": "blue"}, 422),
            ({"q": "(page:0)"}, 422),
        ],
    )
    def test_wrong_queries_are_refused(
        self, client: FlaskClient, ada: User, ben: User, query: dict[str, str], status: int
    ) -> None:
        assert read(client, ada, ben, **query).status_code == status


class TestConversations:
    def test_each_has_the_other_the_last_message_and_what_is_unread(
        self, client: FlaskClient, ada: User, ben: User
    ) -> None:
        send(client, ben, ada, "One")
        last = send(client, ben, ada, "Two").get_json()["result"]
        page = client.get(CHATS, headers=auth(ada)).get_json()
        assert page == {
            "result": [
                {
                    "user": {"id": ben.id, "name": "Ben Eze", "picture": None, "role": "agent"},
                    "property_id": None,
                    "last_message": last,
                    "unread_count": 2,
                }
            ],
            "count": None,
            "count_is_exact": True,
            "next_cursor": None,
        }

    def test_the_newest_comes_first_and_pages_reach_all(self, client: FlaskClient, ada: User) -> None:
        others = [make_user() for _ in range(5)]
        for other in others:
            send(client, ada, other)
        send(client, others[0], ada, "Me again")
        seen, cursor = [], ""
        while cursor is not None:
            query = {"limit": 2, "count": "true", **({"cursor": cursor} if cursor else {})}
            page = client.get(CHATS, query_string=query, headers=auth(ada))
            assert page.get_json()["count"] == 5
            seen += [one["user"]["id"] for one in page.get_json()["result"]]
            cursor = page.get_json()["next_cursor"]
        assert seen == [others[0].id] + [other.id for other in others[:0:-1]]

    def test_the_picture_has_the_address_that_profiles_give(self, client: FlaskClient, ada: User, ben: User) -> None:
        send(client, ben, ada)
        profile = profile_of(ben.id)
        profile.picture_key = "public/ab/abcdef"
        db.session.commit()
        shown = client.get(CHATS, headers=auth(ada)).get_json()["result"][0]["user"]["picture"]
        assert shown == picture_url(profile_of(ben.id))

    def test_the_generated_query_shows_own_rows_only(self, client: FlaskClient, ada: User, ben: User) -> None:
        send(client, ada, ben)
        send(client, make_user(), make_user())
        answer = client.get(f"{CHATS}?q=(filters:!((col:id,opr:gt,value:0)))", headers=auth(ben))
        assert [row["low_id"] for row in answer.get_json()["result"]] == [min(ada.id, ben.id)]


class TestMarkAsRead:
    def test_everything_from_one_person_is_read(self, client: FlaskClient, ada: User, ben: User) -> None:
        for _ in range(3):
            send(client, ada, ben)
        send(client, make_user(), ben)
        answer = client.post(f"{CHATS}/{ada.id}/read", headers=auth(ben))
        assert answer.status_code == 200
        assert answer.get_json() == {
            "id": ada.id,
            "result": {"id": ada.id, "user_id": ada.id, "read": 3, "unread_count": 0},
        }
        assert client.get(f"{CHATS}/unread-count", headers=auth(ben)).get_json()["result"]["unread_count"] == 1

    def test_an_unknown_person_is_404(self, client: FlaskClient, ada: User) -> None:
        assert client.post(f"{CHATS}/2000000000/read", headers=auth(ada)).status_code == 404


class TestLimit:
    def test_the_thirty_first_message_in_a_minute_is_429(self, limited_client: FlaskClient, redis: Any) -> None:
        ada, ben = make_user(), make_user()
        answers = [send(limited_client, ada, ben) for _ in range(31)]
        assert [answer.status_code for answer in answers] == [201] * 30 + [429]
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert (answers[0].headers["RateLimit-Limit"], answers[0].headers["RateLimit-Remaining"]) == ("30", "29")
        assert send(limited_client, ben, ada).status_code == 201
