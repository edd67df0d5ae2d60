from typing import Any

import pytest
from flask.testing import FlaskClient
from marshmallow import Schema

from sheda.core import clock
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.profiles.models import AgentProfile
from sheda.properties import schemas
from sheda.properties.models import Property, PropertyFee
from tests.factories import auth, make_property, make_user
from tests.properties.conftest import PROPERTIES, People


def fields_of(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer.get_json()["result"]
    return found


def faults_of(answer: Any) -> set[str]:
    assert answer.status_code == 422, answer.get_json()
    return {one["field"] for one in answer.get_json()["errors"]}


def names_of(schema: Schema) -> set[str]:
    return set(schema.fields)


class TestCreate:
    def test_the_answer_is_the_whole_listing_and_its_address(
        self, client: FlaskClient, people: People, terms: dict[str, Any]
    ) -> None:
        terms |= {
            "price": 1500000.5,
            "fees": [{"kind": "agency", "amount": "150000"}, {"kind": "other", "label": "Estate", "amount": 99.5}],
            "latitude": 6.5095,
            "longitude": 3.3711,
            "area_sqm": "85.50",
            "amenities": ["borehole"],
            "wifi": True,
        }
        answer = client.post(PROPERTIES, json=terms, headers=auth(people.agent))
        assert answer.status_code == 201
        body, found = answer.get_json(), fields_of(answer)
        assert set(body) == {"id", "result"}
        assert set(found) == names_of(schemas.PropertyFull())
        assert answer.headers["Location"] == f"/api/v1/properties/{body['id']}"
        assert (found["price"], found["currency"], found["total_move_in_cost"]) == ("1500000.50", "NGN", "1650100.00")
        assert found["fees"] == [
            {"kind": "agency", "label": None, "amount": "150000.00"},
            {"kind": "other", "label": "Estate", "amount": "99.50"},
        ]
        assert (found["status"], found["listing_state"], found["is_under_offer"]) == ("available", "published", False)
        assert (found["agent_id"], found["agent"]["id"]) == (people.agent.id, people.agent.id)
        assert (found["area_sqm"], found["wifi"], found["air_condition"]) == (85.5, True, False)
        assert (found["images"], found["cover_image"]) == ([], None)
        assert found["created_at"].endswith("Z")

    def test_the_same_key_creates_once(self, client: FlaskClient, people: People, terms: dict[str, Any]) -> None:
        headers = {**auth(people.agent), "Idempotency-Key": "mine"}
        first, again = (client.post(path, json=terms, headers=headers) for path in (PROPERTIES, f"{PROPERTIES}/"))
        assert again.get_json() == first.get_json()
        assert again.headers["Location"] == first.headers["Location"]
        other = client.post(PROPERTIES, json={**terms, "price": 5}, headers=headers)
        assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_mismatch")

    def test_only_agents_and_admins_may(self, client: FlaskClient, people: People, terms: dict[str, Any]) -> None:
        assert client.post(PROPERTIES, json=terms).status_code == 401
        for person in (people.client, people.staff):
            assert client.post(PROPERTIES, json=terms, headers=auth(person)).status_code == 403
        assert faults_of(client.post(PROPERTIES, json=terms, headers=auth(people.admin))) == {"agent_id"}
        named = client.post(PROPERTIES, json={**terms, "agent_id": people.agent.id}, headers=auth(people.admin))
        assert fields_of(named)["agent_id"] == people.agent.id
        own = client.post(PROPERTIES, json={**terms, "agent_id": people.agent.id}, headers=auth(people.agent))
        assert faults_of(own) == {"agent_id"}

    def test_all_missing_fields_are_named_at_once(self, client: FlaskClient, people: People) -> None:
        answer = client.post(PROPERTIES, json={}, headers=auth(people.agent))
        assert faults_of(answer) == {"title", "description", "price", "listing_type", "property_type", "location"}
        kinds = {"listing_type": "rent", "property_type": "shop", "bedroom": "two", "latitude": 6}
        answer = client.post(PROPERTIES, json=kinds, headers=auth(people.agent))
        wrong = {"title", "description", "price", "location", "period", "bedroom", "bathroom", "longitude"}
        assert faults_of(answer) == wrong
        assert len(answer.get_json()["errors"]) == len(wrong)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("title", "Too short"),
            ("title", "x" * 101),
            ("title", "Ten letters\u0000 and a NUL"),
            ("description", ""),
            ("price", 0),
            ("price", -1),
            ("price", "1.001"),
            ("price", "NaN"),
            ("price", 10**12 + 1),
            ("price", True),
            ("price", None),
            ("currency", "XAF"),
            ("listing_type", "lease"),
            ("period", "decade"),
            ("property_type", "castle"),
            ("location", " "),
            ("bedroom", -1),
            ("bedroom", 1.5),
            ("bedroom", 2**40),
            ("latitude", 90.1),
            ("longitude", "east"),
            ("latitude", 10**400),
            ("area_sqm", 0),
            ("area_sqm", "100000000.00"),
            ("furnished", "perhaps"),
            ("amenities", ["Swimming Pool"]),
            ("amenities", "wifi"),
            ("amenities", [f"a{number}" for number in range(51)]),
            ("country", "Nigeria"),
            ("status", "sold"),
            ("listing_state", "draft"),
            ("reference", "SHD-1"),
            ("total_move_in_cost", "1.00"),
        ],
    )
    def test_bad_values_are_422(
        self, client: FlaskClient, people: People, terms: dict[str, Any], field: str, value: Any
    ) -> None:
        found = faults_of(client.post(PROPERTIES, json={**terms, field: value}, headers=auth(people.agent)))
        assert {name.split(".")[0] for name in found} == {field}

    def test_bad_fees_are_named_by_their_place(
        self, client: FlaskClient, people: People, terms: dict[str, Any]
    ) -> None:
        fees = [{"kind": "agency", "amount": 5}, {"kind": "bribe", "amount": -1, "for": "x"}]
        answer = client.post(PROPERTIES, json={**terms, "fees": fees}, headers=auth(people.agent))
        assert faults_of(answer) == {"fees.1.kind", "fees.1.amount", "fees.1.for"}

    @pytest.mark.parametrize("body", ["{", "[]", "null", "", "5"])
    def test_what_is_no_object_is_400(self, client: FlaskClient, people: People, body: str) -> None:
        headers = {**auth(people.agent), "Content-Type": "application/json"}
        assert client.post(PROPERTIES, data=body, headers=headers).status_code == 400

    def test_the_largest_price_with_fees_has_a_total(
        self, client: FlaskClient, people: People, terms: dict[str, Any]
    ) -> None:
        terms |= {"price": 10**12, "fees": [{"kind": "agency", "amount": 10**12}] * 20}
        answer = client.post(PROPERTIES, json=terms, headers=auth(people.agent))
        assert fields_of(answer)["total_move_in_cost"] == "21000000000000.00"


