"""Signing in with two steps, by both doors."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import select

from sheda.accounts import enrolment, factors, services
from sheda.accounts.errors import SecondStepNeeded, WrongPassword
from sheda.accounts.jobs import tidy
from sheda.accounts.models import RecoveryCode, SecondFactor, SignInChallenge, User
from sheda.core import clock, sealing
from sheda.core.actor import Role
from sheda.core.db import db
from sheda.core.errors import InvalidInput, NotAllowed
from sheda.core.outbox import Outbox
from sheda.core.states import History
from tests.accounts.test_door import enter, is_inside, token_of
from tests.factories import PASSWORD, actor_of, auth, make_user

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon(db_session: Any, frozen_clock: Any) -> None:
    frozen_clock.at(NOON)


def app_of(user: User) -> pyotp.TOTP:
    """Return the app on somebody's telephone."""
    return pyotp.TOTP(sealing.unseal(db.session.get_one(SecondFactor, user.id).secret, factors.PURPOSE))


def code_of(user: User, *, steps: int = 0) -> str:
    return app_of(user).at(clock.now() + timedelta(seconds=30 * steps))


def enrol(role: Role = Role.AGENT) -> tuple[User, list[str]]:
    """Make somebody with a second step, and return him with his recovery codes; his present code is used."""
    user = make_user(role)
    enrolment.begin(actor_of(user))
    codes = enrolment.confirm(actor_of(user), password=PASSWORD, code=code_of(user))
    db.session.commit()
    return user, codes


def password_step(client: Any, user: User) -> Any:
    return client.post("/auth/login", json={"email": user.email, "password": PASSWORD})


def code_step(client: Any, challenge: str, code: str, **options: Any) -> Any:
    return client.post("/auth/totp", json={"challenge": challenge, "code": code}, **options)


class TestWithoutASecondStep:
    @pytest.mark.parametrize("role", [Role.CLIENT, Role.AGENT, Role.STAFF, Role.ADMIN])
    def test_the_login_answers_as_ever(self, client, role):
        answer = password_step(client, make_user(role))
        assert answer.status_code == 200
        assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}


