"""Tries at a password or a code: a failed one counts against the account and against the address it came from."""

from sheda.accounts import passwords
from sheda.accounts.errors import InvalidCredentials
from sheda.accounts.models import User
from sheda.core import limits


def account_key(user: User | None, identifier: str) -> str:
    """Return the name under which an account's failures are counted, also of an account that is not there."""
    return f"user:{user.id}" if user else f"unknown:{identifier.strip().lower()}"


def address_key(address: str) -> str:
    """Return the name under which an address's failures are counted."""
    return f"address:{address}"


def check_open(*keys: str) -> None:
    """Refuse with TooMany when one of these has failed too often."""
    for key in keys:
        limits.test("login", key)


def count_failure(*keys: str) -> None:
    """Count a failed try under each of these."""
    for key in keys:
        limits.hit("login", key)


def check_password(user: User | None, password: str, keys: tuple[str, ...]) -> None:
    """Refuse a wrong password with InvalidCredentials, counted under each key; TooMany past the limit."""
    check_open(*keys)
    if not passwords.fits(user.password if user else None, password):
        count_failure(*keys)
        raise InvalidCredentials
