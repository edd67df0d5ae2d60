"""What chat requests may carry, and what they answer."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from sheda.chat.attachments import MOST_FILES
from sheda.chat.models import REASONS
from sheda.core.access import LARGEST_ID
from sheda.core.fields import Choice, Flag, Moment, RequestSchema, RowId, Text, Whole
from sheda.core.paging import DEFAULT_LIMIT, MOST, PageQuery

LONGEST_MESSAGE = 4000
LONGEST_NOTE = 500
LONGEST_SEARCH = 100


class MessageText(Text):
    """The words of a message: there must be some, unless files go with it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not (text or (isinstance(data, dict) and data.get("attachment_ids"))):
            raise ValidationError("Write at least 1 character, or send a file.")
        return text


class SendMessage(RequestSchema):
    """A message to somebody; `sender_id`, if sent at all, must be one's own."""

    receiver_id = RowId(required=True)
    message = MessageText(
        most=LONGEST_MESSAGE, required=True, metadata={"description": "It may be empty where files go with it."}
    )
    attachment_ids = fields.List(
        RowId(),
        load_default=list,
        validate=validate.Length(max=MOST_FILES),
        metadata={"description": "Files of one's own, uploaded and not sent yet: POST /chats/files."},
    )
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

    search = Text(
        most=LONGEST_SEARCH,
        load_default=None,
        metadata={"description": "Words of messages or of the other's name, all of them."},
    )


class NewReport(RequestSchema):
    """Why a message is reported; `block` blocks its sender, too."""

    reason = Choice(REASONS, required=True)
    note = Text(most=LONGEST_NOTE, load_default=None, allow_none=True)
    block = Flag(load_default=False)


class ReplyText(RequestSchema):
    """The words of a quick reply; {name} and {home} are filled in when it is used."""

    text = Text(least=1, most=500, required=True)


class AttachmentOut(Schema):
    """A file of a conversation; `url` and `thumb_url` are for the two who talk, with their tokens."""

    id = fields.Integer()
    name = fields.String()
    content_type = fields.String()
    size = fields.Integer()
    width = fields.Integer(allow_none=True)
    height = fields.Integer(allow_none=True)
    url = fields.String()
    thumb_url = fields.String(allow_none=True)


class MessageOut(Schema):
    """A message."""

    id = fields.Integer()
    sender_id = fields.Integer()
    receiver_id = fields.Integer()
    property_id = fields.Integer(allow_none=True)
    message = fields.String()
    timestamp = Moment()
    is_read = fields.Boolean()
    attachments = fields.List(fields.Nested(AttachmentOut))


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
    found = fields.Nested(
        MessageOut,
        allow_none=True,
        metadata={"description": "Only in a search: the latest message with its words, or null for a name alone."},
    )


class HomeOut(Schema):
    """The home that a conversation is about: the last one that was named, as far as it is there for the reader."""

    id = fields.Integer()
    reference = fields.String()
    title = fields.String()
    location = fields.String()
    agent_id = fields.Integer()
    price = fields.String(metadata={"example": "2500000.00"})
    total_move_in_cost = fields.String(metadata={"example": "3350000.00"})
    currency = fields.String()
    period = fields.String(allow_none=True)
    price_text = fields.String(metadata={"example": "₦2,500,000 / year"})
    status = fields.String()
    listing_state = fields.String()
    is_under_offer = fields.Boolean()
    cover = fields.String(allow_none=True)
    url = fields.String()


class AboutOut(Schema):
    """With whom one talks, and about what."""

    id = fields.Integer()
    user = fields.Nested(PersonOut)
    property = fields.Nested(HomeOut, allow_none=True)
    unread_count = fields.Integer()
    is_blocked = fields.Boolean(metadata={"description": "Whether one has blocked the other oneself."})
    links_from_id = fields.Integer(
        allow_none=True,
        metadata={"description": "Links of the other's messages may be followed from this one on; null: none yet."},
    )


class BlockOut(Schema):
    """Somebody whom one has blocked."""

    id = fields.Integer()
    blocked_id = fields.Integer()
    name = fields.String()
    created_at = Moment()


class BlockedOut(Schema):
    """Whether somebody is blocked."""

    id = fields.Integer()
    user_id = fields.Integer()
    is_blocked = fields.Boolean()


class ReportOut(Schema):
    """A report, as its reporter sees it."""

    id = fields.Integer()
    message_id = fields.Integer()
    reason = fields.String()
    note = fields.String(allow_none=True)
    status = fields.String()
    created_at = Moment()


class QuickReplyOut(Schema):
    """A quick reply."""

    id = fields.Integer()
    text = fields.String()
    created_at = Moment()


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
