"""Two-step sign-in, verification and health in a real browser, at both sizes and in both colour schemes."""

import io
import re
from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from PIL import Image
from playwright.sync_api import Page

from sheda.core import clock, health
from sheda.core.actor import Role
from tests.browser.watching import Watched
from tests.factories import PASSWORD, make_user


def picture() -> bytes:
    """Return a drawn paper."""
    buffer = io.BytesIO()
    Image.new("RGB", (640, 400), (220, 235, 220)).save(buffer, "PNG")
    return buffer.getvalue()


def good(watched: Watched) -> None:
    """Fail when the open page cannot be used by everybody, or is wider than its window."""
    assert watched.violations() == []
    assert watched.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    watched.assert_clean()


def code_on(page: Page, app: list[pyotp.TOTP], *, later: int = 0) -> str:
    """Return what the telephone shows; it learns the key from the page."""
    if not app:
        app.append(pyotp.TOTP(re.sub(r"\s", "", page.inner_text(".s-qr code"))))
    return app[0].at(clock.now().timestamp() + later)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_agent_sets_two_steps_up_by_keyboard_and_signs_in_with_them(
    watch: Callable[..., Watched], live_db: Any, size: tuple[int, int], scheme: str
) -> None:
    watched, app = watch(size, scheme), []  # type: ignore[var-annotated]
    agent = make_user(Role.AGENT)
    watched.sign_in(agent)
    page = watched.open("/admin/security/")
    good(watched)
    page.get_by_role("button", name="Set it up").press("Enter")
    page.wait_for_selector(".s-qr svg")
    good(watched)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_label("Code of your app").fill(code_on(page, app))
    page.get_by_role("button", name="Turn on").press("Enter")
    page.wait_for_selector(".s-codes")
    good(watched)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").press("Enter")
    assert download.value.suggested_filename == "sheda-recovery-codes.txt"
    page.get_by_role("button", name="Sign out everywhere").press("Enter")
    page.wait_for_selector("#username")
    page.fill("#username", agent.email)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_selector("#code")
    good(watched)
    page.fill("#code", code_on(page, app, later=30))
    page.press("#code", "Enter")
    page.wait_for_url("**/admin/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_papers_are_sent_read_and_approved(
    watch: Callable[..., Watched], live_db: Any, size: tuple[int, int], scheme: str
) -> None:
    agent, staff = make_user(Role.AGENT, first_name="Ngozi", last_name="Okafor"), make_user(Role.STAFF)
    hers = watch(size, scheme)
    hers.sign_in(agent)
    page = hers.open("/admin/verification/")
    good(hers)
    for kind, name in (("identity", "Identity card or passport"), ("licence", "Licence")):
        paper = {"name": "card.png", "mimeType": "image/png", "buffer": picture()}
        page.set_input_files(f"#f-{kind}", paper)  # type: ignore[arg-type]
        page.get_by_role("button", name=f"Upload: {name}").press("Enter")
        page.wait_for_selector(f"section[aria-labelledby='p-{kind}'] .s-acts")
    good(hers)
    page.get_by_role("button", name="Send in").press("Enter")
    page.get_by_role("button", name="Take them back").wait_for()
    good(hers)
    his = watch(size, scheme)
    his.sign_in(staff)
    his.page.get_by_role("link", name="An agent has sent papers").press("Enter")
    his.page.get_by_role("link", name="Ngozi Okafor").first.press("Enter")
    his.page.wait_for_selector(".s-paper img")
    good(his)
    his.page.get_by_role("link", name=re.compile("^Approve")).press("Enter")
    his.page.get_by_role("button", name="Approve").press("Enter")
    his.page.get_by_role("heading", name="Ngozi Okafor").wait_for()
    his.page.get_by_text("Approved", exact=True).first.wait_for()
    assert his.page.get_by_text("Paper read: Identity card or passport").count() == 1
    page = hers.open("/admin/verification/")
    assert page.get_by_text("Verified since").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_health_and_people_can_be_read_by_everybody(
    watch: Callable[..., Watched], live_db: Any, redis: Any, size: tuple[int, int], scheme: str
) -> None:
    health.beat()
    admin, agent = make_user(Role.ADMIN), make_user(Role.AGENT)
    watched = watch(size, scheme)
    watched.sign_in(admin)
    page = watched.open("/admin/health/")
    assert page.get_by_text("celery -A sheda.worker:celery beat").count() == 1
    good(watched)
    for path in (f"/admin/users/show/{agent.id}", "/admin/verifications/list/", "/admin/jobs/list/"):
        watched.open(path)
        good(watched)


def test_the_menu_in_another_language_stays_usable(
    watch: Callable[..., Watched], live_db: Any, size: tuple[int, int]
) -> None:
    watched = watch(size)
    watched.sign_in(make_user(Role.AGENT, language="yo"))
    for path in ("/admin/", "/admin/more"):
        watched.open(path)
        good(watched)
