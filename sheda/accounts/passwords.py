"""Passwords: which ones are taken, how they are kept, and how many are checked at a time."""

import fcntl
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

from flask import current_app
from werkzeug.security import check_password_hash, generate_password_hash

from sheda.core.errors import InvalidInput, Unavailable

Result = TypeVar("Result")

SHORTEST, LONGEST = 8, 128
HASHING_NICE = 10
"""How far threads that hash stand behind others; on an idle core they run at full speed all the same."""

LONGEST_WAIT = 10.0
"""Seconds for which a check waits for its turn."""

BUSY = "Many people are signing in just now. Try again in a moment."


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
    return _hashed(generate_password_hash, password, current_app.config["FAB_PASSWORD_HASH_METHOD"])


def fits(stored: str | None, password: str) -> bool:
    """Tell whether a password is the stored one; without a stored one the answer is no, after the same work."""
    decoy = _decoy(current_app.config["FAB_PASSWORD_HASH_METHOD"])
    return _hashed(check_password_hash, stored or decoy, password) and bool(stored)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait for one of this process's HASHES_AT_ONCE turns: each check takes a core for a tenth of a second.

    Nobody waits behind HASHES_WAITING others, so that a rush of sign-ins leaves threads to those who browse;
    Unavailable then, and after LONGEST_WAIT.
    """
    at_once, waiting = current_app.config["HASHES_AT_ONCE"], current_app.config["HASHES_WAITING"]
    line, turns = _turns("line", at_once + waiting), _turns("hash", at_once)
    if not line.acquire(blocking=False):
        raise Unavailable(BUSY, retry_after=1)
    try:
        if not turns.acquire(timeout=LONGEST_WAIT):
            raise Unavailable(BUSY, retry_after=1)
        try:
            yield
        finally:
            turns.release()
    finally:
        line.release()


def _hashed(work: Callable[..., Result], *values: str) -> Result:
    turn = _turn_of_processes(Path(current_app.config["STATE_DIR"]))
    return _hashers().submit(_while_others_do_not, turn, work, *values).result()


def _while_others_do_not(turn: int, work: Callable[..., Result], *values: str) -> Result:
    fcntl.lockf(turn, fcntl.LOCK_EX)
    try:
        return work(*values)
    finally:
        fcntl.lockf(turn, fcntl.LOCK_UN)


@cache
def _turn_of_processes(state_dir: Path) -> int:
    """Return the file that one of this machine's processes locks while it hashes.

    So the other cores are left to those who browse; the system unlocks it when its process dies.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    return os.open(state_dir / "hashing.lock", os.O_RDWR | os.O_CREAT, 0o600)


@cache
def _hashers() -> ThreadPoolExecutor:
    """Return the threads that hash: a tenth of a second at a time, behind those that answer requests."""
    return ThreadPoolExecutor(thread_name_prefix="hash", initializer=_give_way)


def _give_way() -> None:
    # Only Linux gives each thread a priority of its own; elsewhere the turns alone must do.
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + HASHING_NICE)


@cache
def _turns(_of: str, count: int) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(count)


@cache
def _decoy(method: str) -> str:
    return generate_password_hash("nobody has this password", method)


@cache
def _common() -> frozenset[str]:
    return frozenset(Path(__file__).with_name("common_passwords.txt").read_text().split())
