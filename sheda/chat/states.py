"""The life of a report."""

from sheda.chat import events
from sheda.core.states import Machine, Move

REPORT = Machine(
    "status",
    ("open", "resolved", "dismissed"),
    (
        Move("warn", ("open",), "resolved", "S", "Warn the sender", events.SenderWarned, reason="always", confirm="The sender is told what you write; whoever reported it is told that something was done."),
        Move("resolve", ("open",), "resolved", "S", "Close as settled", events.ReportResolved, reason="always", confirm="Whoever reported it is told that something was done. Your note stays in the office."),
        Move("dismiss", ("open",), "dismissed", "S", "Nothing wrong", events.ReportDismissed, reason="always", confirm="Whoever reported it is told that it was looked at. Your note stays in the office."),
    ),
)  # fmt: skip
