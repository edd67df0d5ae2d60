"""A window of a browser that is watched: what it shows, says and asks for must be as on every page of ours."""

from dataclasses import dataclass, field
from importlib.resources import files as package_files

from playwright.sync_api import Page, Route

from sheda.accounts.models import User
from tests import factories

WIDE, NARROW = (1440, 900), (390, 844)
SIZES = {"wide": WIDE, "narrow": NARROW}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

REPORTS = """
window.__reports = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.__reports.push(`${event.effectiveDirective} ${event.blockedURI}`));
"""
AXE = (package_files("axe_playwright_python") / "axe.min.js").read_text()


@dataclass
class Watched:
    """A page of a signed-in person, and everything on it that must not be."""

    page: Page
    base: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Open a page of ours and wait until it is whole."""
        self.page.goto(self.base + path, wait_until="load")
        return self.page

    def sign_in(self, user: User) -> None:
        """Enter by the door."""
        self.open("/login/")
        self.page.fill("#username", user.email)
        self.page.fill("#password", factories.PASSWORD)
        self.page.press("#password", "Enter")
        self.page.wait_for_url("**/admin/")

    def violations(self, only: str = "") -> list[str]:
        """Return what axe-core finds against WCAG 2.2 A and AA on the open page, or against one rule of it."""
        # The whole page at once: what a bar at the screen's edge covers just now comes out from under it by scrolling.
        shown, size = self.page.viewport_size, "document.documentElement.scrollHeight"
        if shown:
            height = max(shown["height"], int(self.page.evaluate(size)))
            self.page.set_viewport_size({"width": shown["width"], "height": height})
        found = self._axe(only)
        if shown:
            self.page.set_viewport_size(shown)
        return found

    def _axe(self, only: str) -> list[str]:
        self.page.evaluate(AXE)
        run = {"type": "rule", "values": [only]} if only else {"type": "tag", "values": RULES}
        options = {"runOnly": run, "resultTypes": ["violations"]}
        found = self.page.evaluate("(options) => axe.run(document, options)", options)["violations"]
        return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]

    def assert_clean(self) -> None:
        """Fail when the console, the content policy or the network had something to say."""
        assert self.faults == []
        assert self.page.evaluate("window.__reports") == []


def listen(watched: Watched) -> None:
    """Note console errors, uncaught faults and requests that leave the machine."""
    page, faults = watched.page, watched.faults
    page.on("console", lambda message: faults.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda fault: faults.append(f"script: {fault}"))
    page.route("**/*", lambda route: stop_leaving(watched, route))


def stop_leaving(watched: Watched, route: Route) -> None:
    """Let through what stays on this server; note and refuse everything else."""
    if is_ours(watched, route.request.url):
        route.continue_()
    else:
        watched.faults.append(f"leaves: {route.request.url}")
        route.abort()


def is_ours(watched: Watched, url: str) -> bool:
    """Tell whether a request stays on this server."""
    return url.startswith((watched.base, "data:", "blob:"))
