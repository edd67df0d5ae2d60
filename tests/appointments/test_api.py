from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from sheda.accounts.models import User
from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.fields import wire_moment
from sheda.core.states import History
from sheda.properties.models import Property
from tests.factories import auth, make_appointment, make_property, make_user

Call = Callable[..., Any]


def noon(days: int = 2) -> datetime:
    return datetime.combine(clock.today() + timedelta(days=days), time(12), clock.LAGOS)


@pytest.fixture
def buyer(db_session: Any) -> User:
    return make_user()


@pytest.fixture
def home(agent: User) -> Property:
    return make_property(agent)


@pytest.fixture
def call(client: FlaskClient) -> Call:
    """Return a caller: `call(user, "PATCH", "/5/confirm", json={…})`."""
    known: dict[int, dict[str, str]] = {}

    def perform(user: User | None, method: str, path: str = "", **sent: Any) -> Any:
        headers = sent.pop("headers", {})
        if user is not None:
            if user.id not in known:
                known[user.id] = auth(user)
            headers = {**known[user.id], **headers}
        return client.open(f"/api/v1/appointments{path}", method=method, headers=headers, **sent)

    return perform


class TestPost:
    def test_the_answer_is_the_published_one(self, call: Call, buyer: User, home: Property) -> None:
        answer = call(
            buyer, "POST", json={"property_id": home.id, "requested_time": noon().isoformat(), "note": " With Ada. "}
        )
        assert answer.status_code == 201
        found = answer.json["result"]
        assert answer.json["id"] == found["id"]
        assert answer.headers["Location"].endswith(f"/appointments/{found['id']}")
        assert (
            found.items()
            >= {
                "property_id": home.id,
                "agent_id": home.agent_id,
                "client_id": buyer.id,
                "scheduled_at": wire_moment(noon()),
                "ends_at": wire_moment(noon() + timedelta(minutes=30)),
                "status": "pending",
                "note": "With Ada.",
            }.items()
        )
        assert found["expires_at"].endswith("Z")

    def test_scheduled_at_is_another_name_for_the_time(self, call: Call, buyer: User, home: Property) -> None:
        body = {"property_id": home.id, "scheduled_at": noon().isoformat(), "duration_minutes": 45}
        assert call(buyer, "POST", json=body).json["result"]["ends_at"] == wire_moment(noon() + timedelta(minutes=45))

    def test_a_key_makes_a_repeat_safe(self, call: Call, buyer: User, home: Property) -> None:
        body = {"property_id": home.id, "requested_time": noon().isoformat()}
        first = call(buyer, "POST", json=body, headers={"Idempotency-Key": "one"})
        again = call(buyer, "POST", json=body, headers={"Idempotency-Key": "one"})
        assert (again.status_code, again.json, again.headers["Idempotency-Replayed"]) == (201, first.json, "true")
        other = call(buyer, "POST", json={**body, "note": "x"}, headers={"Idempotency-Key": "one"})
        assert (other.status_code, other.json["code"]) == (422, "idempotency_mismatch")

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"requested_time": "2030-01-07T12:00:00"}, "requested_time"),
            ({"requested_time": "soon"}, "requested_time"),
            ({"requested_time": None}, "requested_time"),
            ({"requested_time": 5}, "requested_time"),
            ({"duration_minutes": 14}, "duration_minutes"),
            ({"duration_minutes": 481}, "duration_minutes"),
            ({"duration_minutes": True}, "duration_minutes"),
            ({"duration_minutes": 10**30}, "duration_minutes"),
            ({"property_id": "x"}, "property_id"),
            ({"property_id": 2**40}, "property_id"),
            ({"note": "a\x00b"}, "note"),
            ({"note": "\ud800"}, "note"),
            ({"note": "x" * 1001}, "note"),
            ({"status": "confirmed"}, "status"),
            ({"client_id": 1}, "client_id"),
            ({"agent_id": 2**31 - 1}, "agent_id"),
        ],
    )
    def test_bad_values_name_their_field(
        self, call: Call, buyer: User, home: Property, change: dict[str, Any], field: str
    ) -> None:
        body = {"property_id": home.id, "requested_time": noon().isoformat(), **change}
        answer = call(buyer, "POST", json=body)
        assert answer.status_code == 422
        assert field in {one["field"] for one in answer.json["errors"]}

    @pytest.mark.parametrize(
        "moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2020-01-01T12:00:00+01:00"]
    )
    def test_impossible_times_are_only_unavailable(self, call: Call, buyer: User, home: Property, moment: str) -> None:
        answer = call(buyer, "POST", json={"property_id": home.id, "requested_time": moment, "duration_minutes": 480})
        assert (answer.status_code, answer.json["code"]) == (422, "slot_unavailable")
        assert [sorted(one) for one in answer.json["suggestions"]] == [["ends_at", "starts_at"]] * 3

    def test_a_taken_time_is_refused_with_suggestions(self, call: Call, buyer: User, home: Property) -> None:
        make_appointment(home, starts_at=noon())
        answer = call(buyer, "POST", json={"property_id": home.id, "requested_time": noon().isoformat()})
        assert (answer.status_code, answer.json["code"]) == (409, "slot_taken")
        assert answer.json["suggestions"][0]["starts_at"] == wire_moment(noon() + timedelta(minutes=30))

    def test_an_unknown_property_is_missing(self, call: Call, buyer: User) -> None:
        body = {"property_id": 2**31 - 1, "requested_time": noon().isoformat()}
        assert call(buyer, "POST", json=body).status_code == 404

    def test_nobody_without_a_token_and_no_agent_books(self, call: Call, agent: User, home: Property) -> None:
        body = {"property_id": home.id, "requested_time": noon().isoformat()}
        assert call(None, "POST", json=body).status_code == 401
        assert call(agent, "POST", json=body).status_code == 403
        assert call(make_user(Role.ADMIN), "POST", json=body).status_code == 403

    @pytest.mark.parametrize(("raw", "status"), [(b"", 400), (b"[]", 400), (b"null", 400), (b"{", 400)])
    def test_what_is_no_object_cannot_be_read(self, call: Call, buyer: User, raw: bytes, status: int) -> None:
        assert call(buyer, "POST", data=raw, content_type="application/json").status_code == status

    def test_a_property_that_is_not_there_is_404_before_other_values_are_refused(self, call: Call, buyer: User) -> None:
        body = {"property_id": make_property(listing_state="draft").id, "requested_time": "soon"}
        assert call(buyer, "POST", json=body).status_code == 404
        assert call(buyer, "POST", json={**body, "property_id": "x"}).status_code == 422


