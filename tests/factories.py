"""The smallest valid row of each model: what a test does not say about it is of no meaning to the test."""

import itertools
from typing import Any

from sqlalchemy import select
from werkzeug.security import generate_password_hash

from sheda.accounts import sessions
from sheda.accounts.models import Role as StoredRole
from sheda.accounts.models import User
from sheda.chat.models import Block
from sheda.core import clock
from sheda.core.actor import Actor, Role
from sheda.core.db import db
from sheda.profiles.models import AgentProfile, ClientProfile, Profile

PASSWORD = "correct horse battery"

_numbers = itertools.count(1)
_hashes: dict[str, str] = {}


def _hash(password: str) -> str:
    if password not in _hashes:
        _hashes[password] = generate_password_hash(password, "pbkdf2:sha256:1")
    return _hashes[password]


def make_user(role: Role = Role.CLIENT, *, password: str = PASSWORD, **over: Any) -> User:
    """Make an active person of a role with a verified address and a profile, and commit."""
    number = next(_numbers)
    name = role.value.lower()
    values: dict[str, Any] = {
        "first_name": role.value,
        "last_name": f"Number {number}",
        "username": f"{name}{number}",
        "email": f"{name}{number}@sheda.example",
        "password": _hash(password),
        "active": True,
        "verified_at": clock.now(),
        **over,
    }
    user = User(**values)
    user.roles = [db.session.scalars(select(StoredRole).where(StoredRole.name == role.value)).one()]
    db.session.add(user)
    db.session.flush()
    kind = {Role.CLIENT: ClientProfile, Role.AGENT: AgentProfile}.get(role, Profile)
    db.session.add(kind(user_id=user.id, created_at=clock.now(), updated_at=clock.now()))
    db.session.commit()
    return user


def actor_of(user: User) -> Actor:
    """Return a person as services know him."""
    return Actor(user.id, Role(user.roles[0].name), user.get_full_name().strip(), user.email)


def token_for(user: User) -> str:
    """Return an access token of a new sign-in, and commit."""
    token = sessions.access_token(user, sessions.open_family(user))
    db.session.commit()
    return token


def auth(user: User) -> dict[str, str]:
    """Return the headers of a request by a person."""
    return {"Authorization": f"Bearer {token_for(user)}"}


def make_block(blocker: Actor, blocked: Actor) -> Block:
    """Make one person block another, and commit."""
    block = Block(blocker_id=blocker.user_id, blocked_id=blocked.user_id, created_at=clock.now())
    db.session.add(block)
    db.session.commit()
    return block
