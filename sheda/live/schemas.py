"""What requests for live news may carry, and what a client may say on a socket."""

from marshmallow import Schema, fields, validate

from sheda.chat.schemas import MessageOut, SendMessage
from sheda.core.access import LARGEST_ID
from sheda.core.fields import Moment, RequestSchema, RowId, Text, Whole
from sheda.live.positions import LONGEST
from sheda.notifications.schemas import NoticeOut

MOST_WATCHED = 50


class ListenQuery(RequestSchema):
    """From where on to tell."""

    after = Text(
        most=LONGEST,
        load_default=None,
        metadata={"description": "The position of the last frame that was received: all that came later is told."},
    )
    after_id = Whole(
        0,
        LARGEST_ID,
        load_default=None,
        metadata={"description": "The last message that was received, where no position is known."},
    )
    ticket = Text(most=200, load_default=None, metadata={"description": "From POST /api/v1/auth/ws-ticket."})


class TicketOut(Schema):
    """A ticket."""

    ticket = fields.String()
    expires_in = fields.Integer(metadata={"description": "Seconds."})


class NamedFrame(RequestSchema):
    """Every frame of a client may carry a word of its own, which the answer repeats."""

    ref = Text(most=64, load_default=None, allow_none=True)


class SendFrame(SendMessage):
    """Send a message, as POST /api/v1/chats does."""

    ref = Text(most=64, load_default=None, allow_none=True)


class ReadFrame(NamedFrame):
    """Mark what somebody has written as read, up to a message where one is named."""

    with_ = RowId(required=True, data_key="with")
    up_to = RowId(load_default=None, allow_none=True)


class DeliveredFrame(NamedFrame):
    """Say that a message has arrived on this device."""

    message_id = RowId(required=True)


class TypingFrame(NamedFrame):
    """Say that one is writing to somebody."""

    with_ = RowId(required=True, data_key="with")


class WatchFrame(NamedFrame):
    """Hear of some people whether they are there; in place of those named before."""

    with_ = fields.List(RowId(), required=True, data_key="with", validate=validate.Length(max=MOST_WATCHED))


class ReplayFrame(NamedFrame):
    """Ask for a conversation's messages after one of them."""

    with_ = RowId(required=True, data_key="with")
    after_id = Whole(0, LARGEST_ID, required=True)


class PingFrame(NamedFrame):
    """Ask for a sign of life, where the client cannot send the protocol's own."""


INBOUND: dict[str, type[RequestSchema]] = {
    "send": SendFrame,
    "read": ReadFrame,
    "delivered": DeliveredFrame,
    "typing": TypingFrame,
    "watch": WatchFrame,
    "replay": ReplayFrame,
    "ping": PingFrame,
}
"""Every frame that a client may send, by its `type`."""


# ── What the server says ─────────────────────────────────────────────────────────────────────────────────────────────


class Placed(Schema):
    """A frame of something that happened; a replay by message ids has no positions."""

    position = fields.String(metadata={"description": "What to come back with: `after`, or Last-Event-ID."})


class HelloFrame(Schema):
    """The first frame: whose socket this is, and how often a sign of life comes."""

    user_id = fields.Integer(required=True)
    heartbeat_seconds = fields.Float(required=True)


class ReadyFrame(Schema):
    """All that was missed has been told; from here on everything is told as it happens.

    With `resync` the log did not reach back so far: read the lists again.
    """

    position = fields.String(required=True)
    resync = fields.Boolean(required=True)


class MessageFrame(Placed):
    """A message to one, or by one from any device. `previous_id` is the one before it in its conversation."""

    with_ = fields.Integer(required=True, data_key="with")
    previous_id = fields.Integer(required=True, allow_none=True)
    message = fields.Nested(MessageOut, required=True)


class MarkFrame(Placed):
    """Up to which message the receiver, `user_id`, has got; one's own other devices hear of it too."""

    with_ = fields.Integer(required=True, data_key="with")
    user_id = fields.Integer(required=True)
    up_to = fields.Integer(required=True)


class NotificationFrame(Placed):
    """Something that one is told of in Sheda."""

    notification = fields.Nested(NoticeOut, required=True)


class MoveFrame(Placed):
    """One's own viewing, payment or contract has another state."""

    id = fields.Integer(required=True)
    move = fields.String(required=True)
    from_ = fields.String(required=True, allow_none=True, data_key="from")
    to = fields.String(required=True)
    at = Moment(required=True)


class TypingOut(Schema):
    """Somebody is writing to one just now."""

    with_ = fields.Integer(required=True, data_key="with")


class PresenceOut(Schema):
    """Whether somebody whom one watches has a socket open."""

    with_ = fields.Integer(required=True, data_key="with")
    online = fields.Boolean(required=True)


class Answering(Schema):
    """An answer repeats the word of the frame that it answers."""

    ref = fields.String(required=True, allow_none=True)


class SentFrame(Answering):
    """The message is stored under this id; it comes as a `message` too, as to every device."""

    id = fields.Integer(required=True)
    is_new = fields.Boolean(required=True)


class DoneFrame(Answering):
    """What a frame with a `ref` asked for is done."""

    read = fields.Integer(metadata={"description": "How many messages were unread until now."})


class ReplayedFrame(Answering):
    """The end of a replay."""

    with_ = fields.Integer(required=True, data_key="with")
    up_to = fields.Integer(required=True)
    has_more = fields.Boolean(required=True)


class FieldFault(Schema):
    """What is wrong with one field."""

    field = fields.String(required=True)
    message = fields.String(required=True)


class RefusedFrame(Answering):
    """What a frame asked for is refused, as the API would refuse it."""

    of = fields.String(required=True, allow_none=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)
    errors = fields.List(fields.Nested(FieldFault), required=True)


class PongFrame(Answering):
    """The sign of life that was asked for."""


OUTBOUND: dict[str, type[Schema]] = {
    "hello": HelloFrame,
    "ready": ReadyFrame,
    "message": MessageFrame,
    "delivered": MarkFrame,
    "read": MarkFrame,
    "notification": NotificationFrame,
    "appointment": MoveFrame,
    "payment": MoveFrame,
    "contract": MoveFrame,
    "typing": TypingOut,
    "presence": PresenceOut,
    "sent": SentFrame,
    "done": DoneFrame,
    "replayed": ReplayedFrame,
    "refused": RefusedFrame,
    "pong": PongFrame,
}
"""Every frame that the server sends, by its `type`."""