class TestGet:
    def test_one_sees_ones_own(self, call: Call, agent: User, buyer: User, home: Property) -> None:
        found = make_appointment(home, buyer)
        make_appointment()
        for user in (agent, buyer):
            answer = call(user, "GET", "?count=true")
            assert ([one["id"] for one in answer.json["result"]], answer.json["count"]) == ([found.id], 1)
            assert call(user, "GET", f"/{found.id}").json["result"]["id"] == found.id
        assert call(make_user(Role.STAFF), "GET", "?count=true").json["count"] == 2

    def test_a_foreign_one_reads_like_a_missing_one(self, call: Call, home: Property) -> None:
        found = make_appointment(home)
        for user in (make_user(), make_user(Role.AGENT)):
            foreign, missing = call(user, "GET", f"/{found.id}"), call(user, "GET", "/999999")
            assert (foreign.status_code, foreign.json["detail"]) == (404, missing.json["detail"])

    @pytest.mark.parametrize("number", ["x", "0", "-1", "99999999999999999999", "1.5", "%00"])
    def test_ids_that_are_none_are_missing(self, call: Call, buyer: User, number: str) -> None:
        assert call(buyer, "GET", f"/{number}").status_code == 404

    def test_pages_follow_one_another_in_every_order(self, call: Call, agent: User, home: Property) -> None:
        made = [make_appointment(home, starts_at=noon(days)).id for days in (4, 2, 3)]
        orders = {
            "newest": made[::-1],
            "scheduled_at": [made[1], made[2], made[0]],
            "-scheduled_at": [made[0], made[2], made[1]],
        }
        for sort, wanted in orders.items():
            seen, cursor = [], ""
            for _ in made:
                answer = call(agent, "GET", f"?limit=1&sort={sort}{cursor}").json
                seen += [one["id"] for one in answer["result"]]
                cursor = f"&cursor={answer['next_cursor']}"
            assert (seen, answer["next_cursor"]) == (wanted, None)

    def test_states_and_a_property_narrow_the_list(self, call: Call, agent: User, home: Property) -> None:
        first = make_appointment(home, starts_at=noon(2))
        second = make_appointment(make_property(agent), starts_at=noon(3), status="confirmed")
        third = make_appointment(home, starts_at=noon(4), status="canceled")

        def ids(query: str) -> set[int]:
            return {one["id"] for one in call(agent, "GET", query).json["result"]}

        assert ids("?status=pending,confirmed") == {first.id, second.id}
        assert ids("?status=pending&status=canceled") == {first.id, third.id}
        assert ids(f"?property_id={home.id}") == {first.id, third.id}

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("?status=lost", 422), ("?limit=0", 422), ("?limit=101", 422), ("?sort=price", 422), ("?x=1", 422),
            ("?cursor=x", 400), ("?q=(((", 400), ("?q=(filters:!((col:note,opr:ct,value:x)))", 400),
        ],
    )  # fmt: skip
    def test_bad_queries_are_refused(self, call: Call, buyer: User, query: str, status: int) -> None:
        assert call(buyer, "GET", query).status_code == status

    def test_the_generated_query_stays_within_ones_own_rows(self, call: Call, buyer: User, home: Property) -> None:
        found = make_appointment(home, buyer)
        make_appointment(status="confirmed")
        answer = call(buyer, "GET", "?q=(order_column:id,order_direction:desc)")
        assert answer.json["ids"] == [found.id]

    def test_a_list_is_a_fixed_number_of_statements(
        self, call: Call, agent: User, home: Property, statements: Any
    ) -> None:
        make_appointment(home, starts_at=noon(2))
        call(agent, "GET")
        before = statements(lambda: call(agent, "GET"))
        for days in range(3, 9):
            make_appointment(home, starts_at=noon(days))
        assert statements(lambda: call(agent, "GET")) == before

    def test_an_unchanged_one_is_not_sent_again(self, call: Call, buyer: User, home: Property) -> None:
        found = make_appointment(home, buyer)
        etag = call(buyer, "GET", f"/{found.id}").headers["ETag"]
        assert call(buyer, "GET", f"/{found.id}", headers={"If-None-Match": etag}).status_code == 304