class TestApi:
    def test_the_password_alone_gives_a_challenge_and_no_token(self, client):
        user, _ = enrol()
        answer = password_step(client, user)
        assert (answer.status_code, answer.json["code"]) == (403, "totp_required")
        assert answer.json["expires_in"] == 300
        assert "access_token" not in answer.json
        assert answer.json["challenge"] not in db.session.scalars(select(SignInChallenge.token_hash)).all()

    def test_challenge_and_code_sign_in(self, client, frozen_clock):
        user, _ = enrol()
        frozen_clock.advance(timedelta(seconds=30))
        answer = code_step(client, password_step(client, user).json["challenge"], code_of(user))
        assert answer.status_code == 200
        headers = {"Authorization": f"Bearer {answer.json['access_token']}"}
        assert client.get("/users/me", headers=headers).json["id"] == user.id

    def test_a_challenge_works_once(self, client, frozen_clock):
        user, _ = enrol()
        frozen_clock.advance(timedelta(seconds=30))
        challenge = password_step(client, user).json["challenge"]
        assert code_step(client, challenge, code_of(user)).status_code == 200
        frozen_clock.advance(timedelta(seconds=30))
        answer = code_step(client, challenge, code_of(user))
        assert (answer.status_code, answer.json["code"]) == (401, "challenge_invalid")

    def test_a_challenge_ends_after_five_minutes(self, client, frozen_clock):
        user, _ = enrol()
        challenge = password_step(client, user).json["challenge"]
        frozen_clock.advance(timedelta(minutes=5, seconds=1))
        assert code_step(client, challenge, code_of(user)).json["code"] == "challenge_invalid"

    def test_a_challenge_takes_five_tries(self, client, frozen_clock):
        user, _ = enrol()
        frozen_clock.advance(timedelta(seconds=30))
        challenge = password_step(client, user).json["challenge"]
        for _ in range(5):
            assert code_step(client, challenge, "000000").json["code"] == "totp_invalid"
        assert code_step(client, challenge, code_of(user)).json["code"] == "challenge_invalid"

    def test_a_code_that_was_taken_is_refused_in_its_own_thirty_seconds(self, client):
        user, _ = enrol()
        answer = code_step(client, password_step(client, user).json["challenge"], code_of(user))
        assert (answer.status_code, answer.json["code"]) == (401, "totp_invalid")

    def test_an_older_code_than_the_last_one_is_refused(self, client, frozen_clock):
        user, _ = enrol()
        frozen_clock.advance(timedelta(seconds=60))
        assert code_step(client, password_step(client, user).json["challenge"], code_of(user)).status_code == 200
        again = password_step(client, user).json["challenge"]
        assert code_step(client, again, code_of(user, steps=-1)).status_code == 401

    @pytest.mark.parametrize("steps", [-1, 1])
    def test_a_telephones_clock_may_be_half_a_minute_wrong(self, client, frozen_clock, steps):
        user, _ = enrol()
        frozen_clock.advance(timedelta(minutes=5))
        assert code_step(client, password_step(client, user).json["challenge"], code_of(user, steps=steps)).json["user"]

    def test_a_recovery_code_signs_in_once_and_its_owner_is_told(self, client):
        user, codes = enrol()
        assert code_step(client, password_step(client, user).json["challenge"], codes[0].lower()).status_code == 200
        assert code_step(client, password_step(client, user).json["challenge"], codes[0]).status_code == 401
        mails = [row.context for row in db.session.scalars(select(Outbox).where(Outbox.user_id == user.id))]
        assert [mail["change"] for mail in mails] == ["on", "code_used"]
        assert ["Recovery codes left", "9"] in mails[1]["facts"]

    def test_a_recovery_code_of_somebody_else_opens_nothing(self, client):
        user, _ = enrol()
        _, others = enrol()
        assert code_step(client, password_step(client, user).json["challenge"], others[0]).status_code == 401

    def test_wrong_codes_lock_as_wrong_passwords_do(self, client, limited):
        user, _ = enrol()
        for number in range(10):
            elsewhere = {"environ_base": {"REMOTE_ADDR": f"198.51.100.{number}"}}
            challenge = client.post("/auth/login", json={"email": user.email, "password": PASSWORD}, **elsewhere)
            assert code_step(client, challenge.json["challenge"], "000000", **elsewhere).status_code == 401
        assert password_step(client, user).status_code == 429

    def test_signing_out_everywhere_ends_a_sign_in_between_its_steps(self, client, frozen_clock):
        user, codes = enrol()
        challenge = password_step(client, user).json["challenge"]
        client.post("/auth/logout-all", headers=auth(user))
        assert code_step(client, challenge, codes[0]).json["code"] == "challenge_invalid"

    @pytest.mark.parametrize("code", ["", "x" * 41, "\x00", "１２３４５６", "12345", 7])
    def test_nonsense_is_refused(self, client, code):
        user, _ = enrol()
        assert code_step(client, password_step(client, user).json["challenge"], code).status_code in {401, 422}


class TestDoor:
    def test_the_second_page_opens_the_door(self, client, frozen_clock):
        user, _ = enrol()
        frozen_clock.advance(timedelta(seconds=30))
        assert enter(client, user.email).headers["Location"] == "/login/code"
        assert not is_inside(client)
        page = client.get("/login/code")
        form = {"code": code_of(user), "csrf_token": token_of(page)}
        assert client.post("/login/code", data=form).headers["Location"] == "/admin/"
        assert is_inside(client)

    def test_a_wrong_code_is_told_on_the_page(self, client):
        user, _ = enrol()
        enter(client, user.email)
        answer = client.post("/login/code", data={"code": "0", "csrf_token": token_of(client.get("/login/code"))})
        assert answer.status_code == 401
        assert "This code is wrong" in answer.get_data(as_text=True)

    def test_without_the_first_step_there_is_no_second(self, client):
        assert client.get("/login/code").headers["Location"] == "/login/"


