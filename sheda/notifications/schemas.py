"""What requests about notices may carry, and what they answer."""

from marshmallow import Schema, fields

from sheda.core.fields import Flag, Moment, RequestSchema
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


class ChannelsIn(RequestSchema):
    """How to hear of one kind; a channel that is not named stays as it is."""

    app = Flag()
    mail = Flag()


class AppIn(RequestSchema):
    """How to hear of a kind that has no mail."""

    app = Flag()


class ChannelsOut(Schema):
    """How one hears of one kind."""

    app = fields.Boolean()
    mail = fields.Boolean()


PreferencesIn = RequestSchema.from_dict(
    {
        kind: fields.Nested(ChannelsIn if about.mails else AppIn, metadata={"description": about.label})
        for kind, about in KINDS.items()
    },
    name="PreferencesIn",
)
PreferencesOut = Schema.from_dict({kind: fields.Nested(ChannelsOut) for kind in KINDS}, name="PreferencesOut")


class PreferencesAnswer(Schema):
    """The envelope of one's preferences."""

    result = fields.Nested(PreferencesOut)
