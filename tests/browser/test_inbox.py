"""Answering a chat in a browser: with a quick reply, with files, by keyboard, and without a script."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from sheda.chat import services as chat
from sheda.chat.models import Message
from sheda.core.db import db
from tests import factories
from tests.browser.watching import WIDE, Watched
from tests.browser.world import World, paper, photo

PICTURE = {"name": "hall.jpg", "mimeType": "image/jpeg", "buffer": photo()}
PAPER = {"name": "lease.pdf", "mimeType": "application/pdf", "buffer": paper()}


def answers(world: World) -> list[Message]:
    db.session.expire_all()
    return list(db.session.scalars(db.select(Message).where(Message.receiver_id == world.client.id)))


class TestAnswering:
    def test_with_a_quick_reply_and_two_files(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open(f"/admin/chats/with/{world.client.id}")
        page.get_by_role("button", name="Thank you, Funke.").click()
        expect(page.locator("#message")).to_have_value("Thank you, Funke. I will call you shortly.")
        page.set_input_files("#files", [PICTURE, PAPER])
        expect(page.locator("#picked li")).to_have_count(2)
        expect(page.locator("#picked img")).to_be_visible()
        assert agent_window.violations() == []
        page.get_by_role("button", name="Send", exact=True).click()
        mine = page.locator("#thread .is-mine")
        expect(mine.get_by_text("I will call you shortly.")).to_be_visible()
        expect(mine.get_by_role("img", name="Picture: hall.jpg")).to_be_visible()
        expect(mine.get_by_role("link", name="lease.pdf")).to_be_visible()
        expect(page.locator("#message")).to_have_value("")
        expect(page.locator("#picked")).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert agent_window.violations() == []
        (sent,) = answers(world)
        assert [one["name"] for one in sent.attachments or []] == ["hall.jpg", "lease.pdf"]
        agent_window.assert_clean()

    def test_two_one_after_the_other_are_two(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open(f"/admin/chats/with/{world.client.id}")
        for words in ("First", "Second"):
            page.locator("#message").fill(words)
            page.locator("#message").press("Control+Enter")
            expect(page.locator("#thread .is-mine").get_by_text(words)).to_be_visible()
        assert [one.message for one in answers(world)] == ["First", "Second"]
        agent_window.assert_clean()

    def test_a_file_that_is_none_is_refused_beside_the_line(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open(f"/admin/chats/with/{world.client.id}")
        page.set_input_files("#files", [{"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 no"}])
        page.locator("#message").fill("Look at this")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.locator("#say-error")).to_contain_text("The PDF is damaged or incomplete.")
        expect(page.locator("#message")).to_have_value("Look at this")
        page.get_by_role("button", name="Take a.pdf off").click()
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.locator("#thread .is-mine").get_by_text("Look at this")).to_be_visible()
        assert len(answers(world)) == 1

    def test_without_a_script(self, chromium: Any, base_url: str, world: World) -> None:
        context = chromium.new_context(java_script_enabled=False)
        window = Watched(context.new_page(), base_url)
        window.sign_in(world.agent)
        page = window.open(f"/admin/chats/with/{world.client.id}")
        page.set_input_files("#files", [PICTURE])
        page.fill("#message", "By hand")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.locator("#thread .is-mine").get_by_role("img", name="Picture: hall.jpg")).to_be_visible()
        context.close()


class TestReading:
    def test_what_is_seen_is_read_and_the_mark_stays(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open(f"/admin/chats/with/{world.client.id}")
        expect(page.locator("[data-unread-mark]")).to_be_visible()
        expect(page.get_by_role("button", name="Mark as read")).to_have_count(0)
        received = db.select(Message.read_at).where(Message.receiver_id == world.agent.id)
        assert None not in db.session.scalars(received).all()
        agent_window.assert_clean()

    def test_earlier_messages_come_without_a_new_page(self, agent_window: Watched, world: World) -> None:
        for number in range(80):
            chat.send(factories.actor_of(world.client), world.agent.id, f"Line {number}")
        db.session.commit()
        page = agent_window.open(f"/admin/chats/with/{world.client.id}")
        expect(page.get_by_text("Line 79", exact=True).last).to_be_visible()
        assert page.locator("#thread [data-message-id]").count() < 80
        page.get_by_role("link", name="Earlier messages").click()
        expect(page.locator("#thread").get_by_text("Pay me here instead")).to_have_count(1)
        assert page.locator("#thread .s-day-mark").count() == 1
        agent_window.assert_clean()

    @pytest.mark.parametrize("key", ["Alt+1"])
    def test_a_quick_reply_by_keyboard(self, watch: Callable[..., Watched], world: World, key: str) -> None:
        window = watch(WIDE)
        window.sign_in(world.agent)
        page = window.open(f"/admin/chats/with/{world.client.id}")
        page.keyboard.press(key)
        expect(page.locator("#message")).to_have_value("Yes, it is still available.")
        expect(page.locator("#message")).to_be_focused()

    def test_chats_are_found_while_one_types(self, watch: Callable[..., Watched], world: World) -> None:
        window = watch(WIDE)
        window.sign_in(world.agent)
        page = window.open("/admin/chats/list/")
        page.locator("#find-chat").fill("quagga")
        expect(page.locator("#chat-list").get_by_text("Nothing found")).to_be_visible()
        page.locator("#find-chat").fill("treated")
        expect(page.locator("#chat-list").get_by_text("Funke Adeyemi")).to_be_visible()
        window.assert_clean()


class TestReporting:
    def test_a_message_is_reported_and_its_sender_blocked(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open(f"/admin/chats/with/{world.client.id}")
        page.locator("#thread .s-msg").last.hover()
        page.locator("#thread .s-msg").last.get_by_role("link", name="Report").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("What is wrong with it?").select_option("spam")
        dialog.get_by_label("Block them, too").check()
        assert agent_window.violations() == []
        dialog.get_by_role("button", name="Report").click()
        expect(page.get_by_text("The office looks at it within a day")).to_be_visible()
        expect(page.get_by_text("You have blocked Funke Adeyemi")).to_be_visible()
        page.get_by_role("button", name="Unblock", exact=True).click()
        expect(page.locator("#message")).to_be_visible()
        agent_window.assert_clean()
