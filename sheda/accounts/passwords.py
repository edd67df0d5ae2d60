"""Passwords: which ones are taken, how they are kept, and how many are checked at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from flask import current_app
from werkzeug.security import check_password_hash, generate_password_hash

from sheda.core.errors import InvalidInput, Unavailable

SHORTEST, LONGEST = 8, 128
LONGEST_WAIT = 10.0
"""Seconds for which a check waits for its turn."""


def check_choice(password: str, email: str, *, field: str = "password") -> None:
    """Refuse a password outside 8…128 characters, one of the common ones, or the person's own address."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput.on(field, f"Choose a password of {SHORTEST} to {LONGEST} characters.")
    plain = password.strip().lower()
    if plain in _common():
        raise InvalidInput.on(field, "This is one of the most common passwords. Choose another, such as a few words.")
    if plain == email.strip().lower():
        raise InvalidInput.on(field, "Choose a password that is not your e-mail address.")


def hash_password(password: str) -> str:
    """Hash a password with a salt of its own, at the cost of the setting PASSWORD_HASH."""
    return generate_password_hash(password, current_app.config["FAB_PASSWORD_HASH_METHOD"])


def fits(stored: str | None, password: str) -> bool:
    """Tell whether a password is the stored one; without a stored one the answer is no, after the same work."""
    decoy = _decoy(current_app.config["FAB_PASSWORD_HASH_METHOD"])
    return check_password_hash(stored or decoy, password) and bool(stored)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait for one of this process's HASHES_AT_ONCE turns: each check takes a core for a tenth of a second."""
    turns = _turns(current_app.config["HASHES_AT_ONCE"])
    if not turns.acquire(timeout=LONGEST_WAIT):
        raise Unavailable
    try:
        yield
    finally:
        turns.release()


@cache
def _turns(count: int) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(count)


@cache
def _decoy(method: str) -> str:
    return generate_password_hash("nobody has this password", method)


@cache
def _common() -> frozenset[str]:
    return frozenset(Path(__file__).with_name("common_passwords.txt").read_text().split())
