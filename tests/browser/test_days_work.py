"""The daily tasks, each done by hand in a browser, at a desk's size and in a hand's."""

import re
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from sheda.chat import services as chat
from sheda.core import clock
from sheda.core.db import db
from sheda.properties.models import Property
from tests import factories
from tests.browser.watching import WIDE, Watched
from tests.browser.world import CANARY, World


class TestViewings:
    def test_a_request_is_confirmed_from_home_by_one_click(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open("/admin/")
        page.get_by_role("button", name=re.compile("^Confirm")).first.click()
        expect(page.get_by_text("Confirmed. Both sides have been told.")).to_be_visible()
        db.session.refresh(world.viewing)
        assert world.viewing.status == "confirmed"
        agent_window.assert_clean()

    def test_it_is_moved_to_another_time(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open(f"/admin/appointments/show/{world.viewing.id}")
        page.get_by_role("link", name=re.compile("time|Move|Resched", re.IGNORECASE)).first.click()
        dialog = page.get_by_role("dialog")
        later = (world.viewing.starts_at + timedelta(days=4)).astimezone(clock.LAGOS)
        dialog.get_by_label("Another time").fill(f"{later:%Y-%m-%dT%H:%M}")
        assert agent_window.violations() == []
        dialog.locator("button.btn-primary").click()
        expect(page.get_by_text("Moved. The other side has been told.")).to_be_visible()
        agent_window.assert_clean()


class TestPayments:
    def test_money_is_judged_beside_its_proof(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open(f"/admin/payments/show/{world.payment.id}")
        expect(page.get_by_role("img", name=re.compile("Proof"))).to_be_visible()
        page.locator(f'a[href$="/move/{world.payment.id}/accept"]').first.click()
        dialog = page.get_by_role("dialog")
        assert agent_window.violations() == []
        dialog.locator("button.btn-primary").click()
        expect(page.get_by_text("Money received.")).to_be_visible()
        db.session.refresh(world.payment)
        assert world.payment.status == "accepted"
        agent_window.assert_clean()


class TestContracts:
    def test_a_tenancy_is_renewed(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open("/admin/contracts/list/")
        page.get_by_role("link", name=re.compile("^Renew")).first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("For how many more").fill("2")
        assert agent_window.violations() == []
        dialog.get_by_role("button", name="Renew").click()
        expect(page.locator(".s-toast")).to_be_visible()
        db.session.refresh(world.contract)
        assert (world.contract.renewal_periods, world.contract.renewal_by) == (2, "agent")
        agent_window.assert_clean()


class TestInbox:
    def test_a_chat_is_answered_with_a_quick_reply(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open("/admin/chats/list/")
        page.get_by_role("link", name=re.compile("Funke Adeyemi")).first.click()
        expect(page.get_by_text("Is the water treated?").last).to_be_visible()
        page.get_by_role("button", name="Yes, it is still available.").click()
        expect(page.locator("#message")).to_have_value("Yes, it is still available.")
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#thread").get_by_text("Yes, it is still available.")).to_be_visible()
        agent_window.assert_clean()

    def test_what_comes_meanwhile_appears_by_itself(
        self, watch: Callable[..., Watched], world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sheda.chat.views.POLL", 1)
        window = watch(WIDE)
        window.sign_in(world.agent)
        page = window.open(f"/admin/chats/with/{world.client.id}")
        chat.send(factories.actor_of(world.client), world.agent.id, "And is there parking?")
        db.session.commit()
        expect(page.locator("#thread").get_by_text("And is there parking?")).to_be_visible()
        expect(page.locator("#chat-list").get_by_text("And is there parking?")).to_be_visible()
        window.assert_clean()


class TestSearch:
    def test_a_client_is_found_by_phone(self, agent_window: Watched, world: World, size: tuple[int, int]) -> None:
        page = agent_window.open("/admin/properties/list/")
        if size == WIDE:
            page.keyboard.press("Control+k")
            expect(page.locator("#search")).to_be_focused()
            page.keyboard.type("0803 123 4567")
        else:
            page.get_by_role("link", name="Search").click()
            page.get_by_label("Listing, person, phone or reference").fill("0803 123 4567")
            page.keyboard.press("Enter")
        hit = page.locator("#results").get_by_role("link", name=re.compile("Funke Adeyemi")).first
        expect(hit).to_be_visible()
        assert agent_window.violations() == []
        page.keyboard.press("ArrowDown") if size == WIDE else hit.focus()
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"/admin/(deals|chats)/"))
        expect(page.get_by_text("Funke Adeyemi").first).to_be_visible()
        agent_window.assert_clean()

    def test_nothing_of_another_agents_is_found(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open(f"/admin/search/?q={CANARY}")
        expect(page.get_by_text("Nothing of yours fits")).to_be_visible()
        assert page.locator("#results a").count() == 0


class TestLists:
    def test_the_present_view_is_taken_along(self, agent_window: Watched, world: World, tmp_path: Path) -> None:
        page = agent_window.open("/admin/properties/list/?tab=all")
        page.locator("summary", has_text="Export").click()
        for label, name in (("CSV", "homes.csv"), ("Excel", "homes.xlsx")):
            with page.expect_download() as download:
                page.get_by_role("link", name=label).click()
            download.value.save_as(tmp_path / name)
        text = (tmp_path / "homes.csv").read_text()
        assert world.home.title in text
        assert CANARY not in text
        assert zipfile.ZipFile(tmp_path / "homes.xlsx").testzip() is None
        agent_window.assert_clean()

    def test_rows_are_ticked_and_paused_together(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open("/admin/properties/list/?tab=shown")
        expect(page.get_by_text("ticked", exact=False)).to_be_hidden()
        page.get_by_role("checkbox", name=re.compile("Two bedroom flat, Yaba")).check()
        expect(page.get_by_text("1 ticked")).to_be_visible()
        assert agent_window.violations() == []
        page.get_by_role("button", name="Pause", exact=True).last.click()
        expect(page.get_by_text("1 listing done")).to_be_visible()
        paused: Any = db.session.scalars(db.select(Property).where(Property.title == "Two bedroom flat, Yaba")).one()
        db.session.refresh(paused)
        assert paused.listing_state == "paused"
        agent_window.assert_clean()

    def test_a_view_is_saved_and_opened_again(self, agent_window: Watched, world: World) -> None:
        page = agent_window.open("/admin/properties/list/?tab=all&q=Yaba")
        page.locator("summary", has_text="Save view").click()
        page.get_by_label("Name of this view").fill("All of Yaba")
        assert agent_window.violations() == []
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("link", name="All of Yaba").click()
        expect(page.locator(".s-lead a", has_text="Two bedroom flat, Yaba")).to_be_visible()
        agent_window.assert_clean()