class TestRequired:
    @pytest.fixture(autouse=True)
    def _required(self, app, monkeypatch):
        monkeypatch.setitem(app.config, "REQUIRE_TOTP_FOR_STAFF", True)

    @pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN])
    def test_staff_without_it_are_led_to_set_it_up(self, client, role):
        user = make_user(role)
        enter(client, user.email)
        for page in ("/admin/", "/admin/users/list/", "/admin/outbox/list/"):
            assert client.get(page).headers["Location"] == "/admin/security/"
        page = client.get("/admin/security/")
        assert "Everybody in the office signs in with two steps" in page.get_data(as_text=True)
        client.post("/admin/security/begin", data={"csrf_token": token_of(page)})
        form = {"password": PASSWORD, "code": code_of(user), "csrf_token": token_of(page)}
        answer = client.post("/admin/security/confirm", data=form)
        assert len(re.findall(r"<li><code>", answer.get_data(as_text=True))) == 10
        assert is_inside(client)

    def test_their_api_sign_in_is_refused_until_then(self, client):
        answer = password_step(client, make_user(Role.STAFF))
        assert (answer.status_code, answer.json["code"]) == (403, "totp_setup_required")

    @pytest.mark.parametrize("role", [Role.CLIENT, Role.AGENT])
    def test_others_are_not_asked(self, client, role):
        assert password_step(client, make_user(role)).status_code == 200

    def test_staff_cannot_turn_it_off(self):
        user, codes = enrol(Role.STAFF)
        with pytest.raises(SecondStepNeeded):
            enrolment.turn_off(actor_of(user), password=PASSWORD, code=codes[0])


class TestEnrolment:
    def test_the_secret_is_kept_sealed_and_recovery_codes_as_hashes(self):
        user, codes = enrol()
        kept = db.session.get_one(SecondFactor, user.id).secret
        secret = app_of(user).secret
        assert secret not in kept
        hashes = db.session.scalars(select(RecoveryCode.code_hash).where(RecoveryCode.user_id == user.id)).all()
        assert len(hashes) == len(set(codes)) == 10
        assert not {one.replace("-", "") for one in codes} & set(hashes)

    def test_the_page_draws_the_code_and_shows_the_key_until_it_is_confirmed(self, client):
        user = make_user(Role.AGENT)
        enter(client, user.email)
        page = client.get("/admin/security/")
        client.post("/admin/security/begin", data={"csrf_token": token_of(page)})
        begun = client.get("/admin/security/").get_data(as_text=True)
        secret = app_of(user).secret
        assert "<svg" in begun
        assert secret in begun.replace(" ", "")
        form = {"password": PASSWORD, "code": code_of(user), "csrf_token": token_of(page)}
        shown = client.post("/admin/security/confirm", data=form).get_data(as_text=True)
        assert 'download="sheda-recovery-codes.txt"' in shown
        after = client.get("/admin/security/").get_data(as_text=True)
        assert secret not in after.replace(" ", "")
        assert "data:text/plain" not in after

    def test_a_wrong_password_or_code_turns_nothing_on(self):
        user = make_user(Role.AGENT)
        enrolment.begin(actor_of(user))
        with pytest.raises(WrongPassword):
            enrolment.confirm(actor_of(user), password="not this", code=code_of(user))
        for wrong in ("000000", "", "１２３４５６", "abc", "0" * 40):
            with pytest.raises(InvalidInput):
                enrolment.confirm(actor_of(user), password=PASSWORD, code=wrong)
        assert user.totp_since is None

    def test_a_key_that_was_shown_an_hour_ago_is_over(self, frozen_clock):
        user = make_user(Role.AGENT)
        enrolment.begin(actor_of(user))
        frozen_clock.advance(timedelta(hours=1, seconds=1))
        with pytest.raises(enrolment.NothingBegun):
            enrolment.confirm(actor_of(user), password=PASSWORD, code=code_of(user))

    def test_new_codes_end_those_before(self, client, frozen_clock):
        user, before = enrol()
        frozen_clock.advance(timedelta(seconds=30))
        after = enrolment.renew_codes(actor_of(user), password=PASSWORD, code=code_of(user))
        db.session.commit()
        assert code_step(client, password_step(client, user).json["challenge"], before[0]).status_code == 401
        assert code_step(client, password_step(client, user).json["challenge"], after[0]).status_code == 200

    def test_an_agent_can_turn_it_off_with_password_and_code(self, client):
        user, codes = enrol()
        enrolment.turn_off(actor_of(user), password=PASSWORD, code=codes[0])
        db.session.commit()
        assert password_step(client, user).status_code == 200
        assert db.session.get(SecondFactor, user.id) is None


