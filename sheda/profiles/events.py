"""News about profiles."""

from dataclasses import dataclass
from typing import Any

from sheda.core.events import Event


@dataclass(frozen=True)
class BankAccountChanged(Event):
    """A bank account was added, changed or removed; its owner is told by mail, also because it may not have been him."""

    account: Any
    change: str
