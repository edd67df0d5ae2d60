"""Quick replies: sentences that somebody answers with often, each his own to change."""

import re

from sqlalchemy import func, insert, select

from sheda.accounts.events import UserRegistered
from sheda.chat.models import QuickReply
from sheda.core import clock
from sheda.core.access import get_visible, select_visible
from sheda.core.actor import Actor, Role
from sheda.core.db import advisory_lock, db, flush
from sheda.core.errors import Conflict, InvalidInput

MOST_REPLIES = 20

GIVEN = (
    "Yes, it is still available.",
    "Hello {name}, when would you like to see {home}? Please choose a time in the app.",
    "I will check and write today.",
    "Thank you, {name}. I will call you shortly.",
)
"""What every agent begins with."""

PLACES = ("name", "home")
"""What may stand in braces: the other's first name, and the title of the home they talk about."""

_PLACE = re.compile(r"\{([^{}]*)\}")


class TooManyReplies(Conflict):
    """Refuse one more quick reply."""

    code = "too_many_quick_replies"
    detail = f"You have {MOST_REPLIES} quick replies. Remove one before you add another."


def give(event: UserRegistered) -> None:
    """Give an agent who joins some quick replies to begin with."""
    if event.role is Role.AGENT:
        give_to(event.user.id)


def give_to(user_id: int) -> None:
    """Give somebody the quick replies that agents begin with."""
    now = clock.now()
    db.session.execute(insert(QuickReply), [{"user_id": user_id, "text": text, "created_at": now} for text in GIVEN])


def replies_of(actor: Actor) -> list[QuickReply]:
    """Return the actor's quick replies, in the order of their making."""
    return list(db.session.scalars(select_visible(actor, QuickReply).order_by(QuickReply.id)))


def add(actor: Actor, *, text: str) -> QuickReply:
    """Add a quick reply; InvalidInput for a place that is none, TooManyReplies."""
    check_places(text)
    advisory_lock(("quick_replies", actor.user_id))
    kept = select(func.count()).select_from(select_visible(actor, QuickReply).subquery())
    if (db.session.scalar(kept) or 0) >= MOST_REPLIES:
        raise TooManyReplies
    reply = QuickReply(user_id=actor.user_id, text=text, created_at=clock.now())
    db.session.add(reply)
    flush()
    return reply


def change(actor: Actor, reply_id: int, *, text: str) -> QuickReply:
    """Change a quick reply of one's own."""
    check_places(text)
    reply = get_visible(actor, QuickReply, reply_id)
    reply.text = text
    return reply


def remove(actor: Actor, reply_id: int) -> None:
    """Remove a quick reply of one's own."""
    db.session.delete(get_visible(actor, QuickReply, reply_id))


def check_places(text: str) -> None:
    """Refuse braces around anything but the known places; InvalidInput on `text`."""
    unknown = [name for name in _PLACE.findall(text) if name not in PLACES]
    if unknown or "{" in _PLACE.sub("", text) or "}" in _PLACE.sub("", text):
        raise InvalidInput.on("text", "In braces stand {name}, their first name, or {home}, the home's title.")


def filled(text: str, *, name: str, home: str) -> str:
    """Return a quick reply as it is sent."""
    values = {"name": name or "there", "home": home or "the home"}
    return _PLACE.sub(lambda found: values.get(found[1], found[0]), text)