class TestRead:
    def test_everybody_reads_what_is_published(self, client: FlaskClient, people: People) -> None:
        home = make_property(people.agent)
        for headers in ({}, auth(people.client), auth(people.other)):
            assert fields_of(client.get(f"{PROPERTIES}/{home.id}", headers=headers))["id"] == home.id

    @pytest.mark.parametrize("state", ["draft", "paused", "archived"])
    def test_what_is_not_published_is_its_owners_and_the_offices(
        self, client: FlaskClient, people: People, state: str
    ) -> None:
        url = f"{PROPERTIES}/{make_property(people.agent, listing_state=state).id}"
        for headers in ({}, auth(people.client), auth(people.other)):
            assert client.get(url, headers=headers).status_code == 404
        for person in (people.agent, people.staff, people.admin):
            assert fields_of(client.get(url, headers=auth(person)))["listing_state"] == state

    def test_an_etag_saves_the_second_reading(self, client: FlaskClient, people: People) -> None:
        url = f"{PROPERTIES}/{make_property(people.agent).id}"
        first = client.get(url)
        again = client.get(url, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")

    @pytest.mark.parametrize("pk", ["0", "999999", "99999999999999999999", "x", "-1", "1.5", "%00", "１"])
    def test_ids_of_nothing_are_404(self, client: FlaskClient, pk: str) -> None:
        answer = client.get(f"{PROPERTIES}/{pk}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")

    def test_a_dead_token_is_401_here_too(self, client: FlaskClient, people: People) -> None:
        url = f"{PROPERTIES}/{make_property(people.agent).id}"
        assert client.get(url, headers={"Authorization": "Bearer nonsense"}).status_code == 401

    def test_both_path_forms_answer(self, client: FlaskClient, people: People) -> None:
        home = make_property(people.agent)
        assert client.get(f"/properties/{home.id}/").get_json() == client.get(f"{PROPERTIES}/{home.id}").get_json()


class TestUpdate:
    @pytest.mark.parametrize("method", ["patch", "put"])
    def test_any_subset_is_taken(self, client: FlaskClient, people: People, method: str) -> None:
        url = f"{PROPERTIES}/{make_property(people.agent).id}"
        before = client.get(url, headers=auth(people.agent)).headers["ETag"]
        answer = getattr(client, method)(url, json={"city": "Yaba", "bathroom": 3}, headers=auth(people.agent))
        assert answer.status_code == 200
        assert (fields_of(answer)["city"], fields_of(answer)["bathroom"]) == ("Yaba", 3)
        assert answer.headers["ETag"] != before
        assert answer.headers["ETag"] == client.get(url, headers=auth(people.agent)).headers["ETag"]

    def test_what_one_did_not_send_stays(self, client: FlaskClient, people: People) -> None:
        home = make_property(people.agent, wifi=True, amenities=["gym"], city="Yaba")
        db.session.add(PropertyFee(property_id=home.id, kind="legal", amount=5))
        answer = client.patch(f"{PROPERTIES}/{home.id}", json={"lga": "Surulere"}, headers=auth(people.agent))
        found = fields_of(answer)
        assert (found["wifi"], found["amenities"], found["city"], len(found["fees"])) == (True, ["gym"], "Yaba", 1)

    def test_a_stale_reader_is_412(self, client: FlaskClient, people: People) -> None:
        url, headers = f"{PROPERTIES}/{make_property(people.agent).id}", auth(people.agent)
        etag = client.get(url, headers=headers).headers["ETag"]
        fresh = client.patch(url, json={"city": "Ikeja"}, headers={**headers, "If-Match": etag})
        assert fresh.status_code == 200
        stale = client.patch(url, json={"city": "Lekki"}, headers={**headers, "If-Match": etag})
        assert (stale.status_code, stale.get_json()["code"]) == (412, "stale")
        gone = client.delete(url, headers={**headers, "If-Match": etag})
        assert gone.status_code == 412
        assert client.delete(url, headers={**headers, "If-Match": fresh.headers["ETag"]}).status_code == 204

    def test_who_may(self, client: FlaskClient, people: People) -> None:
        url, body = f"{PROPERTIES}/{make_property(people.agent).id}", {"city": "Ikeja"}
        assert client.patch(url, json=body).status_code == 401
        assert client.patch(url, json=body, headers=auth(people.client)).status_code == 403
        assert client.patch(url, json=body, headers=auth(people.other)).status_code == 403
        for person in (people.agent, people.staff, people.admin):
            assert client.patch(url, json=body, headers=auth(person)).status_code == 200

    def test_a_foreign_draft_is_not_there(self, client: FlaskClient, people: People) -> None:
        url = f"{PROPERTIES}/{make_property(people.agent, listing_state='draft').id}"
        assert client.patch(url, json={"city": "Ikeja"}, headers=auth(people.other)).status_code == 404

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "body"),
            ({"title": None}, "title"),
            ({"bedroom": None}, "bedroom"),
            ({"agent_id": 5}, "agent_id"),
            ({"status": "sold"}, "status"),
            ({"listing_type": "lease"}, "listing_type"),
        ],
    )
    def test_bad_values_are_422(self, client: FlaskClient, people: People, body: dict[str, Any], field: str) -> None:
        url = f"{PROPERTIES}/{make_property(people.agent).id}"
        assert faults_of(client.patch(url, json=body, headers=auth(people.agent))) == {field}

    def test_rights_are_asked_before_values(self, client: FlaskClient, people: People) -> None:
        url = f"{PROPERTIES}/{make_property(people.agent).id}"
        assert client.patch(url, json={"price": -1}, headers=auth(people.other)).status_code == 403

    def test_no_body_is_400(self, client: FlaskClient, people: People) -> None:
        url = f"{PROPERTIES}/{make_property(people.agent).id}"
        assert client.patch(url, headers=auth(people.agent)).status_code == 400