class TestMoves:
    def test_the_agent_confirms_once_and_again(self, call: Call, agent: User, home: Property) -> None:
        found = make_appointment(home)
        for sent in ({"json": {}}, {}, {"json": {"decision": "confirm"}}):
            answer = call(agent, "PATCH", f"/{found.id}/confirm", **sent)
            assert (answer.status_code, answer.json["result"]["status"]) == (200, "confirmed")

    def test_confirm_can_decide_to_reject(self, call: Call, agent: User, home: Property) -> None:
        found = make_appointment(home)
        refused = call(agent, "PATCH", f"/{found.id}/confirm", json={"decision": "reject"})
        assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "reason")
        body = {"decision": "reject", "reason": "I am away."}
        for _ in range(2):
            answer = call(agent, "PATCH", f"/{found.id}/confirm", json=body)
            assert (answer.status_code, answer.json["result"]["status"]) == (200, "rejected")
        other = call(agent, "PATCH", f"/{found.id}/confirm", json={})
        assert (other.status_code, other.json["code"], other.json["from"]) == (409, "illegal_move", "rejected")

    @pytest.mark.parametrize("body", [{"decision": "maybe"}, {"reason": "x" * 501}, {"reason": ""}, {"status": "x"}])
    def test_bad_values_are_refused_before_the_state(
        self, call: Call, agent: User, home: Property, body: dict[str, Any]
    ) -> None:
        found = make_appointment(home, status="canceled")
        assert call(agent, "PATCH", f"/{found.id}/confirm", json=body).status_code == 422

    def test_whose_move_it_is_comes_before_what_was_sent(self, call: Call, buyer: User, home: Property) -> None:
        found = make_appointment(home, buyer)
        for verb in ("confirm", "reject", "complete", "no-show"):
            assert call(buyer, "PATCH", f"/{found.id}/{verb}", json={"x": 1}).status_code == 403
            assert call(make_user(Role.AGENT), "PATCH", f"/{found.id}/{verb}", json={"x": 1}).status_code == 404
            assert call(None, "PATCH", f"/{found.id}/{verb}", json={"x": 1}).status_code == 401

    def test_staff_act_with_a_reason(self, call: Call, home: Property) -> None:
        found, staff = make_appointment(home), make_user(Role.STAFF)
        assert call(staff, "PATCH", f"/{found.id}/confirm", json={}).json["errors"][0]["field"] == "reason"
        answer = call(staff, "PATCH", f"/{found.id}/confirm", json={"reason": "The agent is ill."})
        assert answer.json["result"]["status"] == "confirmed"

    def test_who_why_when_and_in_which_request_is_kept(self, call: Call, home: Property) -> None:
        found, staff = make_appointment(home), make_user(Role.STAFF)
        before = clock.now()
        call(staff, "PATCH", f"/{found.id}/confirm", json={"reason": " Ill. "}, headers={"X-Request-ID": "r-1"})
        row = History.query.filter_by(subject_type="appointments", subject_id=found.id, move="confirm").one()
        assert (row.from_state, row.to_state, row.actor_id, row.actor_role, row.reason, row.request_id) == (
            "pending", "confirmed", staff.id, "Staff", "Ill.", "r-1",
        )  # fmt: skip
        assert before <= row.at <= clock.now()

    def test_reject_complete_and_no_show_answer_the_viewing(self, call: Call, agent: User, home: Property) -> None:
        first, second = make_appointment(home, starts_at=noon(2)), make_appointment(home, starts_at=noon(3))
        missed = make_appointment(home, status="confirmed", starts_at=clock.now() - timedelta(hours=1))
        call(agent, "PATCH", f"/{second.id}/confirm")
        states = [
            call(agent, "PATCH", f"/{first.id}/reject", json={"reason": "No."}).json["result"]["status"],
            call(agent, "PATCH", f"/{second.id}/complete").json["result"]["status"],
            call(agent, "PATCH", f"/{missed.id}/no-show").json["result"]["status"],
        ]
        assert states == ["rejected", "completed", "no_show"]

    def test_either_side_reschedules_into_a_new_one(self, call: Call, buyer: User, home: Property) -> None:
        old = make_appointment(home, buyer)
        answer = call(buyer, "PATCH", f"/{old.id}/reschedule", json={"requested_time": noon(5).isoformat()})
        assert answer.status_code == 201
        assert answer.json["result"].items() >= {"replaces_id": old.id, "status": "pending"}.items()
        assert call(buyer, "GET", f"/{old.id}").json["result"]["status"] == "canceled"
        again = call(buyer, "PATCH", f"/{old.id}/reschedule", json={"requested_time": noon(6).isoformat()})
        assert (again.status_code, again.json["code"], again.json["from"]) == (409, "illegal_move", "canceled")

    def test_a_stale_etag_stops_a_move(self, call: Call, agent: User, home: Property) -> None:
        found = make_appointment(home)
        etag = call(agent, "GET", f"/{found.id}").headers["ETag"]
        fresh = call(agent, "PATCH", f"/{found.id}/confirm", headers={"If-Match": etag})
        assert fresh.status_code == 200
        stale = call(agent, "DELETE", f"/{found.id}", headers={"If-Match": etag})
        assert (stale.status_code, stale.json["code"]) == (412, "stale")
        current = {"If-Match": fresh.headers["ETag"]}
        assert call(agent, "DELETE", f"/{found.id}", headers=current).status_code == 200


