"""The way out of a kind's mails: the token that each of them carries, and what it ends."""

from sqlalchemy import select

from sheda.accounts.models import User
from sheda.core.db import db
from sheda.core.errors import NotFound
from sheda.core.unsubscribing import Subject, is_signed, leads_out, sign
from sheda.notifications.kinds import KINDS
from sheda.notifications.models import Preference
from sheda.notifications.signals import DIGEST
from sheda.notifications.wishes import set_wishes

FIRST = "n"


def token_of(user_id: int, kind: str) -> str:
    """Return the token that ends a person's mails of a kind, or with `digest` his daily mail."""
    return f"{FIRST}.{user_id}.{kind}.{sign(f'{FIRST}.{user_id}.{kind}')}"


@leads_out(FIRST)
def end_mails(token: str, *, stop: bool) -> Subject:
    """Name the kind of mails that a token is about, and end them for its reader. NotFound for any other token."""
    user_id, kind = _read(token)
    if stop and db.session.get(User, user_id) is not None:
        _end(user_id, kind)
    name = "the day’s news" if kind == DIGEST else KINDS[kind].label
    asks = "You get this mail when that happens. In Sheda itself you go on seeing it."
    return Subject(name, asks, f"There are no more mails about “{name}”. You can switch them on again in Sheda.")


def _end(user_id: int, kind: str) -> None:
    """Switch the mails of a kind off; of the daily mail, those of all kinds that come in it."""
    kinds = [kind]
    if kind == DIGEST:
        gathered = Preference.user_id == user_id, Preference.channel == DIGEST, Preference.is_on
        kinds = list(db.session.scalars(select(Preference.kind).where(*gathered)))
    set_wishes([{"user_id": user_id, "kind": name, "channel": "mail", "is_on": False} for name in kinds])


def _read(token: str) -> tuple[int, str]:
    _, _, rest = token.partition(".")
    number, _, rest = rest.partition(".")
    kind, _, _ = rest.partition(".")
    known = kind == DIGEST or (kind in KINDS and not KINDS[kind].is_security)
    if not (known and number.isascii() and number.isdigit() and len(number) <= len(str(2**31))):
        raise NotFound
    if not is_signed(token, token_of(int(number), kind)):
        raise NotFound
    return int(number), kind