class TestMoves:
    def test_pause_publish_and_archive(self, client: FlaskClient, people: People) -> None:
        home = make_property(people.agent)
        url, headers = f"{PROPERTIES}/{home.id}", auth(people.agent)
        assert fields_of(client.post(f"{url}/pause", headers=headers))["listing_state"] == "paused"
        assert fields_of(client.post(f"{url}/pause", json={}, headers=headers))["listing_state"] == "paused"
        assert client.get(url).status_code == 404
        assert fields_of(client.post(f"{url}/publish", headers=headers))["listing_state"] == "published"
        assert (client.delete(url, headers=headers).status_code, client.delete(url, headers=headers).status_code) == (
            204,
            404,
        )
        assert db.session.get_one(Property, home.id).listing_state == "archived"
        again = client.post(f"{url}/publish", headers=headers)
        assert (again.status_code, again.get_json()["code"], again.get_json()["from"]) == (
            409,
            "illegal_move",
            "archived",
        )

    def test_the_office_gives_reasons(self, client: FlaskClient, people: People) -> None:
        url, headers = f"{PROPERTIES}/{make_property(people.agent).id}", auth(people.staff)
        reason = {"reason": "The photos are another flat's."}
        assert faults_of(client.post(f"{url}/pause", headers=headers)) == {"reason"}
        assert client.post(f"{url}/pause", json=reason, headers=headers).status_code == 200
        assert faults_of(client.post(f"{url}/publish", json={"reason": "x" * 501}, headers=headers)) == {"reason"}
        assert faults_of(client.delete(url, headers=headers)) == {"reason"}
        assert client.delete(url, json=reason, headers=headers).status_code == 204

    @pytest.mark.parametrize("path", ["publish", "pause"])
    def test_others_may_not(self, client: FlaskClient, people: People, path: str) -> None:
        url = f"{PROPERTIES}/{make_property(people.agent).id}"
        assert client.post(f"{url}/{path}").status_code == 401
        assert client.post(f"{url}/{path}", headers=auth(people.client)).status_code == 403
        assert client.post(f"{url}/{path}", headers=auth(people.other)).status_code == 403
        assert client.delete(url, headers=auth(people.other)).status_code == 403
        draft = f"{PROPERTIES}/{make_property(people.agent, listing_state='draft').id}"
        assert client.post(f"{draft}/{path}", headers=auth(people.other)).status_code == 404
        assert client.delete(draft, headers=auth(people.other)).status_code == 404


