"""Preferences, previews and webhooks in a browser; a push that is shown while its page does something else."""

import json
import os
from typing import Any

import pytest
from playwright.sync_api import expect

from sheda.core.db import db
from sheda.hooks import services as hooks
from sheda.notifications import devices
from sheda.notifications.models import PushDevice
from tests.browser.watching import Watched
from tests.browser.world import World
from tests.factories import actor_of, make_hook
from tests.notifications.test_signals import Browser as Device

PREFERENCES = "/admin/notification-preferences/"


def deliver(watched: Watched, said: dict[str, Any]) -> None:
    """Let the browser's push service bring a message, as DevTools can."""
    tools = watched.page.context.new_cdp_session(watched.page)
    found: list[str] = []
    tools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(one["registrationId"] for one in event["registrations"] if not one["isDeleted"]),
    )
    tools.send("ServiceWorker.enable")
    while not found:
        watched.page.wait_for_timeout(50)
    tools.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": watched.base, "registrationId": found[-1], "data": json.dumps(said)},
    )
    tools.detach()


def shown_notices(watched: Watched) -> list[list[str]]:
    """Return what the system shows of this page's worker, after waiting up to two seconds for anything."""
    found: list[list[str]] = watched.page.evaluate(
        """async () => {
          const [found] = await navigator.serviceWorker.getRegistrations();
          for (let turn = 0; turn < 40; turn += 1) {
            const news = await found.getNotifications();
            if (news.length) return news.map((one) => [one.title, one.body, one.tag, one.data.url]);
            await new Promise((done) => setTimeout(done, 50));
          }
          return [];
        }"""
    )
    return found


class TestPush:
    def test_the_worker_is_ours_and_shows_what_is_pushed(self, agent_window: Watched) -> None:
        page = agent_window.page
        page.context.grant_permissions(["notifications"], origin=agent_window.base)
        agent_window.open(PREFERENCES)
        expect(page.get_by_role("button", name="Show them in this browser")).to_be_visible()
        page.evaluate(
            """async () => {
              const path = document.querySelector("form[data-push]").dataset.worker;
              const found = await navigator.serviceWorker.register(path);
              while (found.active?.state !== "activated") await new Promise((done) => setTimeout(done, 20));
            }"""
        )
        shown: list[list[str]] = []
        for _ in range(10):  # like a push service, which sends again what was not taken; the tag shows it once
            deliver(agent_window, {"title": "A viewing is near", "body": "At 14:30.", "tag": "k1", "url": "/admin/"})
            if shown := shown_notices(agent_window):
                break
        assert shown == [["A viewing is near", "At 14:30.", "k1", "/admin/"]]
        agent_window.assert_clean()

    def test_nobody_is_asked_unprompted_and_a_no_is_explained(self, agent_window: Watched) -> None:
        page = agent_window.open(PREFERENCES)
        assert page.evaluate("Notification.permission") != "granted"
        page.evaluate("Notification.requestPermission = async () => 'denied'")
        page.get_by_role("button", name="Show them in this browser").click()
        expect(page.locator("form[data-push] [role=status]")).to_contain_text("did not work")


class TestPages:
    def test_kinds_are_ticked_and_kept(self, agent_window: Watched) -> None:
        page = agent_window.open(PREFERENCES)
        box = page.get_by_label("A payment was made: SMS")
        box.check()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        expect(page.get_by_label("A payment was made: SMS")).to_be_checked()

    @pytest.mark.parametrize("who", ["agent", "staff"])
    def test_can_be_used_by_everybody(self, watch: Any, world: World, size: tuple[int, int], who: str) -> None:
        user = getattr(world, who)
        device = Device("https://push.example.com/1")
        devices.note(actor_of(user), endpoint=device.endpoint, **device.keys)
        hook = make_hook(user)
        hooks.ping(actor_of(user), hook.id)
        db.session.commit()
        assert db.session.query(PushDevice).count() == 1
        paths = [
            PREFERENCES,
            "/admin/webhooks/add",
            f"/admin/webhooks/show/{hook.id}",
            "/admin/webhook-deliveries/list/",
        ]
        if who == "staff":
            paths += ["/admin/message-templates/", "/admin/message-templates/payment_declared"]
        watched, found = watch(size), []
        watched.sign_in(user)
        for path in paths:
            page = watched.open(path)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found += [f"{path} {scheme} {one}" for one in watched.violations()]
                if folder := os.environ.get("SHOTS"):
                    page.screenshot(
                        path=f"{folder}/{path.strip('/').replace('/', '-')}-{size[0]}-{scheme}.png", full_page=True
                    )
            width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            found += [f"{path} is {width} px wider than the window"] if width > 0 else []
        assert found == []
        watched.assert_clean()
