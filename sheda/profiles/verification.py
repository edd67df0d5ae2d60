"""Who an agent is: the papers that he sends, what the office decides on them, and who has read which."""

import hashlib
from collections.abc import Sequence
from typing import Any

from flask import current_app
from sqlalchemy import select

from sheda.core import clock, files
from sheda.core.access import find_visible, get_visible
from sheda.core.actor import SYSTEM, Actor
from sheda.core.attachments import read_attachment
from sheda.core.db import advisory_lock, db, flush, lock_one
from sheda.core.errors import Conflict, InvalidInput, NotFound
from sheda.core.fields import wire_moment
from sheda.core.states import latest_reason, record
from sheda.profiles.models import AgentProfile, AgentVerification, VerificationDocument
from sheda.profiles.states import VERIFICATION

KINDS = {
    "identity": "Identity card or passport",
    "registration": "Registration of the agency (CAC)",
    "licence": "Licence",
}
"""The papers that an agent can send."""

OPEN = ("unverified", "rejected")
"""States in which papers can be changed."""


class PapersLocked(Conflict):
    """Refuse to change papers that the office looks at, or has approved."""

    code = "papers_locked"
    detail = "Your papers are with us, or approved. Take them back first, if you want to change them."


# ── An agent and his papers ──────────────────────────────────────────────────────────────────────────────────────────


def find_verification(actor: Actor) -> AgentVerification | None:
    """Return an agent's own verification; None before he has sent a paper."""
    mine = select(AgentVerification).where(AgentVerification.agent_id == actor.user_id)
    return db.session.scalars(mine).one_or_none()


def show(actor: Actor) -> dict[str, Any]:
    """Return where an agent stands: his state, why it is so, and his papers."""
    row = find_verification(actor)
    if row is None:
        return {"status": "unverified", "documents": [], "missing": _missing([])}
    papers = documents_of([row])
    return {
        "id": row.id,
        "status": row.status,
        "submitted_at": row.submitted_at,
        "decided_at": row.decided_at,
        "reason": reason_of(row),
        "documents": papers,
        "missing": _missing(papers),
    }


def reason_of(row: AgentVerification) -> str | None:
    """Return why papers were sent back, or the badge taken; None while nothing of it holds."""
    if row.status == "rejected":
        return latest_reason(row, "reject")
    if row.status == "unverified" and row.decided_at is not None:
        return latest_reason(row, "revoke") or latest_reason(row, "lapse")
    return None


def documents_of(rows: Sequence[AgentVerification]) -> list[VerificationDocument]:
    """Return the papers of verifications as they stand, in one statement."""
    present = select(VerificationDocument).where(
        VerificationDocument.verification_id.in_([row.id for row in rows]), VerificationDocument.removed_at.is_(None)
    )
    order = list(KINDS)
    return sorted(db.session.scalars(present), key=lambda one: (one.verification_id, order.index(one.kind)))


def put_document(actor: Actor, kind: str, data: bytes) -> dict[str, Any]:
    """Keep a paper of a kind, in the place of the one before: JPEG, PNG, WebP or PDF of at most 10 MB, written anew.

    Raises NotFound for a kind that there is none of, InvalidInput or TooLarge for the file, or PapersLocked.
    """
    row = _held(actor, kind)
    paper = read_attachment(data)
    _remove(row, kind)
    db.session.add(
        VerificationDocument(
            verification_id=row.id,
            kind=kind,
            key=files.put(files.Area.PRIVATE, paper.data, paper.suffix),
            content_type=paper.media_type,
            size=len(paper.data),
            sha256=hashlib.sha256(paper.data).hexdigest(),
            created_at=clock.now(),
        )
    )
    flush()
    return show(actor)


def remove_document(actor: Actor, kind: str) -> dict[str, Any]:
    """Remove one's paper of a kind, its file too; NotFound when there is none, or PapersLocked."""
    if not _remove(_held(actor, kind), kind):
        raise NotFound
    flush()
    return show(actor)


def submit(actor: Actor) -> dict[str, Any]:
    """Send one's papers in; InvalidInput names what is missing. The office has VERIFY_WITHIN to decide."""
    row = _own(actor)
    if VERIFICATION.check(actor, row, "submit") is not None:
        missing = _missing(documents_of([row]))
        if missing:
            raise InvalidInput(errors=[{"field": one, "message": f"Add this first: {KINDS[one]}."} for one in missing])
        now = clock.now()
        row.submitted_at, row.decide_by, row.decided_at = now, now + current_app.config["VERIFY_WITHIN"], None
        VERIFICATION.move(actor, row, "submit")
    return show(actor)