class TestDelete:
    def test_a_cancellation_is_answered_and_can_be_repeated(self, call: Call, buyer: User, home: Property) -> None:
        found = make_appointment(home, buyer)
        for _ in range(2):
            answer = call(buyer, "DELETE", f"/{found.id}")
            assert (answer.status_code, answer.json["result"]["status"]) == (200, "canceled")

    def test_the_reason_comes_in_the_body_or_the_address(self, call: Call, home: Property) -> None:
        staff, first = make_user(Role.STAFF), make_appointment(home, starts_at=noon(2))
        second = make_appointment(home, starts_at=noon(3))
        assert call(staff, "DELETE", f"/{first.id}").status_code == 422
        assert call(staff, "DELETE", f"/{first.id}", json={"reason": "Asked by phone."}).status_code == 200
        assert call(staff, "DELETE", f"/{second.id}?reason=Asked+by+phone").status_code == 200

    def test_one_that_took_place_stays(self, call: Call, buyer: User, home: Property) -> None:
        found = make_appointment(home, buyer, status="completed")
        answer = call(buyer, "DELETE", f"/{found.id}")
        assert (answer.status_code, answer.json["code"], answer.json["from"]) == (409, "illegal_move", "completed")

    def test_one_that_has_begun_stays(self, call: Call, buyer: User, home: Property) -> None:
        found = make_appointment(home, buyer, status="confirmed", starts_at=clock.now() - timedelta(minutes=5))
        answer = call(buyer, "DELETE", f"/{found.id}")
        assert (answer.status_code, answer.json["code"]) == (409, "appointment_begun")

    def test_a_foreign_one_is_missing(self, call: Call, home: Property) -> None:
        assert call(make_user(), "DELETE", f"/{make_appointment(home).id}").status_code == 404
