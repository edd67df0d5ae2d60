"""Two people chat in the inbox, each in a browser of his own: what one writes appears to the other without a click."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sheda.core.actor import Role
from tests import factories
from tests.browser.conftest import PATIENCE
from tests.browser.watching import REPORTS, WIDE, Watched, listen
from tests.live.machine import Machine, Person, running, wait_for

QUICK = 8_000
"""Milliseconds: the inbox looks for news by itself only every ten seconds."""

COUNTS = """
window.__live = 0;
document.addEventListener("sheda:live", (event) => (window.__live += event.detail.on ? 1 : 0));
"""
"""Counts how often a page has come to be told of news as they happen."""


@pytest.fixture(scope="module")
def machine(app: Flask) -> Iterator[Machine]:
    """Run a machine that holds sockets."""
    with running() as made:
        yield made


@pytest.fixture
def window(chromium: Browser, machine: Machine, live_db: Any) -> Iterator[Callable[..., Watched]]:
    """Return a function that opens a window in which somebody is signed in."""
    contexts: list[BrowserContext] = []

    def make(person: Person) -> Watched:
        context = chromium.new_context(viewport={"width": WIDE[0], "height": WIDE[1]}, reduced_motion="reduce")
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(REPORTS)
        context.add_init_script(COUNTS)
        watched = Watched(context.new_page(), f"http://127.0.0.1:{machine.port}")
        listen(watched)
        watched.sign_in(person.user)
        return watched

    yield make
    for context in contexts:
        context.close()


def wait_until_live(page: Page, times: int = 1) -> None:
    wait_for(lambda: page.evaluate("window.__live") >= times)


def write(page: Page, text: str) -> None:
    page.fill("#message", text)
    page.get_by_role("button", name="Send", exact=True).click()


def words(page: Page) -> list[str]:
    return page.locator("#thread .s-words").all_inner_texts()


class TestInbox:
    def test_two_browsers_chat_live(self, machine: Machine, window: Callable[..., Watched]) -> None:
        one = Person(factories.make_user(Role.AGENT, first_name="Ngozi"), machine)
        two = Person(factories.make_user(Role.AGENT, first_name="Bola"), machine)
        one.write(two, "Good morning")
        here, there = window(one), window(two)
        mine, other = here.open(f"/admin/chats/with/{two.id}"), there.open(f"/admin/chats/with/{one.id}")
        expect(mine.locator("[data-presence]")).to_have_text("Online")

        mine.locator("#message").press_sequentially("Is it")
        expect(other.locator("#typing")).to_have_text(re.compile("Ngozi .* is writing…"), timeout=QUICK)
        write(mine, "Is it still free?")
        expect(other.locator("#thread .s-words").last).to_have_text("Is it still free?", timeout=QUICK)
        expect(other.locator("#typing")).to_be_hidden()
        expect(mine.locator("#thread [data-marks]").last).to_have_text(" · read", timeout=QUICK)

        write(other, "Yes, come at ten")
        expect(mine.locator("#thread .s-words").last).to_have_text("Yes, come at ten", timeout=QUICK)
        assert words(mine) == words(other) == ["Good morning", "Is it still free?", "Yes, come at ten"]
        here.assert_clean()
        there.assert_clean()

    def test_the_figure_beside_the_menu_moves_on_every_page(
        self, machine: Machine, window: Callable[..., Watched]
    ) -> None:
        agent, client = Person(factories.make_user(Role.AGENT), machine), Person(factories.make_user(), machine)
        watched = window(agent)
        page = watched.open("/admin/")
        inbox = page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name="Inbox")
        expect(inbox.locator(".s-count")).to_have_count(0)
        wait_until_live(page)
        client.write(agent, "Hello")
        expect(inbox.locator(".s-count")).to_have_text("1 waiting", timeout=QUICK)
        home = factories.make_property(agent.user)
        viewing = factories.make_appointment(home, client.user)
        client.ask("DELETE", f"/api/v1/appointments/{viewing.id}")
        expect(page.get_by_role("link", name="Notifications, 1 new")).to_be_visible(timeout=QUICK)
        watched.assert_clean()

    def test_a_conversation_survives_the_death_of_the_holder(
        self, machine: Machine, window: Callable[..., Watched]
    ) -> None:
        agent, client = Person(factories.make_user(Role.AGENT), machine), Person(factories.make_user(), machine)
        client.write(agent, "one")
        watched = window(agent)
        page = watched.open(f"/admin/chats/with/{client.id}")
        wait_until_live(page)
        machine.kill_live()
        client.write(agent, "two")
        machine.start_live()
        client.write(agent, "three")
        expect(page.locator("#thread .s-words")).to_have_text(["one", "two", "three"])
        wait_until_live(page, times=2)
        client.write(agent, "four")
        expect(page.locator("#thread .s-words").last).to_have_text("four", timeout=QUICK)
        assert words(page) == ["one", "two", "three", "four"]

    def test_without_websockets_events_do_it(self, machine: Machine, window: Callable[..., Watched]) -> None:
        agent, client = Person(factories.make_user(Role.AGENT), machine), Person(factories.make_user(), machine)
        client.write(agent, "one")
        watched = window(agent)
        watched.page.add_init_script("window.WebSocket = class { constructor() { throw new Error('none here'); } };")
        page = watched.open(f"/admin/chats/with/{client.id}")
        wait_until_live(page)
        client.write(agent, "two")
        expect(page.locator("#thread .s-words").last).to_have_text("two", timeout=QUICK)


class TestOrigin:
    def test_a_page_of_another_site_opens_nothing_by_the_cookie(
        self, machine: Machine, window: Callable[..., Watched]
    ) -> None:
        agent = Person(factories.make_user(Role.AGENT), machine)
        watched = window(agent)
        cookie = "; ".join(f"{one['name']}={one['value']}" for one in watched.page.context.cookies())
        key = {
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Cookie": cookie,
        }  # fmt: skip
        import http.client

        def status(origin: str, path: str = "/admin/live/socket") -> int:
            connection = http.client.HTTPConnection("127.0.0.1", machine.port, timeout=30)
            connection.request("GET", path, headers={**key, "Origin": origin})
            found = connection.getresponse().status
            connection.close()
            return found

        assert status("https://evil.example") == 403
        assert status("null") == 403
        assert status("https://evil.example", "/admin/live/events") == 403
        assert status(f"http://127.0.0.1:{machine.port}") == 101

    def test_signing_out_closes_what_the_cookie_opened(self, machine: Machine, window: Callable[..., Watched]) -> None:
        agent = Person(factories.make_user(Role.AGENT), machine)
        watched = window(agent)
        page = watched.page
        page.evaluate(
            "new Promise((is) => { window.endedBy = 0; const s = new WebSocket(location.origin.replace('http', 'ws') +"
            " '/admin/live/socket'); s.onopen = is; s.onclose = (event) => (window.endedBy = event.code); })"
        )
        other = watched.page.context.new_page()
        other.goto(f"{watched.base}/admin/")
        other.get_by_role("button", name="Sign out").click()
        other.wait_for_url("**/login/**")
        wait_for(lambda: page.evaluate("window.endedBy") == 4401)
