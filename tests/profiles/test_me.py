import io
import json

import pytest
from PIL import Image
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from sheda.accounts.models import User
from sheda.core import files
from sheda.core.actor import Role
from sheda.core.outbox import Outbox, post_mail
from sheda.core.states import History
from sheda.profiles import services
from sheda.profiles.models import BankAccount, Profile
from tests.factories import PASSWORD, auth, make_bank_account, make_contract, make_payment, make_user

NEW = "quite another password"


@pytest.fixture
def ada(db_session):
    return make_user()


def read(client, user):
    return client.get("/users/me", headers=auth(user))


def change(client, user, **body):
    return client.patch("/users/me", json=body, headers=auth(user))


class TestRead:
    def test_a_client_sees_a_clients_profile(self, client, ada):
        result = read(client, ada).json["result"]
        assert result["email"] == ada.email
        assert (result["role"], result["verified"], result["picture"]) == ("client", True, None)
        assert {"budget", "budget_currency", "preferred_areas"} <= set(result)
        assert not {"agency_name", "bio", "licence_number", "hours", "password"} & set(result)

    def test_an_agent_sees_an_agents_profile_with_his_hours(self, client, agent):
        result = read(client, agent).json["result"]
        assert {"agency_name", "bio", "licence_number", "rating", "hours"} <= set(result)
        assert "budget" not in result

    @pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN])
    def test_the_office_sees_itself_too(self, client, role):
        assert read(client, make_user(role)).json["result"]["role"] == role.value.lower()

    def test_the_address_works_under_its_prefix_and_with_a_slash(self, client, ada):
        for path in ("/api/v1/users/me", "/users/me/"):
            assert client.get(path, headers=auth(ada)).json["id"] == ada.id

    def test_without_a_token_it_is_401(self, client):
        assert client.get("/users/me").status_code == 401

    def test_an_unchanged_one_is_304(self, client, ada):
        headers = auth(ada)
        etag = client.get("/users/me", headers=headers).headers["ETag"]
        assert client.get("/users/me", headers={**headers, "If-None-Match": etag}).status_code == 304


class TestChange:
    def test_what_is_sent_changes_and_the_rest_stays(self, client, ada):
        answer = change(client, ada, first_name=" Ada ", phone="0803 123 4567")
        assert answer.status_code == 200
        assert (answer.json["result"]["first_name"], answer.json["result"]["phone"]) == ("Ada", "+2348031234567")
        assert answer.json["result"]["last_name"] == ada.last_name
        assert read(client, ada).json["result"] == answer.json["result"]

    def test_a_client_says_what_he_looks_for(self, client, ada):
        result = change(client, ada, budget="1000000000000", preferred_areas=["Lekki", "Yaba"]).json["result"]
        assert (result["budget"], result["budget_currency"]) == ("1000000000000.00", "NGN")
        assert result["preferred_areas"] == ["Lekki", "Yaba"]
        result = change(client, ada, budget=None).json["result"]
        assert (result["budget"], result["budget_currency"]) == (None, None)

    def test_an_agent_says_who_he_is(self, client, agent):
        sent = {"agency_name": "Obi Homes", "bio": "Two lines.\nOr so.", "licence_number": "LASRERA/1"}
        result = change(client, agent, **sent).json["result"]
        assert {name: result[name] for name in sent} == sent

    def test_an_agent_gives_his_week(self, client, agent):
        week = [{"weekday": 0, "start_time": "09:00", "end_time": "17:00"}]
        assert change(client, agent, hours=week).json["result"]["hours"] == week
        assert change(client, agent, hours=[]).json["result"]["hours"] == []

    @pytest.mark.parametrize(
        ("role", "body"),
        [
            (Role.CLIENT, {"agency_name": "x"}),
            (Role.CLIENT, {"hours": []}),
            (Role.AGENT, {"budget": "1"}),
            (Role.STAFF, {"bio": "x"}),
        ],
    )
    def test_another_roles_fields_are_422(self, client, role, body):
        answer = change(client, make_user(role), **body)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, next(iter(body)))

    @pytest.mark.parametrize(
        "name",
        ["email", "role", "verified", "is_active", "rating", "kyc_status", "username", "id", "picture", "password"],
    )
    def test_what_is_not_writable_is_422(self, client, agent, name):
        answer = change(client, agent, **{name: "x"})
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, name)

    @pytest.mark.parametrize(
        "body",
        [
            {"first_name": None},
            {"first_name": "x" * 65},
            {"last_name": "a\nb"},
            {"phone": "123"},
            {"time_zone": "Mars/Olympus"},
            {"budget": "0"},
            {"budget": "1.001"},
            {"budget_currency": "XXX"},
            {"preferred_areas": ["\x00"]},
            {"preferred_areas": ["x"] * 21},
            {"preferred_areas": "Lekki"},
        ],
    )
    def test_bad_values_are_422(self, client, ada, body):
        answer = change(client, ada, **body)
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"].split(".")[0] == next(iter(body))

    def test_anothers_telephone_number_is_409(self, client, ada):
        make_user(phone="+2348031234567")
        answer = change(client, ada, phone="08031234567")
        assert (answer.status_code, answer.json["code"]) == (409, "phone_taken")

    def test_a_stale_change_is_412(self, client, ada):
        headers = auth(ada)
        etag = client.get("/users/me", headers=headers).headers["ETag"]
        first = client.patch("/users/me", json={"first_name": "A"}, headers={**headers, "If-Match": etag})
        assert first.status_code == 200
        second = client.patch("/users/me", json={"first_name": "B"}, headers={**headers, "If-Match": etag})
        assert (second.status_code, second.json["code"]) == (412, "stale")
        fresh = {**headers, "If-Match": first.headers["ETag"]}
        assert client.patch("/users/me", json={"first_name": "B"}, headers=fresh).status_code == 200


