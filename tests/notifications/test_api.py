from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from sheda.accounts.models import User
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.notifications.kinds import KINDS
from sheda.notifications.models import Notification
from sheda.notifications.services import tell
from tests.factories import auth, make_property, make_user

NOTICES = "/api/v1/notifications"
OTHERS = {"push": True, "sms": False, "whatsapp": False}


@pytest.fixture
def ada(db_session: Any) -> User:
    return make_user()


def notice(user: User, text: str = "Something happened.", kind: str = "property_returned") -> Notification:
    tell(kind, make_property(), {user.id: text})
    db.session.commit()
    found: Notification = db.session.query(Notification).order_by(Notification.id.desc()).first()
    return found


class TestList:
    def test_one_is_shown_as_documented(self, client: FlaskClient, ada: User) -> None:
        made = notice(ada, 'A "quoted" <home>')
        page = client.get(NOTICES, headers=auth(ada)).get_json()
        assert set(page) == {"result", "count", "count_is_exact", "next_cursor"}
        (one,) = page["result"]
        assert one.pop("created_at").endswith("Z")
        assert one == {
            "id": made.id,
            "kind": "property_returned",
            "text": 'A "quoted" <home>',
            "subject_type": "property",
            "subject_id": made.subject_id,
            "is_read": False,
        }

    def test_newest_first_in_pages_and_only_ones_own(self, client: FlaskClient, ada: User) -> None:
        mine = [notice(ada).id for _ in range(5)]
        notice(make_user())
        seen: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": 2, "count": "true", **({"cursor": cursor} if cursor else {})}
            page = client.get(NOTICES, query_string=query, headers=auth(ada)).get_json()
            assert (page["count"], page["count_is_exact"]) == (5, True)
            seen += [one["id"] for one in page["result"]]
            cursor = page["next_cursor"]
        assert seen == mine[::-1]

    def test_only_unread_ones_when_asked(self, client: FlaskClient, ada: User) -> None:
        first, second = notice(ada), notice(ada)
        client.post(f"{NOTICES}/{first.id}/read", headers=auth(ada))
        page = client.get(f"{NOTICES}?unread=true", headers=auth(ada)).get_json()
        assert [one["id"] for one in page["result"]] == [second.id]

    def test_the_generated_query_shows_own_rows_only(self, client: FlaskClient, ada: User) -> None:
        notice(make_user())
        made = notice(ada)
        answer = client.get(f"{NOTICES}?q=(order_column:id,order_direction:desc)", headers=auth(ada))
        assert [one["id"] for one in answer.get_json()["result"]] == [made.id]

    @pytest.mark.parametrize(
        ("query", "status"),
        [("cursor=nonsense", 400), ("limit=0", 422), ("unread=maybe", 422), ("user_id=1", 422), ("q=!!!", 400)],
    )
    def test_wrong_queries_are_refused(self, client: FlaskClient, ada: User, query: str, status: int) -> None:
        assert client.get(f"{NOTICES}?{query}", headers=auth(ada)).status_code == status

    def test_a_page_is_one_statement_whatever_its_length(self, client: FlaskClient, ada: User) -> None:
        headers, counts = auth(ada), []
        for _ in range(2):
            for _ in range(4):
                notice(ada)
            counts.append(statements(client, headers))
        assert counts[0] == counts[1]

    def test_without_a_token_it_is_401(self, client: FlaskClient) -> None:
        assert client.get(NOTICES).status_code == 401


class TestRead:
    def test_a_notice_is_read_once_and_for_good(self, client: FlaskClient, ada: User) -> None:
        made = notice(ada)
        for _ in range(2):
            answer = client.post(f"{NOTICES}/{made.id}/read", headers=auth(ada))
            assert answer.status_code == 200
            assert answer.get_json()["id"] == made.id
            assert answer.get_json()["result"]["is_read"] is True

    @pytest.mark.parametrize("role", [Role.CLIENT, Role.STAFF, Role.ADMIN])
    def test_somebody_elses_notice_is_404(self, client: FlaskClient, ada: User, role: Role) -> None:
        made = notice(ada)
        assert client.post(f"{NOTICES}/{made.id}/read", headers=auth(make_user(role))).status_code == 404
        assert client.get(NOTICES, headers=auth(ada)).get_json()["result"][0]["is_read"] is False

    @pytest.mark.parametrize("pk", ["0", "2000000000", "99999999999999", "x"])
    def test_a_missing_one_is_404(self, client: FlaskClient, ada: User, pk: str) -> None:
        assert client.post(f"{NOTICES}/{pk}/read", headers=auth(ada)).status_code == 404

    def test_all_of_ones_own_are_read(self, client: FlaskClient, ada: User) -> None:
        other = make_user()
        for user in (ada, ada, other):
            notice(user)
        answer = client.post(f"{NOTICES}/read-all", headers=auth(ada))
        assert (answer.status_code, answer.get_json()["result"]) == (200, {"read": 2, "unread_count": 0})
        assert client.post(f"{NOTICES}/read-all", headers=auth(ada)).get_json()["result"]["read"] == 0
        assert client.get(f"{NOTICES}?unread=true", headers=auth(other)).get_json()["result"] != []


