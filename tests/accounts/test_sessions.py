import uuid
from datetime import timedelta

import pytest
from flask_jwt_extended import create_access_token, decode_token
from sqlalchemy import select

from sheda.accounts.models import RefreshFamily, User
from sheda.core.actor import Role
from tests.factories import PASSWORD, auth, make_user, token_for


def login(client, user, password=PASSWORD, **body):
    return client.post("/auth/login", json={**(body or {"email": user.email}), "password": password})


def me(client, token):
    return client.get("/users/me", headers={"Authorization": f"Bearer {token}"}).status_code


def refresh(client, token):
    return client.post("/auth/refresh", headers={"Authorization": f"Bearer {token}"})


class TestLogin:
    def test_tokens_and_the_person_come_flat(self, client):
        user = make_user(Role.AGENT)
        answer = login(client, user)
        assert answer.status_code == 200
        assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
        assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)
        assert answer.json["user"]["role"] == "agent"
        assert me(client, answer.json["access_token"]) == 200

    def test_a_token_names_its_family_and_version(self, client):
        claims = decode_token(login(client, make_user()).json["access_token"])
        assert uuid.UUID(claims["fam"])
        assert claims["ver"] == 0

    @pytest.mark.parametrize(
        "body",
        [
            {"username": "ADA_obi"},
            {"username": "Ada@Example.COM"},
            {"username": "0803 123 4567"},
            {"email": "ada@EXAMPLE.com"},
            {"phone": "+2348031234567"},
        ],
    )
    def test_any_of_the_three_names_opens_whatever_its_case(self, client, body):
        user = make_user(username="Ada_Obi", email="ada@example.com", phone="+2348031234567")
        assert login(client, user, **body).json["user"]["id"] == user.id

    def test_a_form_is_taken_too(self, client):
        user = make_user()
        answer = client.post("/api/v1/auth/login", data={"username": user.username, "password": PASSWORD})
        assert answer.status_code == 200

    def test_a_user_name_that_reads_as_anothers_number_is_its_owners(self, client):
        owner = make_user(username="08031234567")
        make_user(phone="+2348031234567")
        assert login(client, owner, username="08031234567").json["user"]["id"] == owner.id

    def test_a_wrong_password_and_an_unknown_name_answer_the_same(self, client):
        wrong, unknown = login(client, make_user(), "not this"), login(client, None, email="nobody@example.com")
        assert (wrong.status_code, wrong.json["code"]) == (401, "invalid_credentials")
        assert unknown.status_code == 401
        for answer in (wrong, unknown):
            answer.json.pop("request_id")
        assert {**wrong.json, "request_id": 0} == {**unknown.json, "request_id": 0}

    def test_an_unknown_name_costs_a_hash_too(self, client, monkeypatch):
        from sheda.accounts import passwords

        checked = []
        monkeypatch.setattr(passwords, "check_password_hash", lambda stored, given: checked.append(stored) or False)
        login(client, make_user(), "not this")
        login(client, None, email="nobody@example.com")
        assert [stored.split("$")[0] for stored in checked] == ["pbkdf2:sha256:1"] * 2

    def test_a_disabled_account_is_named_only_to_who_knows_the_password(self, client):
        user = make_user(active=False)
        assert login(client, user, "not this").json["code"] == "invalid_credentials"
        answer = login(client, user)
        assert (answer.status_code, answer.json["code"]) == (403, "account_disabled")

    def test_an_unverified_address_is_refused_only_where_that_is_asked(self, app, client, monkeypatch):
        user = make_user(verified_at=None)
        assert login(client, user).status_code == 200
        monkeypatch.setitem(app.config, "REQUIRE_VERIFIED_EMAIL", True)
        answer = login(client, user)
        assert (answer.status_code, answer.json["code"]) == (403, "email_unverified")

    @pytest.mark.parametrize(
        "body",
        [
            {"password": "x"},
            {"email": "a@x.ng"},
            {"email": "a@x.ng", "username": "b", "password": "x"},
            {"email": 7, "password": "x"},
            {"email": "a\u0000", "password": "x"},
            {"email": "a\ud800", "password": "x"},
        ],
    )
    def test_values_that_are_no_sign_in_are_422(self, client, body):
        assert client.post("/auth/login", json=body).status_code == 422


class TestLoginLimits:
    def test_the_11th_failure_on_an_account_waits_under_any_of_its_names(self, client, limited):
        user = make_user()
        for number in range(10):
            body = {"email": user.email.upper()} if number % 2 else {"username": user.username}
            assert login(client, user, "not this", **body).status_code == 401
        answer = login(client, user)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0

    def test_an_address_is_limited_over_all_accounts(self, client, limited):
        for number in range(10):
            login(client, None, email=f"nobody{number}@example.com")
        assert login(client, make_user()).status_code == 429

    def test_another_address_still_enters_another_account(self, client, limited):
        user, other = make_user(), make_user()
        for _ in range(10):
            login(client, user, "not this")
        elsewhere = {"environ_base": {"REMOTE_ADDR": "198.51.100.7"}}
        body = {"email": other.email, "password": PASSWORD}
        assert client.post("/auth/login", json=body, **elsewhere).status_code == 200
        body = {"email": user.email, "password": PASSWORD}
        assert client.post("/auth/login", json=body, **elsewhere).status_code == 429

    def test_successes_are_not_counted(self, client, limited):
        user = make_user()
        assert [login(client, user).status_code for _ in range(12)] == [200] * 12