class TestPassword:
    def send(self, client, headers, current=PASSWORD, new=NEW):
        return client.post(
            "/users/me/password", json={"current_password": current, "new_password": new}, headers=headers
        )

    def test_new_tokens_come_and_all_other_sessions_end(self, client, ada):
        headers, other = auth(ada), auth(ada)
        answer = self.send(client, headers)
        assert answer.status_code == 200
        assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_in"}
        for dead in (headers, other):
            assert client.get("/users/me", headers=dead).status_code == 401
        alive = {"Authorization": f"Bearer {answer.json['access_token']}"}
        assert client.get("/users/me", headers=alive).status_code == 200
        assert client.post("/auth/login", json={"email": ada.email, "password": NEW}).status_code == 200

    def test_a_wrong_present_password_changes_nothing(self, client, ada):
        answer = self.send(client, auth(ada), current="not this")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "current_password")
        assert client.post("/auth/login", json={"email": ada.email, "password": PASSWORD}).status_code == 200

    @pytest.mark.parametrize("new", ["short", "password123", "x" * 129])
    def test_the_new_one_must_be_good(self, client, ada, new):
        answer = self.send(client, auth(ada), new=new)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "new_password")

    def test_it_is_written_down_without_the_password(self, client, ada, db_session):
        self.send(client, auth(ada))
        row = db_session.scalars(select(History).where(History.move == "change_password")).one()
        assert (row.actor_id, row.details) == (ada.id, {})


def picture(size=(640, 480), kind="PNG"):
    buffer = io.BytesIO()
    Image.new("RGB", size, "teal").save(buffer, kind)
    return buffer.getvalue()


class TestPicture:
    def put(self, client, user, data=None, name="file"):
        stream = io.BytesIO(data if data is not None else picture())
        sent = {name: FileStorage(stream, filename="../../me.png", content_type="image/png")}
        boundary, body = encode_multipart(sent)
        kind = f"multipart/form-data; boundary={boundary}"
        return client.put("/users/me/picture", data=body, content_type=kind, headers=auth(user))

    def test_it_is_shown_as_webp(self, client, ada):
        answer = self.put(client, ada)
        assert answer.status_code == 200
        url = answer.json["result"]["picture"]
        profile = services.profile_of(ada.id)
        assert url == files.url(files.rendition_key(profile.picture_key, "thumb"))
        data = files.get(files.rendition_key(profile.picture_key, "thumb"))
        assert Image.open(io.BytesIO(data)).size == (320, 240)
        assert Image.open(io.BytesIO(data)).format == "WEBP"

    def test_a_new_one_takes_the_place_of_the_old(self, client, ada, db_session):
        self.put(client, ada)
        old = services.profile_of(ada.id).picture_key
        self.put(client, ada)
        db_session.expire_all()
        assert services.profile_of(ada.id).picture_key != old
        with pytest.raises(files.NotFound):
            files.get(files.rendition_key(old, "thumb"))

    def test_it_can_be_removed_again_and_again(self, client, ada):
        self.put(client, ada)
        for _ in range(2):
            assert client.delete("/users/me/picture", headers=auth(ada)).status_code == 204
        assert read(client, ada).json["result"]["picture"] is None

    @pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg/>", picture()[:200]])
    def test_what_is_no_picture_is_422(self, client, ada, data):
        answer = self.put(client, ada, data)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "file")

    def test_a_file_under_another_name_is_422(self, client, ada):
        assert self.put(client, ada, name="picture").json["errors"][0]["field"] == "file"

    def test_one_over_12_mb_is_413(self, client, ada):
        assert self.put(client, ada, b"\0" * (12 * 2**20 + 1)).status_code == 413

    def test_what_is_no_upload_is_415(self, client, ada):
        assert client.put("/users/me/picture", json={}, headers=auth(ada)).status_code == 415


