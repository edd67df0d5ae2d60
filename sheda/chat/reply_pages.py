"""Quick replies in the admin UI: each agent's own."""

from typing import Any

from wtforms import TextAreaField, validators

from sheda.chat import replies
from sheda.chat.models import QuickReply
from sheda.core.actor import Actor
from sheda.core.forms import clean
from sheda.core.generated import RoomView
from sheda.core.lists import Empty, RoomInterface

LONGEST = 500


class QuickReplyView(RoomView):
    """The sentences that somebody answers with often."""

    datamodel = RoomInterface(QuickReply)
    class_permission_name = "QuickReply"
    route_base = "/admin/quick-replies"
    method_permission_name = {**RoomView.method_permission_name, "show": "list"}
    nouns = ("quick reply", "quick replies")
    list_title = "Quick replies"
    icon = "chat"
    list_columns = ["text", "created_at"]
    show_columns = ["text", "created_at"]
    add_columns = edit_columns = ["text"]
    base_order = ("id", "asc")
    find_columns = (QuickReply.text,)
    find_label = "Words"
    looks = {"text": "is-long", "created_at": "s-p2"}
    label_columns = {"text": "Reply", "created_at": "Written"}
    add_form_extra_fields = {
        "text": TextAreaField(
            "Reply",
            [
                validators.InputRequired("This is needed."),
                validators.Length(max=LONGEST, message=f"Shorten this to {LONGEST} characters."),
                clean,
            ],
            filters=[lambda text: text.strip() if text else text],
            description="{name} becomes their first name, {home} the title of the home you talk about.",
        )
    }
    edit_form_extra_fields = add_form_extra_fields
    empty = Empty(
        "No quick reply", "Write what you answer often; it stands above the line in the inbox.",
        "/admin/quick-replies/add", "New quick reply",
    )  # fmt: skip

    def title_of(self, row: QuickReply) -> str:
        """Name a reply by its first words."""
        words = 40
        return row.text if len(row.text) <= words else f"{row.text[: words - 1]}…"

    def create(self, actor: Actor, values: dict[str, Any]) -> QuickReply:
        """Add a reply."""
        return replies.add(actor, **values)

    def update(self, actor: Actor, row: QuickReply, values: dict[str, Any]) -> QuickReply:
        """Change a reply."""
        return replies.change(actor, row.id, **values)

    def remove(self, actor: Actor, row: QuickReply) -> None:
        """Remove a reply."""
        replies.remove(actor, row.id)
