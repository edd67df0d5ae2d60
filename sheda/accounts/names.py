"""Names by which people are known: e-mail addresses and user names."""

import re
import secrets
import zlib

from sqlalchemy import ColumnElement, func, select

from sheda.accounts.models import User
from sheda.core.db import advisory_lock, db

# A dot-atom at a domain with a dot (RFC 5322, 3.4.1), in ASCII: what every mail server takes.
ADDRESS = re.compile(
    r"(?=.{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)
ADVICE = "Write an e-mail address such as ada@example.com."


def free_username(email: str) -> str:
    """Make a user name from an address that nobody has, also against others who join at the same moment."""
    local = "".join(letter for letter in email.partition("@")[0].lower() if letter.isalnum() or letter in "._-")
    wanted = (local if len(local) >= 3 else f"user{local}")[:24]  # noqa: PLR2004 - 3…30 characters, api.md
    advisory_lock(("username", zlib.crc32(wanted.encode()) - 2**31))
    found = wanted
    while is_taken(func.lower(User.username) == found):
        found = f"{wanted}{secrets.randbelow(10**6)}"
    return found


def is_taken(condition: ColumnElement[bool]) -> bool:
    """Tell whether a person meets a condition."""
    return db.session.scalar(select(User.id).where(condition).limit(1)) is not None
