"""News of chat: what has waited unread, and what became of a report."""

from dataclasses import dataclass

from sheda.core.events import Event
from sheda.core.states import Moved


@dataclass(frozen=True)
class MessageSent(Event):
    """A message is stored: those whom it concerns may hear of it at once."""

    message_id: int


@dataclass(frozen=True)
class MessagesRead(Event):
    """Somebody has read what another had written to him."""

    reader_id: int
    sender_id: int


@dataclass(frozen=True)
class MessagesWait(Event):
    """Messages of one conversation have waited for their reader, who was not told of them before.

    `lines` are the last ones, each on one line and shortened; `path` is where the reader answers.
    """

    conversation_id: int
    reader_id: int
    sender_id: int
    sender_name: str
    count: int
    last_message_id: int
    lines: tuple[str, ...]
    path: str


@dataclass(frozen=True)
class MessageReported(Moved):
    """Somebody reported a message to the office; `subject` is the report."""


@dataclass(frozen=True)
class SenderWarned(Moved):
    """The office warned the sender of a reported message; `reason` is what it says to him."""


@dataclass(frozen=True)
class ReportDismissed(Moved):
    """The office found nothing to do about a report."""


@dataclass(frozen=True)
class ReportResolved(Moved):
    """The office has done something about a report."""