class TestAgentCard:
    def test_it_says_who_but_not_how_to_call(self, client: FlaskClient, people: People) -> None:
        profile = db.session.query(AgentProfile).filter_by(user_id=people.agent.id).one()
        profile.agency_name, profile.bio, profile.updated_at = "Obi Homes", "Since 2009.", clock.now()
        people.agent.phone = "+2348012345678"
        make_property(people.agent)
        make_property(people.agent, listing_state="draft")
        answer = client.get(f"/api/v1/agents/{people.agent.id}")
        found = fields_of(answer)
        assert set(found) == names_of(schemas.AgentCard())
        assert (found["name"], found["agency_name"], found["listings"]) == (
            f"Agent {people.agent.last_name}",
            "Obi Homes",
            1,
        )
        text = answer.get_data(as_text=True)
        assert people.agent.email not in text
        assert "8012345678" not in text

    @pytest.mark.parametrize("who", ["client", "staff", "inactive", "missing"])
    def test_only_active_agents_have_one(self, client: FlaskClient, people: People, who: str) -> None:
        ids = {
            "client": people.client.id,
            "staff": people.staff.id,
            "inactive": make_user(Role.AGENT, active=False).id,
            "missing": 2**31 - 1,
        }
        assert client.get(f"/api/v1/agents/{ids[who]}").status_code == 404

    def test_a_nameless_agent_is_not_called_by_his_address(self, client: FlaskClient) -> None:
        agent = make_user(Role.AGENT, first_name="", last_name="")
        assert fields_of(client.get(f"/api/v1/agents/{agent.id}"))["name"] == f"Agent {agent.id}"
