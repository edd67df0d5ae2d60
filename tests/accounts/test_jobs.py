from datetime import timedelta

from sqlalchemy import func, select

from sheda.accounts import services
from sheda.accounts.jobs import tidy
from sheda.accounts.models import OneTimeCode, RefreshFamily, RefreshToken
from sheda.core.idempotency import IdempotencyKey
from tests.factories import PASSWORD, make_user


def count(db_session, model):
    return db_session.scalar(select(func.count()).select_from(model))


class TestTidy:
    def test_what_is_past_its_life_is_erased_once(self, client, db_session, frozen_clock):
        body = {"email": "ada@example.com", "password": PASSWORD}
        client.post("/auth/register", json=body, headers={"Idempotency-Key": "k"})
        client.post("/auth/login", json=body)
        frozen_clock.advance(timedelta(days=15))
        assert tidy() == {"keys": 1, "families": 1, "challenges": 0, "codes": 1}
        assert tidy() == {"keys": 0, "families": 0, "challenges": 0, "codes": 0}
        for model in (IdempotencyKey, RefreshFamily, RefreshToken, OneTimeCode):
            assert count(db_session, model) == 0

    def test_what_lives_stays(self, client, db_session, frozen_clock):
        user = make_user(verified_at=None)
        services.sign_in(user)
        services.request_code(user.email, "verify_email")
        db_session.commit()
        frozen_clock.advance(timedelta(hours=23))
        assert tidy() == {"keys": 0, "families": 0, "challenges": 0, "codes": 0}
