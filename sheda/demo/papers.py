"""Drawn papers of the demo's agents: most of the first dozen are verified, one waits, one was sent back."""

import hashlib
import io
from datetime import timedelta

from PIL import Image, ImageDraw, ImageFont
from sqlalchemy import select

from sheda.accounts.models import User
from sheda.contracts.document import FONTS
from sheda.core import clock, files
from sheda.core.actor import Actor, Role
from sheda.core.attachments import read_attachment
from sheda.core.db import db
from sheda.core.states import record
from sheda.profiles.models import AgentProfile, AgentVerification, VerificationDocument

_TITLES = {"identity": "NATIONAL IDENTITY CARD", "registration": "CORPORATE AFFAIRS COMMISSION"}
_STATES = ("verified", "verified", "submitted", "verified", "rejected", *(("verified",) * 5))
"""Of the demo agent and those after him; everybody else has sent nothing."""

_WHY = "The name on the card cannot be read. Photograph it in daylight, please."
_DAY = timedelta(days=1)


def verify_some(agent_ids: list[int], staff_id: int) -> None:
    """Give the first agents papers, each in its state, with what has happened to them."""
    for number, (agent_id, status) in enumerate(zip(agent_ids, _STATES, strict=False)):
        _tell(agent_id, staff_id, status, number)
    db.session.flush()


def _tell(agent_id: int, staff_id: int, status: str, number: int) -> None:
    sent = clock.now() - (_DAY if status == "submitted" else (40 + number) * _DAY)
    decided = None if status == "submitted" else sent + _DAY
    row = AgentVerification(
        agent_id=agent_id,
        status=status,
        created_at=sent,
        submitted_at=sent,
        decide_by=sent + 3 * _DAY,
        decided_at=decided,
    )
    db.session.add(row)
    db.session.flush()
    name = db.session.get_one(User, agent_id).get_full_name()
    profile = db.session.scalars(select(AgentProfile).where(AgentProfile.user_id == agent_id)).one()
    profile.verified_at = decided if status == "verified" else None
    for kind in _TITLES:
        db.session.add(_paper(row, kind, name if kind == "identity" else profile.agency_name or name))
    agent, staff = Actor(agent_id, Role.AGENT), Actor(staff_id, Role.STAFF)
    with clock.travel(sent):
        record(agent, row, "create", None, "unverified")
        record(agent, row, "submit", "unverified", "submitted")
    if decided is not None:
        move, why = ("approve", None) if status == "verified" else ("reject", _WHY)
        with clock.travel(decided):
            record(staff, row, move, "submitted", status, reason=why)


def _paper(row: AgentVerification, kind: str, name: str) -> VerificationDocument:
    paper = read_attachment(_draw(_TITLES[kind], name))
    return VerificationDocument(
        verification_id=row.id,
        kind=kind,
        key=files.put(files.Area.PRIVATE, paper.data, paper.suffix),
        content_type=paper.media_type,
        size=len(paper.data),
        sha256=hashlib.sha256(paper.data).hexdigest(),
        created_at=row.created_at,
    )


def _draw(title: str, name: str) -> bytes:
    image = Image.new("RGB", (640, 400), (236, 243, 236))
    pen = ImageDraw.Draw(image)
    plain, bold = (ImageFont.truetype(FONTS / font, 22) for font in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"))
    pen.rounded_rectangle((12, 12, 628, 388), 20, outline=(20, 110, 70), width=4)
    pen.text((320, 56), "FEDERAL REPUBLIC OF NIGERIA", fill=(20, 110, 70), font=plain, anchor="mm")
    pen.text((320, 92), title, fill=(20, 110, 70), font=bold, anchor="mm")
    pen.rectangle((48, 140, 208, 340), fill=(214, 222, 214))
    pen.ellipse((98, 170, 158, 230), fill=(150, 160, 150))
    pen.pieslice((68, 240, 188, 400), 180, 360, fill=(150, 160, 150))
    pen.text((244, 190), name, fill=(40, 48, 58), font=bold, anchor="lm")
    pen.text((244, 240), "A drawing for the demo", fill=(90, 100, 110), font=plain, anchor="lm")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
