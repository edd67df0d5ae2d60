"""How each person wants to hear of each kind of news, and at which hours his devices are left alone."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from sheda.core import clock
from sheda.core.actor import Actor
from sheda.core.db import as_array, db, read
from sheda.core.errors import InvalidInput
from sheda.notifications.access import own_preferences
from sheda.notifications.kinds import KINDS
from sheda.notifications.models import Preference, QuietHours
from sheda.profiles.services import time_zone_of

ON_AT_FIRST = frozenset({"app", "mail", "push"})
"""What is on for whoever has said nothing; a push comes to nobody who has not asked his device for it."""

TEXTS = ("sms", "whatsapp")

DEVICE = "device"
"""Stands among what somebody has said when a device of his takes pushes."""

WISHES = """
SELECT user_id, channel, is_on FROM notification_preferences
 WHERE user_id = ANY(CAST(:people AS bigint[])) AND kind = :kind
UNION ALL SELECT DISTINCT user_id, 'device', true FROM push_devices WHERE user_id = ANY(CAST(:people AS bigint[]))"""


WISHES_OF_AGENT = """(SELECT coalesce(json_agg(json_build_array(user_id, channel, is_on)), '[]') FROM (
 SELECT user_id, channel, is_on FROM notification_preferences WHERE user_id = {{agent}} AND kind = '{kind}'
 UNION ALL (SELECT user_id, 'device', true FROM push_devices WHERE user_id = {{agent}} LIMIT 1)) w)"""
"""The same of the agent of an event and of one kind, as a question that is asked with others."""


@dataclass(frozen=True)
class Wishes:
    """How some people want to hear of one kind of news."""

    kind: str
    said: Mapping[int, Mapping[str, bool]]
    usual: frozenset[str]

    def ways(self, user_id: int) -> frozenset[str]:
        """Name the channels by which somebody hears of it: those that he wants, and that are there."""
        said = self.said.get(user_id)
        return self.usual if said is None else _ways(self.kind, said)


def _ways(kind: str, said: Mapping[str, bool]) -> frozenset[str]:
    about = KINDS[kind]
    wanted = {channel for channel in about.channels if said.get(channel, channel in ON_AT_FIRST)}
    if about.is_security and about.mails:
        wanted.add("mail")
    missing = {channel for channel in TEXTS if not text_url(channel)} | (set() if DEVICE in said else {"push"})
    return frozenset(wanted - missing)


def wishes_of(kind: str, people: Collection[int]) -> Wishes:
    """Return how people want to hear of a kind, in one statement."""
    return wishes_said(kind, read(WISHES, people=as_array(people), kind=kind))


def wishes_said(kind: str, rows: Iterable[Sequence[Any]]) -> Wishes:
    """Return how people want to hear of a kind, by the rows that were read of them."""
    said: dict[int, dict[str, bool]] = {}
    for user_id, channel, is_on in rows:
        said.setdefault(user_id, {})[channel] = is_on
    return Wishes(kind, said, _ways(kind, {}))


def text_url(channel: str) -> str:
    """Return where a channel's texts are taken; nothing when it is switched off."""
    found: str = current_app.config[f"{channel.upper()}_URL"]
    return found


# ── Preferences ──────────────────────────────────────────────────────────────────────────────────────────────────────


def preferences_of(actor: Actor) -> dict[str, dict[str, bool]]:
    """Return how the actor hears of each kind, by each channel that it has."""
    rows = db.session.scalars(select(Preference).where(own_preferences(actor)))
    said = {(row.kind, row.channel): row.is_on for row in rows}
    return {
        kind: {channel: said.get((kind, channel), channel in ON_AT_FIRST) for channel in about.channels}
        for kind, about in KINDS.items()
    }


def change_preferences(actor: Actor, changes: Mapping[str, Mapping[str, bool]]) -> dict[str, dict[str, bool]]:
    """Change how the actor hears of the named kinds and channels; InvalidInput for a security mail switched off."""
    wishes = [
        {"user_id": actor.user_id, "kind": kind, "channel": channel, "is_on": is_on}
        for kind, channels in changes.items()
        for channel, is_on in channels.items()
    ]
    faults = [
        {"field": f"{wish['kind']}.mail", "message": "Mails about the safety of an account cannot be switched off."}
        for wish in wishes
        if wish["channel"] == "mail" and not wish["is_on"] and KINDS[str(wish["kind"])].is_security
    ]
    if faults:
        raise InvalidInput(errors=faults)
    set_wishes(wishes)
    return preferences_of(actor)


def set_wishes(wishes: list[dict[str, Any]]) -> None:
    """Keep what people have said, in place of what they said before."""
    if wishes:
        said = insert(Preference).values(wishes)
        said = said.on_conflict_do_update(
            index_elements=["user_id", "kind", "channel"], set_={"is_on": said.excluded.is_on}
        )
        db.session.execute(said)


# ── Quiet hours ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Quiet:
    """From when to when somebody's devices are left alone, by his own clock; without times never."""

    begins: time | None
    ends: time | None
    zone: ZoneInfo = clock.LAGOS

    @property
    def time_zone(self) -> str:
        """Return the name of the zone."""
        return self.zone.key

    def leaves_at(self, now: datetime) -> datetime:
        """Return when a message of this moment may leave: now, or at the end of the quiet hours."""
        local = now.astimezone(self.zone)
        if self.begins is None or self.ends is None or self.begins == self.ends:
            return now
        at = local.time().replace(tzinfo=None)
        over_midnight = self.begins > self.ends
        if over_midnight and at >= self.begins:
            day = local.date() + timedelta(days=1)
        elif at < self.ends and (over_midnight or at >= self.begins):
            day = local.date()
        else:
            return now
        return datetime.combine(day, self.ends, self.zone)


def usual_quiet() -> tuple[time, time]:
    """Return the quiet hours of whoever has said nothing."""
    begins, ends = (time.fromisoformat(text) for text in current_app.config["QUIET_HOURS"])
    return begins, ends


def quiet_of(actor: Actor) -> Quiet:
    """Return the actor's quiet hours."""
    row = db.session.scalars(select(QuietHours).where(QuietHours.user_id == actor.user_id)).one_or_none()
    begins, ends = (row.begins, row.ends) if row is not None else usual_quiet()
    return Quiet(begins, ends, time_zone_of(actor.user_id))


def change_quiet(actor: Actor, *, begins: time | None, ends: time | None) -> Quiet:
    """Change the actor's quiet hours; without both times there are none. InvalidInput for one without the other."""
    if (begins is None) != (ends is None):
        field = "ends" if ends is None else "begins"
        raise InvalidInput.on(field, "Give both times, or neither for no quiet hours.")
    said = insert(QuietHours).values(user_id=actor.user_id, begins=begins, ends=ends)
    said = said.on_conflict_do_update(index_elements=["user_id"], set_={"begins": begins, "ends": ends})
    db.session.execute(said)
    return quiet_of(actor)
