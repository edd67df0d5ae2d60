import pytest
from sqlalchemy import func, select

from sheda.accounts.models import User
from sheda.core.outbox import Outbox
from sheda.profiles.models import AgentProfile, ClientProfile
from tests.factories import make_user

GOOD = {"email": "ada@example.com", "password": "a lovely long one"}


def register(client, **over):
    return client.post("/auth/register", json={**GOOD, **over})


def count_users(db_session):
    return db_session.scalar(select(func.count()).select_from(User))


class TestRegister:
    def test_a_client_joins_and_reads_himself(self, client):
        answer = register(client, username="Ada", first_name="Ada", last_name="Obi", phone="0803 123 4567")
        assert answer.status_code == 201
        assert answer.json["result"] == {
            "id": answer.json["id"],
            "email": "ada@example.com",
            "username": "Ada",
            "role": "client",
            "first_name": "Ada",
            "last_name": "Obi",
            "phone": "+2348031234567",
            "verified": False,
        }

    def test_the_password_is_kept_as_a_hash(self, client, db_session):
        register(client)
        stored = db_session.scalar(select(User.password).where(User.email == GOOD["email"]))
        assert GOOD["password"] not in stored

    def test_a_client_has_a_clients_profile(self, client, db_session):
        user_id = register(client).json["id"]
        assert db_session.scalar(select(ClientProfile).where(ClientProfile.user_id == user_id)) is not None

    def test_an_agent_joins_with_his_agency(self, client, db_session):
        answer = register(client, role="agent", agency_name="Obi Homes")
        assert answer.json["result"]["role"] == "agent"
        profile = db_session.scalar(select(AgentProfile).where(AgentProfile.user_id == answer.json["id"]))
        assert profile.agency_name == "Obi Homes"

    def test_a_form_is_taken_too_and_its_empty_fields_count_as_none(self, client):
        answer = client.post("/auth/register/", data={**GOOD, "phone": "", "username": "", "agency_name": ""})
        assert answer.status_code == 201
        assert answer.json["result"]["phone"] is None

    def test_a_verification_code_is_mailed(self, client, db_session):
        user_id = register(client).json["id"]
        row = db_session.scalars(select(Outbox).where(Outbox.user_id == user_id)).one()
        assert (row.template, row.context["purpose"]) == ("code", "verify_email")

    @pytest.mark.parametrize("role", ["admin", "staff", "Agent", "", None])
    def test_nobody_makes_himself_staff(self, client, role):
        answer = register(client, role=role)
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "role"

    @pytest.mark.parametrize("password", ["seven77", "x" * 129, "Password123", "ADA@example.com", "", 12345678, None])
    def test_a_password_must_be_long_uncommon_and_not_the_address(self, client, password):
        answer = register(client, password=password)
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "password"

    @pytest.mark.parametrize("password", ["x7f!kq2 ", "y" * 128, "ünïcödé wörds"])
    def test_eight_to_128_characters_of_any_kind_are_taken(self, client, password):
        assert register(client, password=password).status_code == 201
        login = client.post("/auth/login", json={"email": GOOD["email"], "password": password})
        assert login.status_code == 200

    @pytest.mark.parametrize(
        "email",
        ["", "ada", "ada@", "@example.com", "ada@localhost", "a da@example.com", "a..b@x.ng", "a\n@x.ng", "ä@x.ng", 7],
    )
    def test_an_address_must_be_one(self, client, email):
        answer = register(client, email=email)
        assert answer.status_code == 422
        assert {one["field"] for one in answer.json["errors"]} == {"email"}

    @pytest.mark.parametrize("username", ["ab", "x" * 31, "ada@home", "a\nb c"])
    def test_a_user_name_has_3_to_30_characters_and_no_at(self, client, username):
        assert register(client, username=username).json["errors"][0]["field"] == "username"

    @pytest.mark.parametrize("phone", ["123", "abc", "+1", "080312345678901234"])
    def test_a_telephone_number_must_be_one(self, client, phone):
        assert register(client, phone=phone).json["errors"][0]["field"] == "phone"

    @pytest.mark.parametrize("name", ["is_active", "verified", "kyc_status", "rating", "id", "status"])
    def test_unknown_and_read_only_fields_are_refused(self, client, name):
        answer = register(client, **{name: True})
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == name

    def test_all_faults_are_named_at_once(self, client):
        answer = register(client, email="x", phone="1", surprise=1, first_name="\u0000")
        assert {one["field"] for one in answer.json["errors"]} == {"email", "phone", "surprise", "first_name"}

    def test_a_client_has_no_agency(self, client):
        assert register(client, agency_name="Obi Homes").json["errors"][0]["field"] == "agency_name"

    def test_an_address_is_taken_whatever_its_case(self, client):
        make_user(email="Ada@Example.com")
        answer = register(client)
        assert (answer.status_code, answer.json["code"]) == (409, "email_taken")

    def test_a_user_name_is_taken_whatever_its_case(self, client):
        make_user(username="THE_ada")
        answer = register(client, username="the_Ada")
        assert (answer.status_code, answer.json["code"]) == (409, "username_taken")

    def test_a_telephone_number_is_taken(self, client):
        make_user(phone="+2348031234567")
        answer = register(client, phone="08031234567")
        assert (answer.status_code, answer.json["code"]) == (409, "phone_taken")

    def test_a_user_name_is_made_from_the_address_when_none_is_chosen(self, client):
        assert register(client).json["result"]["username"] == "ada"
        second = register(client, email="ada@example.org").json["result"]["username"]
        assert second.startswith("ada")
        assert second != "ada"

    def test_a_retry_with_the_same_key_gives_the_first_answer(self, client, db_session):
        before = count_users(db_session)
        first, second = (client.post("/auth/register", json=GOOD, headers={"Idempotency-Key": "k1"}) for _ in range(2))
        assert (second.status_code, second.json) == (201, first.json)
        assert second.headers["Idempotency-Replayed"] == "true"
        assert count_users(db_session) == before + 1

    def test_the_same_key_with_another_body_is_refused(self, client):
        client.post("/auth/register", json=GOOD, headers={"Idempotency-Key": "k1"})
        answer = client.post("/auth/register", json={**GOOD, "first_name": "Ada"}, headers={"Idempotency-Key": "k1"})
        assert (answer.status_code, answer.json["code"]) == (422, "idempotency_mismatch")

    @pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'"x"', b'{"email": NaN}'])
    def test_what_is_no_json_object_is_400(self, client, body):
        assert client.post("/auth/register", data=body, content_type="application/json").status_code == 400

    def test_other_media_are_415(self, client):
        assert client.post("/auth/register", data="<x/>", content_type="text/xml").status_code == 415

    def test_other_methods_are_405(self, client):
        assert client.get("/auth/register").status_code == 405

    def test_the_31st_in_an_hour_from_one_address_waits(self, client, limited):
        for number in range(30):
            assert register(client, email=f"ada{number}@example.com").status_code == 201
        answer = register(client, email="ada30@example.com")
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0

    def test_an_answer_tells_what_is_left(self, client, limited):
        assert register(client).headers["RateLimit-Limit"] == "30"