class TestPreferences:
    def test_everything_is_on_at_first(self, client: FlaskClient, ada: User) -> None:
        found = client.get(f"{NOTICES}/preferences", headers=auth(ada)).get_json()["result"]
        assert set(found) == set(KINDS)
        assert all(
            is_on == (channel in {"app", "mail", "push"})
            for channels in found.values()
            for channel, is_on in channels.items()
        )
        assert found["property_returned"] == {"app": True, "push": True, "sms": False, "whatsapp": False}

    def test_what_is_named_changes_and_the_rest_stays(self, client: FlaskClient, ada: User) -> None:
        change = {"appointment_reminder": {"mail": False}, "payment_declared": {"app": False, "mail": True}}
        answer = client.patch(f"{NOTICES}/preferences", json=change, headers=auth(ada))
        assert answer.status_code == 200
        found = client.get(f"{NOTICES}/preferences", headers=auth(ada)).get_json()
        assert found == answer.get_json()
        assert found["result"]["appointment_reminder"] == {"app": True, "mail": False} | OTHERS
        assert found["result"]["payment_declared"] == {"app": False, "mail": True, "digest": False} | OTHERS
        client.patch(f"{NOTICES}/preferences", json={"appointment_reminder": {"mail": True}}, headers=auth(ada))
        found = client.get(f"{NOTICES}/preferences", headers=auth(ada)).get_json()["result"]
        assert found["appointment_reminder"] == {"app": True, "mail": True} | OTHERS

    def test_others_are_not_touched(self, client: FlaskClient, ada: User) -> None:
        client.patch(f"{NOTICES}/preferences", json={"appointment_reminder": {"mail": False}}, headers=auth(ada))
        found = client.get(f"{NOTICES}/preferences", headers=auth(make_user())).get_json()["result"]
        assert found["appointment_reminder"]["mail"] is True

    @pytest.mark.parametrize("kind", [kind for kind, about in KINDS.items() if about.is_security])
    def test_security_mails_cannot_be_switched_off(self, client: FlaskClient, ada: User, kind: str) -> None:
        answer = client.patch(f"{NOTICES}/preferences", json={kind: {"mail": False}}, headers=auth(ada))
        assert answer.status_code == 422
        assert [one["field"] for one in answer.get_json()["errors"]] == [f"{kind}.mail"]
        assert client.patch(f"{NOTICES}/preferences", json={kind: {"app": False}}, headers=auth(ada)).status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            {"gossip": {"mail": False}},
            {"appointment_reminder": {"pigeon": False}},
            {"appointment_reminder": {"mail": "never"}},
            {"appointment_reminder": {"mail": None}},
            {"appointment_reminder": False},
            {"appointment_reminder": []},
            {"appointment_reminder": None},
            {"property_returned": {"mail": True}},
            {"appointment_reminder": {"digest": True}},
            {"password_changed": {"digest": True}},
            {"chat_waiting": {"app": True}},
        ],
    )
    def test_wrong_values_are_422(self, client: FlaskClient, ada: User, body: dict[str, Any]) -> None:
        assert client.patch(f"{NOTICES}/preferences", json=body, headers=auth(ada)).status_code == 422

    @pytest.mark.parametrize("raw", ["", "[]", "null", "{", '"text"'])
    def test_what_is_no_object_is_400_or_changes_nothing(self, client: FlaskClient, ada: User, raw: str) -> None:
        headers = {**auth(ada), "Content-Type": "application/json"}
        status = client.patch(f"{NOTICES}/preferences", data=raw, headers=headers).status_code
        assert status == (400 if raw else 200)


def statements(client: FlaskClient, headers: dict[str, str]) -> int:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    engine = db.session.connection().engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        assert client.get(NOTICES, headers=headers).status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len([one for one in seen if one.startswith("SELECT")])
