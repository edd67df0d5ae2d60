"""Rate limits: exact in Redis, kept in memory without it, never gone."""

import os

import pytest
from flask import Flask

from sheda.core.errors import TooMany
from sheda.core.limits import Limits, init_limits

RATES = {"login": "3 per minute"}


@pytest.fixture
def shared(redis: object) -> Limits:
    """Return limits that count in Redis."""
    return Limits(os.environ["REDIS_URL"], RATES)


class TestHit:
    def test_the_first_over_the_limit_is_refused(self, shared: Limits) -> None:
        assert [shared.hit("login", "a").remaining for _ in range(3)] == [2, 1, 0]
        with pytest.raises(TooMany) as caught:
            shared.hit("login", "a")
        assert 1 <= int(caught.value.headers["Retry-After"]) <= 60
        assert caught.value.headers["RateLimit-Limit"] == "3"

    def test_each_key_has_its_own_window(self, shared: Limits) -> None:
        for _ in range(3):
            shared.hit("login", "a")
        assert shared.hit("login", "b").remaining == 2

    def test_two_processes_share_a_window(self, shared: Limits) -> None:
        other = Limits(os.environ["REDIS_URL"], RATES)
        shared.hit("login", "a")
        assert other.hit("login", "a").remaining == 1

    def test_a_test_refuses_without_counting(self, shared: Limits) -> None:
        for _ in range(5):
            shared.test("login", "a")
        for _ in range(3):
            shared.hit("login", "a")
        with pytest.raises(TooMany):
            shared.test("login", "a")

    def test_without_redis_limits_count_in_memory(self) -> None:
        alone = Limits("redis://127.0.0.1:1/0", RATES)
        for _ in range(3):
            alone.hit("login", "a")
        with pytest.raises(TooMany):
            alone.hit("login", "a")


class TestInit:
    def test_every_rate_of_the_settings_is_a_limit(self, app: Flask) -> None:
        limits = init_limits({**app.config, "RATELIMIT_ENABLED": True, "REDIS_URL": ""})
        assert limits is not None
        for name in ("login", "register", "otp", "chat", "anonymous", "token"):
            limits.hit(name, "x")

    def test_they_are_off_only_when_the_setting_says_so(self, app: Flask) -> None:
        assert init_limits({**app.config, "RATELIMIT_ENABLED": False}) is None