def withdraw(actor: Actor) -> dict[str, Any]:
    """Take one's papers back while nobody has decided, to change them."""
    row = _own(actor)
    if VERIFICATION.move(actor, row, "withdraw"):
        row.submitted_at = row.decide_by = None
    return show(actor)


def export(actor: Actor) -> list[dict[str, Any]]:
    """Return what is kept of somebody's papers, for himself; the papers themselves he reads one by one."""
    row = find_verification(actor)
    papers = documents_of([row]) if row is not None else []
    return [{"kind": one.kind, "size": one.size, "sent_at": wire_moment(one.created_at)} for one in papers]


def forget(actor: Actor) -> None:
    """Erase somebody's papers and his badge: his account closes."""
    row = find_verification(actor)
    if row is not None:
        for kind in KINDS:
            _remove(row, kind)
    _mark(actor.user_id, verified=False)


def lapse(profile: AgentProfile, actor: Actor) -> None:
    """Take the badge of an agent who calls himself or his agency otherwise than his papers do."""
    row = find_verification(actor)
    if row is not None and VERIFICATION.move(SYSTEM, row, "lapse", reason="The name, agency or licence has changed."):
        profile.verified_at, row.decided_at = None, clock.now()


def _missing(papers: Sequence[VerificationDocument]) -> list[str]:
    """Name what must be there: an identity, and of registration and licence at least one."""
    sent = {one.kind for one in papers}
    missing = [] if "identity" in sent else ["identity"]
    return missing if sent & {"registration", "licence"} else [*missing, "registration"]


def _own(actor: Actor) -> AgentVerification:
    advisory_lock(("verification", actor.user_id))
    row = find_verification(actor)
    if row is None:
        row = AgentVerification(agent_id=actor.user_id, status="unverified", created_at=clock.now())
        db.session.add(row)
        flush()
        VERIFICATION.begin(actor, row)
    return lock_one(AgentVerification, row.id)


def _held(actor: Actor, kind: str) -> AgentVerification:
    if kind not in KINDS:
        raise NotFound
    row = _own(actor)
    if row.status not in OPEN:
        raise PapersLocked
    return row


def _remove(row: AgentVerification, kind: str) -> bool:
    present = [one for one in documents_of([row]) if one.kind == kind]
    for one in present:
        one.removed_at = clock.now()
        files.delete_after_commit(one.key)
    flush()
    return bool(present)


# ── What the office does ─────────────────────────────────────────────────────────────────────────────────────────────


def approve(actor: Actor, verification_id: int, *, reason: str | None = None) -> AgentVerification:
    """Say that the papers are an agent's own; his card shows it from now on."""
    return _decide(actor, verification_id, "approve", reason)


def reject(actor: Actor, verification_id: int, *, reason: str | None = None) -> AgentVerification:
    """Send papers back with a reason; the agent may send better ones."""
    return _decide(actor, verification_id, "reject", reason)


def revoke(actor: Actor, verification_id: int, *, reason: str | None = None) -> AgentVerification:
    """Take the badge back with a reason."""
    return _decide(actor, verification_id, "revoke", reason)


def _decide(actor: Actor, verification_id: int, move: str, reason: str | None) -> AgentVerification:
    row = lock_one(AgentVerification, get_visible(actor, AgentVerification, verification_id).id)
    if VERIFICATION.check(actor, row, move, reason=reason) is not None:
        row.decided_at = clock.now()
        _mark(row.agent_id, verified=move == "approve")
        VERIFICATION.move(actor, row, move, reason=reason)
    return row


def _mark(agent_id: int, *, verified: bool) -> None:
    profile = db.session.scalars(select(AgentProfile).where(AgentProfile.user_id == agent_id)).one_or_none()
    if profile is not None:
        profile.verified_at = clock.now() if verified else None


# ── Reading, which is written down ───────────────────────────────────────────────────────────────────────────────────


def read_document(actor: Actor, document_id: int) -> tuple[VerificationDocument, bytes]:
    """Return a paper with its bytes, and write down who has read which and when; NotFound for any other's."""
    paper = find_visible(actor, VerificationDocument, document_id)
    if paper is None:
        raise NotFound
    row = paper.verification
    details = {"what": KINDS[paper.kind], "document": paper.id}
    record(actor, row, "read_document", row.status, row.status, details=details)
    return paper, files.get(paper.key)


def read_own(actor: Actor, kind: str) -> tuple[VerificationDocument, bytes]:
    """Return one's own paper of a kind, as `read_document` does."""
    row = find_verification(actor)
    found = [one for one in documents_of([row] if row else []) if one.kind == kind]
    if not found:
        raise NotFound
    return read_document(actor, found[0].id)
