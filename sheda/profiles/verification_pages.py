"""Verification in the admin UI: an agent's own papers, and the office's queue with the papers inline."""

from datetime import datetime
from typing import Any

from flask import Response, redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from markupsafe import Markup
from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import joinedload

from sheda.core import widgets
from sheda.core.access import select_visible
from sheda.core.actor import Actor, current_actor
from sheda.core.attachments import MAX_BYTES
from sheda.core.db import db, in_transaction
from sheda.core.errors import InvalidInput
from sheda.core.generated import RoomView
from sheda.core.lists import Empty, RoomInterface
from sheda.core.views import DeskView, counts, perform, require, row_id, uploaded, view_of, waiting_counts, waits
from sheda.core.widgets import Card, Link, Section
from sheda.profiles import verification
from sheda.profiles.models import AgentVerification, VerificationDocument
from sheda.profiles.states import VERIFICATION

WORDS = {
    "unverified": "Not verified",
    "submitted": "Waits for the office",
    "verified": "Verified",
    "rejected": "Sent back",
}
TONES = {"unverified": "off", "submitted": "info", "verified": "good", "rejected": "bad"}


def badge_of(status: str) -> Markup:
    """Show a state of verification in words."""
    return widgets.badge(status, WORDS, tone=TONES[status])


def send(paper: VerificationDocument, data: bytes) -> Response:
    """Send a paper to a page, kept by no cache."""
    return Response(data, content_type=paper.content_type, headers={"Cache-Control": "private, no-store"})


class MyVerificationView(DeskView):
    """An agent's own papers."""

    route_base = "/admin/verification"
    class_permission_name = "MyVerification"
    default_view = "show"
    method_permission_name = {
        "show": "read",
        "paper": "read",
        "put": "update",
        "remove": "update",
        "submit": "submit",
        "withdraw": "submit",
    }

    @expose("/")
    @has_access
    def show(self) -> Any:
        """Say where one stands, and take papers."""
        found = verification.show(current_actor())
        sent = {one.kind: one for one in found["documents"]}
        may_change = found["status"] in verification.OPEN
        page = {
            "badge": badge_of(found["status"]),
            "status": found["status"],
            "reason": found.get("reason"),
            "since": _moment(found.get("submitted_at")),
            "decided": _moment(found.get("decided_at")),
            "may_change": may_change,
            "is_ready": may_change and not found["missing"],
            "is_again": found["status"] == "rejected",
            "papers": [
                {
                    "kind": kind,
                    "label": label,
                    "is_needed": kind == "identity",
                    "sent": _moment(sent[kind].created_at) if kind in sent else "",
                    "href": url_for(f"{self.endpoint}.paper", kind=kind) if kind in sent else "",
                    "put": url_for(f"{self.endpoint}.put", kind=kind),
                    "remove": url_for(f"{self.endpoint}.remove", kind=kind),
                }
                for kind, label in verification.KINDS.items()
            ],
        }
        return self.render_template("admin/verification.html", title="Verification", page=page)

    @expose("/paper/<kind>")
    @has_access
    def paper(self, kind: str) -> Response:
        """Send one's own paper back; the reading is written down."""
        return send(*in_transaction(lambda: verification.read_own(current_actor(), kind)))

    @expose("/paper/<kind>/put", methods=["POST"])
    @has_access
    def put(self, kind: str) -> Any:
        """Take a paper in the place of the one before."""

        def work() -> Any:
            sent = uploaded("file")
            if not sent:
                raise InvalidInput.on("file", "Choose a file first.")
            return verification.put_document(current_actor(), kind, sent[0].stream.read(MAX_BYTES + 1))

        perform(work, "Kept. Only the office can read it.")
        return self._back()

    @expose("/paper/<kind>/remove", methods=["POST"])
    @has_access
    def remove(self, kind: str) -> Any:
        """Remove a paper."""
        perform(lambda: verification.remove_document(current_actor(), kind), "Removed.")
        return self._back()

    @expose("/submit", methods=["POST"])
    @has_access
    def submit(self) -> Any:
        """Send the papers in."""
        perform(lambda: verification.submit(current_actor()), "Sent in. You are told when the office has decided.")
        return self._back()

    @expose("/withdraw", methods=["POST"])
    @has_access
    def withdraw(self) -> Any:
        """Take the papers back."""
        perform(lambda: verification.withdraw(current_actor()), "Taken back. You can change your papers.")
        return self._back()

    def _back(self) -> Any:
        return redirect(url_for(f"{self.endpoint}.show"))


def _moment(value: datetime | None) -> Any:
    return widgets.moment(value) if value else ""


