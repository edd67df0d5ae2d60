"""The chat over HTTP: one's own conversations, and nobody else's."""

from typing import Any
from urllib.parse import quote

from werkzeug.datastructures import FileStorage

from sheda.chat import attachments, blocks, links, reads, replies, reports, schemas, services
from sheda.chat.attachments import MAX_BYTES
from sheda.chat.models import Attachment, Block, Conversation, Message, QuickReply
from sheda.chat.wire import FILES
from sheda.core import limits
from sheda.core.access import RowScopedInterface, get_visible, select_visible
from sheda.core.actor import Actor
from sheda.core.api import Answer, RoomApi, endpoint
from sheda.core.errors import InvalidInput
from sheda.core.paging import Key, Page, PageQuery, page_of


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

    @endpoint("POST", "/files", may="send", upload="file", answer=schemas.AttachmentOut, status=201, idempotent=True)
    def upload(self, actor: Actor, *, files: list[FileStorage]) -> Answer:
        """Upload one private file for a message: a JPEG, PNG, WebP or PDF of at most 10 MB, named `file`."""
        if len(files) > 1:
            raise InvalidInput.on("file", "Send one file at a time.")
        limits.hit("chat", str(actor.user_id))
        # One byte above the limit is enough to know that it is too large.
        kept = attachments.store(actor, files[0].stream.read(MAX_BYTES + 1), files[0].filename or "")
        address = f"{FILES}{kept.id}"
        shown = {name: getattr(kept, name) for name in ("id", "name", "content_type", "size", "width", "height")}
        thumb = f"{address}/thumb" if kept.thumb_key else None
        return Answer({**shown, "url": address, "thumb_url": thumb}, headers={"Location": address})

    @endpoint("GET", "/files/<pk>", may="read", subject=Attachment, produces="application/octet-stream")
    def download(self, actor: Actor, pk: int) -> Answer:
        """Download a file of one's own conversations."""
        return _file(get_visible(actor, Attachment, pk))

    @endpoint("GET", "/files/<pk>/thumb", may="read", subject=Attachment, produces="image/webp")
    def thumb(self, actor: Actor, pk: int) -> Answer:
        """Download the small picture of a picture; 404 for a document."""
        return _file(get_visible(actor, Attachment, pk), thumb=True)

    @endpoint("GET", "/", may="list", lists=True, query=schemas.ConversationsQuery, answer=schemas.ConversationOut)
    def conversations(self, actor: Actor, query: dict[str, Any]) -> str:
        """List one's conversations, the newest first, each with its last message and what is unread.

        With `search`, those in whose messages all its words are, or in the other's name.
        """
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

    @endpoint("GET", "/<user_id>/about", may="read", answer=schemas.AboutOut)
    def about(self, actor: Actor, user_id: int) -> Any:
        """Read with whom one talks and about which home, and whether the other's links may be followed."""
        return {**reads.about(actor, user_id), "links_from_id": links.trusted_from(actor, user_id)}

    @endpoint("GET", "/blocks", may="block", lists=True, query=PageQuery, answer=schemas.BlockOut)
    def blocked_people(self, actor: Actor, query: dict[str, Any]) -> Page:
        """List whom one has blocked, the latest first."""
        return page_of(select_visible(actor, Block), [Key(Block.id, "id")], **query)

    @endpoint("POST", "/<user_id>/block", may="block", answer=schemas.BlockedOut)
    def block(self, actor: Actor, user_id: int) -> Any:
        """Block somebody: neither writes to the other. What bookings tell goes on. A repeat changes nothing."""
        blocks.block(actor, user_id)
        return {"id": user_id, "user_id": user_id, "is_blocked": True}

    @endpoint("DELETE", "/<user_id>/block", may="block", answer=schemas.BlockedOut)
    def unblock(self, actor: Actor, user_id: int) -> Any:
        """Let somebody write again. A repeat changes nothing."""
        reads.check_person(actor, user_id)
        blocks.unblock(actor, user_id)
        return {"id": user_id, "user_id": user_id, "is_blocked": False}

    @endpoint(
        "POST", "/messages/<pk>/report", may="report", subject=Message, body=schemas.NewReport,
        answer=schemas.ReportOut, status=201, idempotent=True,
    )  # fmt: skip
    def report(self, actor: Actor, pk: int, body: dict[str, Any]) -> Answer:
        """Show a message that one has received to the office, which then reads what stands around it.

        Repeating it answers the first report, with 200.
        """
        found, is_new = reports.report(actor, pk, **body)
        return Answer(found, 201 if is_new else 200)


class QuickReplyApi(RoomApi):
    """One's own quick replies."""

    resource_name = "quick-replies"
    datamodel = RowScopedInterface(QuickReply)
    class_permission_name = "QuickReply"
    list_columns = ["id", "text", "created_at"]
    search_columns = ["id", "text", "created_at"]
    order_columns = ["id", "created_at"]

    @endpoint("GET", "/", may="list", lists=True, query=PageQuery, answer=schemas.QuickReplyOut)
    def index(self, actor: Actor, query: dict[str, Any]) -> Page:
        """List one's quick replies, the oldest first."""
        return page_of(select_visible(actor, QuickReply), [Key(QuickReply.id, "id", descending=False)], **query)

    @endpoint(
        "POST", "/", may="create", body=schemas.ReplyText, answer=schemas.QuickReplyOut, status=201, idempotent=True
    )
    def add(self, actor: Actor, body: dict[str, Any]) -> QuickReply:
        """Add a quick reply; {name} and {home} stand for the client's first name and the home's title."""
        return replies.add(actor, **body)

    @endpoint("PATCH", "/<pk>", may="update", subject=QuickReply, body=schemas.ReplyText, answer=schemas.QuickReplyOut)
    def change(self, actor: Actor, pk: int, body: dict[str, Any]) -> QuickReply:
        """Change a quick reply."""
        return replies.change(actor, pk, **body)

    @endpoint("DELETE", "/<pk>", may="delete", subject=QuickReply, status=204)
    def remove(self, actor: Actor, pk: int) -> None:
        """Remove a quick reply."""
        replies.remove(actor, pk)


def _file(stored: Attachment, *, thumb: bool = False) -> Answer:
    data, kind = attachments.bytes_of(stored, thumb=thumb)
    way = "inline" if thumb else "attachment"
    headers = {
        "Content-Disposition": f"{way}; filename*=UTF-8''{quote(stored.name)}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return Answer(data, headers=headers, content_type=kind)
