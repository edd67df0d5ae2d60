import re
import smtplib
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from sheda.accounts import services
from sheda.accounts.models import OneTimeCode
from sheda.core import clock, mail
from sheda.core.outbox import Outbox, deliver_due
from tests.factories import auth, make_user, token_for

NEW = "quite another password"


@pytest.fixture
def person(db_session):
    return make_user(verified_at=None)


def ask(client, email, purpose="verify_email"):
    return client.post("/auth/otp", json={"email": email, "purpose": purpose})


def codes_in(messages):
    return [re.search(r"\b(\d{6})\b", message.get_body(("plain",)).get_content())[1] for message in messages]


def mailed_code(sink, email):
    deliver_due()
    return codes_in(sink.to(email))[-1]


def other_than(code):
    return f"{(int(code) + 1) % 10**6:06d}"


def verify(client, email, code):
    return client.post("/auth/verify", json={"email": email, "otp": code})


def outbox_rows(db_session):
    return db_session.scalar(select(func.count()).select_from(Outbox))


class TestRequest:
    def test_the_answer_is_always_the_same_202(self, client, person):
        known, unknown = ask(client, person.email), ask(client, "nobody@example.com")
        assert (known.status_code, known.data) == (202, unknown.data)
        assert unknown.status_code == 202

    def test_only_a_known_address_gets_mail(self, client, person, db_session):
        ask(client, "nobody@example.com")
        assert outbox_rows(db_session) == 0
        ask(client, person.email.upper())
        assert outbox_rows(db_session) == 1

    def test_known_and_unknown_cost_the_same_statements(self, client, person, count_statements):
        email = person.email
        ask(client, "nobody@example.com")
        with count_statements() as known:
            ask(client, email)
        with count_statements() as unknown:
            ask(client, "nobody@example.com")
        assert [one.split()[:3] for one in known] == [one.split()[:3] for one in unknown]

    def test_a_verified_or_disabled_person_gets_none(self, client, db_session):
        ask(client, make_user().email)
        ask(client, make_user(active=False).email, "reset_password")
        assert outbox_rows(db_session) == 0

    def test_a_second_one_within_a_minute_is_not_sent(self, client, person, db_session, frozen_clock):
        ask(client, person.email)
        assert ask(client, person.email).status_code == 202
        assert outbox_rows(db_session) == 1
        frozen_clock.advance(timedelta(seconds=61))
        ask(client, person.email)
        assert outbox_rows(db_session) == 2

    def test_the_pause_is_per_purpose(self, client, person, db_session):
        ask(client, person.email)
        ask(client, person.email, "reset_password")
        assert outbox_rows(db_session) == 2

    def test_five_an_hour_for_one_address(self, client, person, db_session, frozen_clock):
        for _ in range(7):
            assert ask(client, person.email).status_code == 202
            frozen_clock.advance(timedelta(seconds=61))
        assert outbox_rows(db_session) == 5
        frozen_clock.advance(timedelta(hours=1))
        ask(client, person.email)
        assert outbox_rows(db_session) == 6

    def test_twenty_an_hour_from_one_address_then_429(self, client, limited):
        for number in range(20):
            assert ask(client, f"nobody{number}@example.com").status_code == 202
        answer = ask(client, "nobody@example.com")
        assert answer.status_code == 429
        assert "Retry-After" in answer.headers

    @pytest.mark.parametrize(
        "body",
        [{"email": "x", "purpose": "verify_email"}, {"email": "a@x.ng", "purpose": "magic"}, {"email": "a@x.ng"}],
    )
    def test_bad_values_are_422(self, client, body):
        assert client.post("/auth/otp", json=body).status_code == 422


class TestCode:
    def test_it_is_made_at_the_sending_and_kept_as_an_hmac(self, client, person, db_session, mail_sink):
        ask(client, person.email)
        row = db_session.scalars(select(OneTimeCode)).one()
        assert (row.code_hash, row.expires_at) == (None, None)
        code = mailed_code(mail_sink, person.email)
        db_session.expire_all()
        assert re.fullmatch("[0-9a-f]{64}", row.code_hash)
        assert code not in str(db_session.scalars(select(Outbox.context)).all())

    def test_it_is_not_logged(self, client, person, mail_sink, caplog):
        caplog.set_level("DEBUG")
        ask(client, person.email)
        code = mailed_code(mail_sink, person.email)
        own = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("mail."))
        assert code not in own

    def test_it_is_committed_before_the_mail_leaves(self, live_client, live_db, monkeypatch):
        from sheda.core.db import db

        person, seen = make_user(verified_at=None), []

        def look(_letter):
            with db.engine.connect() as other:
                seen.append(other.scalar(select(OneTimeCode.code_hash)))

        monkeypatch.setattr(mail, "send", look)
        ask(live_client, person.email)
        deliver_due()
        assert seen[0] is not None

    def test_a_failed_sending_makes_a_new_code_at_the_next(self, client, person, db_session, frozen_clock, monkeypatch):
        letters = []

        def fail_once(letter):
            letters.append(letter.message)
            if len(letters) == 1:
                raise smtplib.SMTPServerDisconnected

        monkeypatch.setattr(mail, "send", fail_once)
        ask(client, person.email)
        deliver_due()
        frozen_clock.advance(timedelta(seconds=30))
        deliver_due()
        assert letters[0]["Message-ID"] == letters[1]["Message-ID"]
        assert verify(client, person.email, codes_in(letters)[1]).status_code == 200


