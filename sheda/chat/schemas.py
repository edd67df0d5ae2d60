"""What chat requests may carry, and what they answer."""

from marshmallow import Schema, fields

from sheda.core.access import LARGEST_ID
from sheda.core.fields import Flag, Moment, RequestSchema, RowId, Text, Whole
from sheda.core.paging import DEFAULT_LIMIT, MOST, PageQuery

LONGEST_MESSAGE = 4000


class SendMessage(RequestSchema):
    """A message to somebody; `sender_id`, if sent at all, must be one's own."""

    receiver_id = RowId(required=True)
    message = Text(least=1, most=LONGEST_MESSAGE, required=True)
    property_id = RowId(load_default=None, allow_none=True)
    client_msg_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "One's own UUID for this message: sent again, the first one is answered (200)."},
    )
    sender_id = RowId(load_default=None, allow_none=True)


class HistoryQuery(RequestSchema):
    """Which part of a conversation."""

    limit = Whole(1, MOST, load_default=DEFAULT_LIMIT)
    cursor = Text(most=1000, load_default=None)
    count = Flag(load_default=False)
    property_id = RowId(load_default=None)
    after_id = Whole(
        0,
        LARGEST_ID,
        load_default=None,
        metadata={"description": "Only what came after this message, oldest first."},
    )
    mark_read = Flag(load_default=False)


class ConversationsQuery(PageQuery):
    """Which conversations."""


class MessageOut(Schema):
    """A message."""

    id = fields.Integer()
    sender_id = fields.Integer()
    receiver_id = fields.Integer()
    property_id = fields.Integer(allow_none=True)
    message = fields.String()
    timestamp = Moment()
    is_read = fields.Boolean()


class PersonOut(Schema):
    """The other one."""

    id = fields.Integer()
    name = fields.String()
    picture = fields.String(allow_none=True)
    role = fields.String()


class ConversationOut(Schema):
    """A conversation in the list."""

    user = fields.Nested(PersonOut)
    property_id = fields.Integer(allow_none=True)
    last_message = fields.Nested(MessageOut)
    unread_count = fields.Integer()


class ReadOut(Schema):
    """What was marked as read."""

    id = fields.Integer()
    user_id = fields.Integer()
    read = fields.Integer()
    unread_count = fields.Integer()


class UnreadCount(Schema):
    """How much waits for one."""

    unread_count = fields.Integer()


class UnreadOut(Schema):
    """The envelope of the count."""

    result = fields.Nested(UnreadCount)
