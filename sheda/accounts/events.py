"""News about people."""

from dataclasses import dataclass, field
from typing import Any

from sheda.core.actor import Role
from sheda.core.events import Event


@dataclass(frozen=True)
class UserRegistered(Event):
    """Somebody has an account now; `details` is what he told about himself beside it."""

    user: Any
    role: Role
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PasswordChanged(Event):
    """A password was changed or reset; every session has ended."""

    user: Any


@dataclass(frozen=True)
class TwoFactorChanged(Event):
    """Somebody's second step of signing in is another one: on, off, reset, new_codes, or code_used."""

    user: Any
    change: str
    reason: str | None = None
    left: int = 0


@dataclass(frozen=True)
class SessionEnded(Event):
    """One sign-in, or every one of somebody, has ended: what it holds open is closed at once."""


@dataclass(frozen=True)
class AccountClosing(Event):
    """Somebody deletes his account; a room on the right may refuse, or tidies up."""

    user: Any
