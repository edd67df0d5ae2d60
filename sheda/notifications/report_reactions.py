"""Who is told of a reported message: the office, then its sender if he is warned, and whoever reported it."""

from typing import Any

from sheda.accounts.models import User
from sheda.chat.events import MessageReported, ReportDismissed, ReportResolved, SenderWarned
from sheda.chat.models import Message, Report
from sheda.core import clock
from sheda.core.db import db
from sheda.notifications import words
from sheda.notifications.services import News, office_ids, tell, tell_all


def message_reported(event: MessageReported) -> None:
    """Call the office; what the message says is read on the report's page alone."""
    report = event.subject
    name = db.session.get_one(User, report.reported_id).get_full_name().strip()
    text = f"A message of {name or 'somebody'} was reported. Please look at it within a day."
    parties = {report.reporter_id, report.reported_id}
    tell("message_reported", report, {one: text for one in office_ids() if one not in parties})


def sender_warned(event: SenderWarned) -> None:
    """Tell the sender what the office has to say to him, and whoever reported the message that something was done."""
    report = event.subject
    said = {
        "facts": words.facts(("When", f"{words.moment_of(clock.now())} (Lagos time)")),
        "reason": event.reason,
        "path": "/admin/chats/list/",
    }
    text = f"About a message of yours, the Sheda team says: {event.reason}"
    _tell("sender_warned", report, {report.reported_id: text}, said)
    thanks = "Thank you for your report. We have looked at the message and warned its sender."
    _tell("report_closed", report, {report.reporter_id: thanks})


def report_resolved(event: ReportResolved) -> None:
    """Tell whoever reported a message that something was done."""
    text = "Thank you for your report. We have looked at the message and acted on it."
    _tell("report_closed", event.subject, {event.subject.reporter_id: text})


def report_dismissed(event: ReportDismissed) -> None:
    """Tell whoever reported a message that it was looked at."""
    text = (
        "Thank you for your report. We have looked at it and found nothing against our rules. You can block the sender."
    )
    _tell("report_closed", event.subject, {event.subject.reporter_id: text})


def _tell(kind: str, report: Report, texts: dict[int, str], said: dict[str, Any] | None = None) -> None:
    # To the two who talk it is about their conversation: a report's page is the office's.
    conversation_id = db.session.get_one(Message, report.message_id).conversation_id
    tell_all(kind, "conversations", [News(conversation_id, texts, said or {})], version=f"report-{report.id}")
