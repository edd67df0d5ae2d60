"""Every message that Sheda sends, as its reader gets it, with invented people: for staff to look at."""

import json
from typing import Any

from flask import Response, render_template, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access

from sheda.core.actor import current_actor
from sheda.core.errors import NotFound
from sheda.core.views import DeskView, csp_nonce, query
from sheda.notifications import examples
from sheda.notifications.kinds import KINDS
from sheda.notifications.push import payload_of
from sheda.notifications.texts import body_of

SIDES = {"client": "Client", "agent": "Agent", "staff": "Staff"}

FRAMED = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
"""A mail carries its own style and runs nothing; it is shown in a frame of ours alone."""


class Reader:
    """Whom an example greets."""

    def __init__(self, first_name: str) -> None:
        self.first_name = first_name


class MessagePreviewView(DeskView):
    """The templates of all messages."""

    route_base = "/admin/message-templates"
    class_permission_name = "MessagePreview"
    default_view = "list"
    method_permission_name = {"list": "list", "show": "list", "mail": "list"}

    @expose("/")
    @has_access
    def list(self) -> Any:
        """List every kind of message."""
        groups: dict[str, list[dict[str, Any]]] = {}
        for kind, about in KINDS.items():
            ways = [name for name in about.channels if name != "digest"]
            groups.setdefault(about.group, []).append(_line(kind, about.label, ways, about.to))
        groups["Other mails"] = [_line(name, label, ["mail"], "CASX") for name, label in examples.MAILS.items()]
        page = {"groups": list(groups.items())}
        return self.render_template("admin/message_templates.html", title="Message templates", page=page)

    @expose("/<kind>")
    @has_access
    def show(self, kind: str) -> Any:
        """Show one kind as mail, in Sheda, as push and as text."""
        label, side = _label(kind), _side(kind)
        page: dict[str, Any] = {
            "trail": [("Message templates", url_for(f"{self.endpoint}.list")), (label, "")],
            "sides": [
                (name, SIDES[name], url_for(f"{self.endpoint}.show", kind=kind, side=name)) for name in _sides(kind)
            ],
            "side": side,
        }
        if kind in examples.MAILS or KINDS[kind].mails:
            subject, _, plain = _rendered(kind, "txt", side).strip().partition("\n")
            page |= {
                "subject": subject.removeprefix("Subject:").strip(),
                "plain": plain.strip(),
                "mail": url_for(f"{self.endpoint}.mail", kind=kind, side=side),
            }
        if kind in KINDS:
            text = examples.text_of(kind)
            said = {"text": text, "path": "/admin/", "key": f"{kind}:7::1", "subject_type": "", "subject_id": 7}
            push = payload_of(kind, said)
            page |= {
                "text": text,
                "push": push,
                "data": json.dumps(push, ensure_ascii=False, indent=2),
                "sms": body_of(text),
            }
        answer = Response(self.render_template("admin/message_template.html", title=label, page=page))
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'nonce-{csp_nonce()}'; style-src 'self'; img-src 'self' data:; "
            "connect-src 'self'; font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        return answer

    @expose("/<kind>/mail")
    @has_access
    def mail(self, kind: str) -> Any:
        """Show the mail itself, for the frame of its page."""
        _label(kind)
        if kind in KINDS and not KINDS[kind].mails:
            raise NotFound
        headers = {"Content-Security-Policy": FRAMED, "X-Frame-Options": "SAMEORIGIN"}
        return Response(_rendered(kind, "html", _side(kind)), headers=headers)


def _line(kind: str, label: str, ways: list[str], to: str) -> dict[str, Any]:
    words = {"app": "in Sheda", "mail": "mail", "push": "push", "sms": "SMS", "whatsapp": "WhatsApp"}
    people = {"C": "clients", "A": "agents", "S": "staff"}
    return {
        "href": url_for("MessagePreviewView.show", kind=kind),
        "label": label,
        "ways": ", ".join(words[way] for way in ways),
        "to": ", ".join(name for letter, name in people.items() if letter in to),
    }


def _label(kind: str) -> str:
    if kind in KINDS:
        return KINDS[kind].label
    if kind not in examples.MAILS:
        raise NotFound
    return examples.MAILS[kind]


def _sides(kind: str) -> list[str]:
    """Name the sides that a kind reaches."""
    reached = KINDS[kind].to if kind in KINDS else "CA"
    return [name for name in SIDES if name[0].upper() in reached]


def _side(kind: str) -> str:
    asked, reached = query().get("side", ""), _sides(kind)
    return asked if asked in reached else reached[0]


def _rendered(kind: str, form: str, side: str) -> str:
    words = examples.words_of(kind)
    person = Reader({"client": "Ngozi", "agent": "Ada"}.get(side, current_actor().name.partition(" ")[0]))
    return render_template(f"mail/{kind}.{form}", person=person, app_url="https://sheda.example", side=side, **words)
