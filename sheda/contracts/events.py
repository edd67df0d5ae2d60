"""News about contracts."""

from dataclasses import dataclass

from sheda.core.states import Moved


@dataclass(frozen=True)
class ContractBegan(Moved):
    """A contract has become active."""


@dataclass(frozen=True)
class ContractEnded(Moved):
    """A tenancy has expired or was terminated; the property is free again."""


@dataclass(frozen=True)
class NoticeGiven(Moved):
    """One side ends a tenancy on a day to come."""


@dataclass(frozen=True)
class RenewalProposed(Moved):
    """One side proposes to renew a tenancy."""
