import re
from datetime import timedelta

import pytest

from sheda.accounts import services
from sheda.core.actor import Role
from tests.factories import PASSWORD, actor_of, auth, make_user


def token_of(page):
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.get_data(as_text=True))[1]


def enter(client, name, password=PASSWORD):
    form = {"username": name, "password": password, "csrf_token": token_of(client.get("/login/"))}
    return client.post("/login/", data=form)


def is_inside(client):
    return client.get("/admin/").status_code == 200


class TestEnter:
    @pytest.mark.parametrize("role", [Role.AGENT, Role.STAFF, Role.ADMIN])
    def test_agents_and_the_office_come_in(self, client, role):
        user = make_user(role)
        assert enter(client, user.email).status_code == 302
        assert is_inside(client)

    def test_a_client_is_told_to_use_the_app(self, client):
        answer = enter(client, make_user().email)
        assert answer.status_code == 403
        assert "Sheda app" in answer.get_data(as_text=True)
        assert not is_inside(client)

    def test_a_wrong_password_is_told_in_the_same_words_as_an_unknown_name(self, client):
        for name in (make_user(Role.AGENT).email, "nobody@example.com", "\x00"):
            answer = enter(client, name, "not this")
            assert answer.status_code == 401
            assert "The name or the password is wrong." in answer.get_data(as_text=True)

    def test_a_form_without_its_token_is_refused(self, client):
        user = make_user(Role.AGENT)
        assert client.post("/login/", data={"username": user.email, "password": PASSWORD}).status_code == 400

    def test_both_doors_count_the_same_failures(self, client, limited):
        user = make_user(Role.AGENT)
        for _ in range(5):
            enter(client, user.email, "not this")
            client.post("/auth/login", json={"email": user.email, "password": "not this"})
        assert enter(client, user.email).status_code == 429
        assert client.post("/auth/login", json={"email": user.email, "password": PASSWORD}).status_code == 429


class TestCookie:
    @pytest.fixture
    def person(self, client):
        user = make_user(Role.AGENT)
        enter(client, user.email)
        assert is_inside(client)
        return user

    def test_leaving_ends_it_on_the_server_too(self, client, person):
        kept = client.get_cookie("sheda").value
        form = {"csrf_token": token_of(client.get("/admin/"))}
        assert client.post("/logout/", data=form).status_code == 302
        client.set_cookie("sheda", kept)
        assert not is_inside(client)

    def test_logout_all_ends_it(self, client, person):
        client.post("/auth/logout-all", headers=auth(person))
        assert not is_inside(client)

    def test_signing_out_by_staff_ends_it(self, client, db_session, person):
        services.sign_out(actor_of(make_user(Role.STAFF)), person.id)
        db_session.commit()
        assert not is_inside(client)

    def test_deactivation_ends_it(self, client, db_session, person):
        services.deactivate(actor_of(make_user(Role.STAFF)), person.id)
        db_session.commit()
        assert not is_inside(client)

    def test_it_ends_after_a_working_day(self, client, person, frozen_clock):
        frozen_clock.advance(timedelta(hours=8, seconds=1))
        assert not is_inside(client)

    def test_it_is_no_way_into_the_api(self, client, person):
        assert client.get("/users/me").status_code == 401