class TestDelete:
    def delete(self, client, user):
        return client.delete("/users/me", headers=auth(user))

    def test_nothing_personal_is_left(self, client, db_session, agent):
        account, email = make_bank_account(agent), agent.email
        change(client, agent, agency_name="Obi Homes", bio="Me", phone="08031234567")
        answer = self.delete(client, agent)
        assert (answer.status_code, answer.data) == (204, b"")
        db_session.expire_all()
        gone = db_session.get(User, agent.id)
        assert (gone.active, gone.phone, gone.password) == (False, None, None)
        assert email.split("@")[0] not in f"{gone.email} {gone.username}"
        assert gone.get_full_name() == "Deleted account"
        profile = db_session.scalars(select(Profile).where(Profile.user_id == gone.id)).one()
        assert (profile.agency_name, profile.bio) == (None, None)
        assert db_session.get(BankAccount, account.id).removed_at is not None

    def test_sessions_end_and_nobody_signs_in(self, client, ada):
        headers, email = auth(ada), ada.email
        self.delete(client, ada)
        assert client.get("/users/me", headers=headers).status_code == 401
        assert client.post("/auth/login", json={"email": email, "password": PASSWORD}).status_code == 401

    def test_the_address_is_free_again(self, client, ada):
        body = {"email": ada.email, "username": ada.username, "password": PASSWORD}
        self.delete(client, ada)
        assert client.post("/auth/register", json=body).status_code == 201

    def test_unsent_mail_is_not_sent(self, client, ada, db_session):
        post_mail(ada.id, "code", key="k")
        self.delete(client, ada)
        assert db_session.scalars(select(Outbox)).one().dead_at is not None

    def test_an_open_payment_holds_its_people(self, client, db_session):
        payment = make_payment()
        for user_id in (payment.client_id, payment.agent_id):
            answer = self.delete(client, db_session.get(User, user_id))
            assert (answer.status_code, answer.json["code"]) == (409, "payment_open")

    def test_a_live_contract_holds_its_people(self, client, db_session):
        contract = make_contract()
        for user_id in (contract.client_id, contract.agent_id):
            assert self.delete(client, db_session.get(User, user_id)).status_code == 409
            assert db_session.get(User, user_id).active

    def test_the_last_admin_stays(self, client):
        answer = self.delete(client, make_user(Role.ADMIN))
        assert (answer.status_code, answer.json["code"]) == (409, "last_admin")


class TestExport:
    def test_everything_of_ones_own_comes_and_nothing_of_others(self, client, agent):
        mine, other = make_bank_account(agent), make_bank_account(make_user(Role.AGENT))
        answer = client.get("/users/me/export", headers=auth(agent))
        assert answer.headers["Content-Disposition"] == 'attachment; filename="sheda-export.json"'
        result = answer.json["result"]
        assert result["profile"]["email"] == agent.email
        assert [one["account_number"] for one in result["bank_accounts"]] == [mine.account_number]
        assert other.account_number not in answer.text

    def test_deals_and_messages_are_in_it_for_their_people_only(self, client, db_session):
        contract = make_contract()
        for user_id, expected in ((contract.client_id, [contract.id]), (make_user().id, [])):
            result = client.get("/users/me/export", headers=auth(db_session.get(User, user_id))).json["result"]
            assert [one["id"] for one in result["contracts"]] == expected
            assert {"properties", "payments", "messages", "notifications", "appointments"} <= set(result)

    def test_no_secret_is_in_it(self, client, ada):
        text = json.dumps(client.get("/users/me/export", headers=auth(ada)).json)
        assert "pbkdf2" not in text
        assert "session_version" not in text


class TestServices:
    def test_the_time_zone_is_lagos_until_told_otherwise(self, client, agent, db_session):
        assert services.time_zone_of(agent.id).key == "Africa/Lagos"
        change(client, agent, time_zone="Europe/London")
        db_session.expire_all()
        assert services.time_zone_of(agent.id).key == "Europe/London"