class VerificationView(RoomView):
    """What agents have sent in: the office reads the papers, and decides."""

    datamodel = RoomInterface(AgentVerification)
    class_permission_name = "Verification"
    route_base = "/admin/verifications"
    show_template = "admin/verification_show.html"
    nouns = ("verification", "verifications")
    list_title = "Verifications"
    icon = "staff"
    machine = VERIFICATION
    words = WORDS
    moves = {"approve": verification.approve, "reject": verification.reject, "revoke": verification.revoke}
    weighty = frozenset({"approve"})
    done = {"approve": "Approved.", "reject": "Sent back.", "revoke": "The badge is taken back."}
    list_columns = ["agent_name", "agency", "status", "submitted_at", "clock"]
    show_columns = ["agent_name", "agency", "licence", "email", "phone", "status", "submitted_at", "decided_at"]
    order_columns = ["submitted_at"]
    base_order = ("id", "desc")
    search_columns = ["status", "submitted_at"]
    choices = {"status": tuple(WORDS.items())}
    label_columns = {
        "agent_name": "Agent",
        "licence": "Licence number",
        "email": "E-mail",
        "status": "State",
        "submitted_at": "Sent in",
        "decided_at": "Decided",
        "clock": "Decide",
    }
    looks = {"agency": "s-p3", "submitted_at": "s-p2"}
    list_options = (joinedload(AgentVerification.agent), joinedload(AgentVerification.profile))
    empty = Empty("Nobody has sent papers", "Agents send them on their page Verification; they appear here to decide.")
    tabs = {
        "waiting": ("Waiting", lambda _actor: AgentVerification.status == "submitted"),
        "verified": ("Verified", lambda _actor: AgentVerification.status == "verified"),
        "all": ("All", lambda _actor: None),
    }
    cells = {
        "agent_name": lambda row: row.agent.get_full_name().strip() or row.agent.username,
        "agency": lambda row: row.profile.agency_name,
        "licence": lambda row: row.profile.licence_number,
        "email": lambda row: row.agent.email,
        "phone": lambda row: widgets.phone(row.agent.phone),
        "status": lambda row: badge_of(row.status),
        "clock": lambda row: widgets.countdown(row.decide_by) if row.status == "submitted" else "",
    }

    def own_routes(self) -> tuple[str, ...]:
        """Name the route of a paper, and the way from a person."""
        return ("paper", "of_person")

    def title_of(self, row: AgentVerification) -> str:
        """Name a verification by its agent."""
        return str(row.agent.get_full_name().strip() or row.agent.username)

    def extras(self, _actor: Actor, row: AgentVerification) -> dict[str, Any]:
        """Set the papers beside what the agent says of himself."""
        return {
            "note": widgets.countdown(row.decide_by) if row.status == "submitted" else "",
            "papers": [
                {
                    "label": verification.KINDS[one.kind],
                    "href": url_for(f"{self.endpoint}.paper", number=one.id),
                    "is_picture": one.content_type.startswith("image/"),
                    "when": widgets.moment(one.created_at),
                }
                for one in verification.documents_of([row])
            ],
            "reason": verification.reason_of(row),
        }

    def links(self, _actor: Actor, row: AgentVerification) -> list[Link]:
        """Lead to the person."""
        return [Link("Person", f"/admin/users/show/{row.agent_id}", "people")]

    @expose("/paper/<number>")
    def paper(self, number: str) -> Response:
        """Send a paper to the office; who has read which is written down."""
        require("read", self.class_permission_name)
        paper = row_id(number)
        return send(*in_transaction(lambda: verification.read_document(current_actor(), paper)))

    @expose("/of/<person>")
    def of_person(self, person: str) -> Any:
        """Show a person's verification, or the list when he has sent nothing."""
        require("read", self.class_permission_name)
        mine = select_visible(current_actor(), AgentVerification).where(AgentVerification.agent_id == row_id(person))
        row = db.session.scalars(mine).one_or_none()
        return self.show(str(row.id)) if row is not None else self.list()


@counts("VerificationView")
def waiting(actor: Actor) -> ScalarSelect[int]:
    """Count the papers that wait for the office."""
    rows = select(func.count()).select_from(AgentVerification).where(AgentVerification.status == "submitted")
    return (rows if actor.is_office else rows.where(AgentVerification.id.is_(None))).scalar_subquery()


@waits
def papers_to_decide(actor: Actor) -> Section | None:
    """Tell staff how many agents wait; the menu has counted them already, so that this asks the database nothing."""
    number = waiting_counts().get("VerificationView", 0) if actor.is_office else 0
    if not number:
        return None
    title = "An agent has sent papers" if number == 1 else f"{number} agents have sent papers"
    href = view_of(VerificationView).list_href("waiting")
    return Section("Agents to verify", [Card("verification", title, href, "Read them, and decide.")], href, rank=40)
