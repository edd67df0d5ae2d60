"""What requests about notices may carry, and what they answer."""

from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, fields

from sheda.core.fields import ClockTime, Flag, Line, Moment, RequestSchema
from sheda.core.paging import PageQuery
from sheda.notifications.kinds import KINDS


class NoticesQuery(PageQuery):
    """Which notices."""

    unread = Flag(load_default=False, metadata={"description": "Only those that are not read yet."})


class NoticeOut(Schema):
    """A notice; `subject_type` and `subject_id` name what it is about."""

    id = fields.Integer()
    kind = fields.String()
    text = fields.String()
    subject_type = fields.String(allow_none=True)
    subject_id = fields.Integer(allow_none=True)
    is_read = fields.Function(lambda notice: notice.read_at is not None)
    created_at = Moment()


class AllReadOut(Schema):
    """What was marked as read."""

    read = fields.Integer()
    unread_count = fields.Integer()


def _channels(kind: str, flag: type[fields.Boolean], base: Any, suffix: str) -> Any:
    """Make the schema of the channels that a kind has; kinds with the same channels share one."""
    channels = KINDS[kind].channels
    name = f"Channels{''.join(channel[0].upper() for channel in channels)}{suffix}"
    if name not in _made:
        _made[name] = base.from_dict({channel: flag() for channel in channels}, name=name)
    return _made[name]


_made: dict[str, Any] = {}

PreferencesIn = RequestSchema.from_dict(
    {
        kind: fields.Nested(_channels(kind, Flag, RequestSchema, "In"), metadata={"description": about.label})
        for kind, about in KINDS.items()
    },
    name="PreferencesIn",
)
PreferencesOut = Schema.from_dict(
    {kind: fields.Nested(_channels(kind, fields.Boolean, Schema, "Out")) for kind in KINDS}, name="PreferencesOut"
)


class PreferencesAnswer(Schema):
    """The envelope of one's preferences."""

    result = fields.Nested(PreferencesOut)


class QuietIn(RequestSchema):
    """From when to when devices are left alone, by one's own clock; null for both: never."""

    begins = ClockTime(required=True, allow_none=True)
    ends = ClockTime(required=True, allow_none=True)


class QuietOut(Schema):
    """One's quiet hours, and the zone of the clock they go by."""

    begins = ClockTime(allow_none=True)
    ends = ClockTime(allow_none=True)
    time_zone = fields.String()


class QuietAnswer(Schema):
    """The envelope of one's quiet hours."""

    result = fields.Nested(QuietOut)


class KeysIn(RequestSchema):
    """The keys that a browser made for its subscription."""

    p256dh = Line(most=100, required=True)
    auth = Line(most=40, required=True)


class DeviceIn(RequestSchema):
    """A browser's `PushSubscription`, as its `toJSON()` gives it."""

    endpoint = Line(most=2000, required=True)
    keys = fields.Nested(KeysIn, required=True)
    expirationTime = fields.Raw(allow_none=True)  # noqa: N815 - the browser's own name


class DeviceGone(RequestSchema):
    """Which device takes no more pushes."""

    endpoint = Line(most=2000, required=True)


class DevicesQuery(PageQuery):
    """Which devices."""


class DeviceOut(Schema):
    """A device that takes pushes; its address is a secret, and only its host is shown."""

    id = fields.Integer()
    host = fields.Function(lambda device: urlsplit(device.endpoint).hostname, metadata={"type": "string"})
    created_at = Moment()


class KeyOut(Schema):
    """The server's public key, for `pushManager.subscribe({applicationServerKey})`."""

    public_key = fields.String()


class KeyAnswer(Schema):
    """The envelope of the key."""

    result = fields.Nested(KeyOut)