class TestVerify:
    def test_the_code_verifies(self, client, person, mail_sink):
        ask(client, person.email)
        answer = verify(client, person.email.upper(), mailed_code(mail_sink, person.email))
        assert answer.status_code == 200
        assert (answer.json["id"], answer.json["result"]["verified"]) == (person.id, True)

    def test_it_works_once(self, client, person, mail_sink):
        ask(client, person.email)
        code = mailed_code(mail_sink, person.email)
        verify(client, person.email, code)
        answer = verify(client, person.email, code)
        assert (answer.status_code, answer.json["code"]) == (400, "otp_invalid")

    def test_whatever_is_wrong_the_answer_is_the_same(self, client, person, mail_sink, frozen_clock):
        ask(client, person.email)
        code = mailed_code(mail_sink, person.email)
        answers = [
            verify(client, person.email, other_than(code)),
            verify(client, "nobody@example.com", code),
            verify(client, make_user(verified_at=None).email, code),
            verify(client, person.email, "not six digits"),
        ]
        frozen_clock.advance(timedelta(minutes=10, seconds=1))
        answers.append(verify(client, person.email, code))
        assert {(one.status_code, one.json["code"], one.json["detail"]) for one in answers} == {
            (400, "otp_invalid", services.OtpInvalid.detail)
        }

    def test_five_tries_then_even_the_right_one_is_refused(self, client, person, mail_sink, db_session):
        ask(client, person.email)
        code = mailed_code(mail_sink, person.email)
        for _ in range(5):
            verify(client, person.email, other_than(code))
        assert verify(client, person.email, code).status_code == 400
        assert db_session.scalar(select(OneTimeCode.tries)) == 5

    def test_the_fifth_try_still_counts(self, client, person, mail_sink):
        ask(client, person.email)
        code = mailed_code(mail_sink, person.email)
        for _ in range(4):
            verify(client, person.email, other_than(code))
        assert verify(client, person.email, code).status_code == 200

    def test_a_new_code_kills_the_old(self, client, person, mail_sink, frozen_clock):
        ask(client, person.email)
        old = mailed_code(mail_sink, person.email)
        frozen_clock.advance(timedelta(seconds=61))
        ask(client, person.email)
        new = mailed_code(mail_sink, person.email)
        assert old == new or verify(client, person.email, old).status_code == 400
        assert verify(client, person.email, new).status_code == 200

    def test_a_replaced_code_that_has_not_left_yet_never_leaves(self, client, person, mail_sink, frozen_clock):
        frozen_clock.at(clock.now() - timedelta(seconds=61))
        ask(client, person.email)
        frozen_clock.advance(timedelta(seconds=61))
        ask(client, person.email)
        deliver_due()
        assert len(mail_sink.to(person.email)) == 1

    def test_a_code_for_one_purpose_is_none_for_the_other(self, client, person, mail_sink):
        ask(client, person.email, "reset_password")
        assert verify(client, person.email, mailed_code(mail_sink, person.email)).status_code == 400


class TestReset:
    def reset(self, client, email, code, password=NEW):
        return client.post("/auth/reset-password", json={"email": email, "otp": code, "password": password})

    def test_the_new_password_opens_and_the_old_does_not(self, client, person, mail_sink):
        ask(client, person.email, "reset_password")
        assert self.reset(client, person.email, mailed_code(mail_sink, person.email)).status_code == 200
        body = {"email": person.email}
        assert client.post("/auth/login", json={**body, "password": NEW}).status_code == 200
        assert client.post("/auth/login", json={**body, "password": "correct horse battery"}).status_code == 401

    def test_every_session_ends(self, client, person, mail_sink):
        headers = auth(person)
        ask(client, person.email, "reset_password")
        self.reset(client, person.email, mailed_code(mail_sink, person.email))
        assert client.get("/users/me", headers=headers).status_code == 401

    def test_a_wrong_code_changes_nothing(self, client, person, mail_sink):
        token = token_for(person)
        ask(client, person.email, "reset_password")
        answer = self.reset(client, person.email, other_than(mailed_code(mail_sink, person.email)))
        assert (answer.status_code, answer.json["code"]) == (400, "otp_invalid")
        assert client.get("/users/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200

    def test_a_bad_password_is_422_and_costs_no_try(self, client, person, mail_sink):
        ask(client, person.email, "reset_password")
        code = mailed_code(mail_sink, person.email)
        assert self.reset(client, person.email, code, "password123").status_code == 422
        assert self.reset(client, person.email, code).status_code == 200

    def test_it_lifts_the_lock_of_failed_sign_ins(self, client, person, mail_sink, limited):
        for number in range(10):
            elsewhere = {"environ_base": {"REMOTE_ADDR": f"198.51.100.{number}"}}
            client.post("/auth/login", json={"email": person.email, "password": "no"}, **elsewhere)
        assert client.post("/auth/login", json={"email": person.email, "password": NEW}).status_code == 429
        ask(client, person.email, "reset_password")
        self.reset(client, person.email, mailed_code(mail_sink, person.email))
        assert client.post("/auth/login", json={"email": person.email, "password": NEW}).status_code == 200

    def test_the_mail_says_what_the_code_is_for(self, client, person, mail_sink):
        ask(client, person.email, "reset_password")
        ask(client, person.email)
        deliver_due()
        subjects = {str(message["Subject"]) for message in mail_sink.to(person.email)}
        assert subjects == {"Your code for a new password", "Your code to verify your address"}