class TestReset:
    def test_an_admin_resets_with_a_reason_and_the_person_is_told(self, client):
        user, _ = enrol(Role.STAFF)
        headers = auth(user)
        admin = actor_of(make_user(Role.ADMIN))
        enrolment.reset(admin, user.id, reason="Lost telephone")
        db.session.commit()
        assert password_step(client, user).status_code == 200
        assert client.get("/users/me", headers=headers).status_code == 401
        row = db.session.scalars(select(History).where(History.move == "reset_totp")).one()
        assert (row.subject_id, row.actor_id, row.reason) == (user.id, admin.id, "Lost telephone")
        mail = db.session.scalars(select(Outbox).where(Outbox.user_id == user.id).order_by(Outbox.id.desc())).first()
        assert (mail.template, mail.context["change"]) == ("two_factor_changed", "reset")

    def test_it_needs_a_reason(self):
        user, _ = enrol()
        with pytest.raises(InvalidInput):
            enrolment.reset(actor_of(make_user(Role.ADMIN)), user.id)

    @pytest.mark.parametrize("role", [Role.STAFF, Role.AGENT, Role.CLIENT])
    def test_nobody_else_may(self, role):
        user, _ = enrol()
        with pytest.raises(NotAllowed):
            enrolment.reset(actor_of(make_user(role)), user.id, reason="Please")


class TestKeys:
    def test_a_new_secret_key_still_opens_and_seals_anew(self, app, monkeypatch, frozen_clock):
        user, _ = enrol()
        monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [app.config["SECRET_KEY"]])
        monkeypatch.setitem(app.config, "SECRET_KEY", "the next secret key")
        frozen_clock.advance(timedelta(seconds=30))
        assert factors.reseal_all() == 1
        assert factors.reseal_all() == 0
        monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", None)
        assert factors.take_code(user, code_of(user))

    def test_a_key_that_is_gone_says_so(self, app, monkeypatch):
        sealed = sealing.seal("secret", "totp")
        monkeypatch.setitem(app.config, "SECRET_KEY", "the next secret key")
        with pytest.raises(sealing.Unsealable):
            sealing.unseal(sealed, "totp")

    def test_without_the_old_key_a_recovery_code_still_signs_in(self, client, app, monkeypatch):
        user, codes = enrol()
        monkeypatch.setitem(app.config, "SECRET_KEY", "the next secret key")
        challenge = password_step(client, user).json["challenge"]
        assert code_step(client, challenge, "123456").status_code == 401
        assert code_step(client, challenge, codes[0]).status_code == 200

    def test_a_seal_of_one_purpose_does_not_open_for_another(self, app):
        with pytest.raises(sealing.Unsealable):
            sealing.unseal(sealing.seal("secret", "totp"), "other")


class TestClosing:
    def test_nothing_of_it_is_left_of_a_deleted_account(self):
        user, _ = enrol()
        services.close(actor_of(user))
        db.session.flush()
        for model in (SecondFactor, RecoveryCode, SignInChallenge):
            assert db.session.scalars(select(model).where(model.user_id == user.id)).all() == []

    def test_a_sign_in_that_was_left_half_way_is_erased(self, client, frozen_clock):
        user, _ = enrol()
        password_step(client, user)
        frozen_clock.advance(timedelta(minutes=6))
        assert tidy()["challenges"] == 1
