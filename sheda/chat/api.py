"""The chat over HTTP: one's own conversations, and nobody else's."""

from typing import Any

from sheda.chat import reads, schemas, services
from sheda.chat.models import Conversation
from sheda.core import limits
from sheda.core.access import RowScopedInterface
from sheda.core.actor import Actor
from sheda.core.api import Answer, RoomApi, endpoint
from sheda.core.errors import InvalidInput


class ChatApi(RoomApi):
    """Conversations and their messages."""

    resource_name = "chats"
    datamodel = RowScopedInterface(Conversation)
    class_permission_name = "Chat"
    list_columns = ["id", "low_id", "high_id", "low_unread", "high_unread", "last_message_id", "last_at"]
    search_columns = ["id", "low_id", "high_id", "last_at"]
    order_columns = ["id", "last_at"]

    @endpoint(
        "POST", "/", may="send", body=schemas.SendMessage, answer=schemas.MessageOut, status=201, idempotent=True,
        named=(("receiver_id", services.check_receiver), ("property_id", services.check_property)),
    )  # fmt: skip
    def send(self, actor: Actor, body: dict[str, Any]) -> Answer:
        """Send a message. The same `client_msg_id` again answers the first message, with 200."""
        if body.pop("sender_id") not in {None, actor.id}:
            raise InvalidInput.on("sender_id", "The sender is whoever sends the request; leave this out.")
        allowance = limits.hit("chat", str(actor.user_id))
        sent = services.send(actor, body.pop("receiver_id"), body.pop("message"), **body)
        text = f'{{"id": {sent.id}, "result": {sent.body}}}'
        return Answer(text, 201 if sent.is_new else 200, allowance.headers() if allowance else {})

    @endpoint("GET", "/", may="list", lists=True, query=schemas.ConversationsQuery, answer=schemas.ConversationOut)
    def conversations(self, actor: Actor, query: dict[str, Any]) -> str:
        """List one's conversations, the newest first, each with its last message and what is unread."""
        return reads.conversations(actor, **query)

    @endpoint("GET", "/unread-count", may="list", flat=True, answer=schemas.UnreadOut)
    def unread_count(self, actor: Actor) -> Any:
        """Count the messages that wait for one."""
        return {"result": {"unread_count": reads.unread_count(actor)}}

    @endpoint(
        "GET", "/<user_id>", may="read", lists=True, query=schemas.HistoryQuery, answer=schemas.MessageOut,
    )  # fmt: skip
    def history(self, actor: Actor, user_id: int, query: dict[str, Any]) -> str:
        """Read one's conversation with somebody, newest first, or with `after_id` what came later, oldest first."""
        return reads.history(actor, user_id, mark=query.pop("mark_read"), **query)

    @endpoint("POST", "/<user_id>/read", may="read", answer=schemas.ReadOut)
    def mark_as_read(self, actor: Actor, user_id: int) -> Any:
        """Mark everything that somebody has written to one as read."""
        reads.check_person(actor, user_id)
        return {"id": user_id, "user_id": user_id, "read": services.mark_read(actor, user_id), "unread_count": 0}