class TestAccessToken:
    def test_an_expired_one_is_401(self, client):
        user = make_user()
        claims = decode_token(token_for(user))
        old = create_access_token(
            str(user.id), expires_delta=timedelta(seconds=-1), additional_claims={"fam": claims["fam"], "ver": 0}
        )
        answer = client.get("/users/me", headers={"Authorization": f"Bearer {old}"})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_a_refresh_token_is_no_access_token(self, client):
        assert me(client, login(client, make_user()).json["refresh_token"]) == 401

    @pytest.mark.parametrize("claims", [{}, {"fam": "x", "ver": 0}, {"fam": str(uuid.UUID(int=1)), "ver": "many"}])
    def test_a_token_without_a_family_is_401(self, client, claims):
        assert me(client, create_access_token(str(make_user().id), additional_claims=claims)) == 401

    def test_anothers_family_does_not_do(self, client):
        family = decode_token(token_for(make_user()))["fam"]
        assert me(client, create_access_token(str(make_user().id), additional_claims={"fam": family, "ver": 0})) == 401

    def test_a_disabled_account_ends_at_once(self, client, db_session):
        user = make_user()
        token = token_for(user)
        user.active = False
        db_session.commit()
        assert me(client, token) == 401


class TestRefresh:
    def test_new_tokens_come_without_the_person(self, client):
        first = login(client, make_user()).json
        answer = refresh(client, first["refresh_token"])
        assert answer.status_code == 200
        assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_in"}
        assert me(client, answer.json["access_token"]) == 200

    def test_the_token_may_come_in_the_body(self, client):
        token = login(client, make_user()).json["refresh_token"]
        assert client.post("/auth/refresh", json={"refresh_token": token}).status_code == 200

    def test_a_second_use_ends_the_family_with_its_access_tokens(self, client):
        first = login(client, make_user()).json
        second = refresh(client, first["refresh_token"]).json
        assert refresh(client, first["refresh_token"]).status_code == 401
        assert me(client, second["access_token"]) == 401
        assert me(client, first["access_token"]) == 401
        assert refresh(client, second["refresh_token"]).status_code == 401

    def test_a_second_use_leaves_other_devices_alone(self, client):
        user = make_user()
        first, other = login(client, user).json, login(client, user).json
        refresh(client, first["refresh_token"])
        refresh(client, first["refresh_token"])
        assert me(client, other["access_token"]) == 200

    def test_an_access_token_does_not_refresh(self, client):
        assert refresh(client, login(client, make_user()).json["access_token"]).status_code == 401

    def test_a_token_past_its_life_is_401(self, client, frozen_clock):
        token = login(client, make_user()).json["refresh_token"]
        frozen_clock.advance(timedelta(days=14, seconds=1))
        assert refresh(client, token).status_code == 401

    @pytest.mark.parametrize("token", ["", "x", "a.b.c"])
    def test_no_token_is_401(self, client, token):
        assert client.post("/auth/refresh", json={"refresh_token": token} if token else {}).status_code == 401

    def test_a_disabled_account_does_not_refresh(self, client, db_session):
        user = make_user()
        token = login(client, user).json["refresh_token"]
        user.active = False
        db_session.commit()
        assert refresh(client, token).status_code == 401


class TestLogout:
    @pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
    def test_it_ends_the_one_session(self, client, kind):
        user = make_user()
        tokens, other = login(client, user).json, login(client, user).json
        answer = client.post("/auth/logout", headers={"Authorization": f"Bearer {tokens[kind]}"})
        assert (answer.status_code, answer.data) == (204, b"")
        assert me(client, tokens["access_token"]) == 401
        assert refresh(client, tokens["refresh_token"]).status_code == 401
        assert me(client, other["access_token"]) == 200

    def test_the_refresh_token_may_come_in_the_body(self, client):
        tokens = login(client, make_user()).json
        assert client.post("/auth/logout", json={"refresh_token": tokens["refresh_token"]}).status_code == 204
        assert me(client, tokens["access_token"]) == 401

    @pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout-all"])
    def test_a_dead_token_is_401(self, client, path):
        headers = auth(make_user())
        assert client.post(path, headers=headers).status_code == 204
        assert client.post(path, headers=headers).status_code == 401
        assert client.post(path).status_code == 401

    def test_a_used_refresh_token_does_not_log_out(self, client):
        tokens = login(client, make_user()).json
        refresh(client, tokens["refresh_token"])
        assert client.post("/auth/logout", json={"refresh_token": tokens["refresh_token"]}).status_code == 401

    def test_logout_all_ends_every_session(self, client, db_session):
        user = make_user()
        tokens, other = login(client, user).json, login(client, user).json
        assert client.post("/auth/logout-all", headers=auth(user)).status_code == 204
        for one in (tokens, other):
            assert me(client, one["access_token"]) == 401
            assert refresh(client, one["refresh_token"]).status_code == 401
        living = select(RefreshFamily).where(RefreshFamily.user_id == user.id, RefreshFamily.revoked_at.is_(None))
        assert db_session.scalars(living).all() == []

    def test_logout_all_leaves_others_alone(self, client):
        other = token_for(make_user())
        client.post("/auth/logout-all", headers=auth(make_user()))
        assert me(client, other) == 200

    def test_one_can_sign_in_again(self, client, db_session):
        user = make_user()
        client.post("/auth/logout-all", headers=auth(user))
        assert me(client, login(client, user).json["access_token"]) == 200
        assert db_session.get(User, user.id).session_version == 1
