"""News about payments."""

from dataclasses import dataclass
from typing import Any

from sheda.core.events import Event
from sheda.core.states import Moved


@dataclass(frozen=True)
class PaymentInitiated(Moved):
    """The account details were shown to the client."""


@dataclass(frozen=True)
class PaymentDeclared(Moved):
    """The client says that he has paid."""


@dataclass(frozen=True)
class PaymentVerified(PaymentDeclared):
    """A gateway has the money: as declared, with the proof."""


@dataclass(frozen=True)
class PaymentAccepted(Moved):
    """The agent says that the money has come."""


@dataclass(frozen=True)
class PaymentDeclined(Moved):
    """The agent says that it has not; the reason says more."""


@dataclass(frozen=True)
class PaymentCanceled(Moved):
    """The client has called it off before a decision."""


@dataclass(frozen=True)
class PaymentExpired(Moved):
    """Nobody said in time that it was made."""


@dataclass(frozen=True)
class PaymentSuperseded(Moved):
    """The home went to somebody else."""


@dataclass(frozen=True)
class PaymentEscalated(Moved):
    """Nobody decided in time: staff must."""


@dataclass(frozen=True)
class PaymentRefunded(Moved):
    """Money that was owed has been sent back; the reason says how."""


@dataclass(frozen=True)
class PaymentChanging(Event):
    """A payment is about to be locked; a room on the right locks what comes before it in the order of locks."""

    payment: Any


@dataclass(frozen=True)
class GatewayFlagged(Event):
    """A gateway tells of money that staff must look at: `subject` is what it told, `payment` what it is about."""

    subject: Any
    provider: str
    outcome: str
    payment: Any = None
