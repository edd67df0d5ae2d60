"""Rate limits: moving windows in Redis, and in this process's memory while Redis does not answer."""

import logging
import time
from dataclasses import dataclass
from typing import Any

from flask import current_app
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from sheda.core.errors import TooMany

log = logging.getLogger(__name__)

FALL_BACK_FOR = 5.0
"""Seconds to stay with memory after Redis did not answer."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit: requests a window, requests left, and seconds until the window is free again."""

    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """Return the RateLimit header fields."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.remaining)),
            "RateLimit-Reset": str(self.reset),
        }


class Limits:
    """The limits of one app, by name; each name's rate is the setting `RATE_<NAME>`."""

    def __init__(self, redis_url: str, rates: dict[str, str]) -> None:
        self._rates: dict[str, RateLimitItem] = {name: parse(rate) for name, rate in rates.items()}
        self._memory = MovingWindowRateLimiter(MemoryStorage())
        self._shared: MovingWindowRateLimiter | None = None
        self._redis_url = redis_url
        self._memory_until = 0.0

    def _ask(self, question: str, item: RateLimitItem, *keys: str) -> Any:
        if self._redis_url and time.monotonic() >= self._memory_until:
            try:
                if self._shared is None:
                    storage = storage_from_string(
                        self._redis_url, socket_timeout=1, socket_connect_timeout=1, wrap_exceptions=True
                    )
                    self._shared = MovingWindowRateLimiter(storage)
                return getattr(self._shared, question)(item, *keys)
            except StorageError as fault:
                self._memory_until = time.monotonic() + FALL_BACK_FOR
                log.warning("limits count in memory: %s", fault)
        return getattr(self._memory, question)(item, *keys)

    def hit(self, name: str, key: str) -> Allowance:
        """Count one request; TooMany when it is over the limit."""
        item = self._rates[name]
        if not self._ask("hit", item, name, key):
            raise self._refusal(item, name, key)
        return self._allowance(item, name, key)

    def test(self, name: str, key: str) -> None:
        """Refuse as `hit` does, without counting: failures are counted when they have happened."""
        item = self._rates[name]
        if not self._ask("test", item, name, key):
            raise self._refusal(item, name, key)

    def forget(self, name: str, key: str) -> None:
        """Forget what was counted under one key."""
        self._ask("clear", self._rates[name], name, key)

    def _allowance(self, item: RateLimitItem, name: str, key: str) -> Allowance:
        stats = self._ask("get_window_stats", item, name, key)
        return Allowance(item.amount, stats.remaining, max(0, round(stats.reset_time - time.time())))

    def _refusal(self, item: RateLimitItem, name: str, key: str) -> TooMany:
        allowance = self._allowance(item, name, key)
        refusal = TooMany(retry_after=max(1, allowance.reset))
        refusal.headers.update(allowance.headers())
        return refusal

    def clear(self) -> None:
        """Forget every count, of this process and in Redis; for tests."""
        self._memory.storage.reset()
        if self._shared is not None:
            self._shared.storage.reset()


def init_limits(config: dict[str, Any]) -> Limits | None:
    """Make the limits an app was configured for; None when they are off."""
    if not config["RATELIMIT_ENABLED"]:
        return None
    rates = {name.removeprefix("RATE_").lower(): rate for name, rate in config.items() if name.startswith("RATE_")}
    return Limits(config["REDIS_URL"], rates)


def _limits() -> Limits | None:
    found: Limits | None = current_app.extensions["limits"]
    return found


def hit(name: str, key: str) -> Allowance | None:
    """Count one request against a named limit; TooMany when over, None when limits are off."""
    limits = _limits()
    return limits.hit(name, key) if limits else None


def test(name: str, key: str) -> None:
    """Refuse when a limit is used up, without counting."""
    limits = _limits()
    if limits:
        limits.test(name, key)


def forget(name: str, key: str) -> None:
    """Forget what was counted under one key of a limit."""
    limits = _limits()
    if limits:
        limits.forget(name, key)
