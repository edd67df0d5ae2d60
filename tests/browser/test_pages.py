from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.watching import Watched
from tests.browser.world import CANARY, World


def walk(watched: Watched, paths: list[str]) -> list[str]:
    """Open pages and return what axe-core finds on them."""
    found: list[str] = []
    for path in paths:
        page = watched.open(path)
        found += [f"{path} {violation}" for violation in watched.violations()]
        width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"{path} is {width} px wider than the window"] if width > 0 else []
        found += [f"{path} shows {CANARY}"] if CANARY in page.content() else []
        found += [f"{path} {report}" for report in page.evaluate("window.__reports")]
    missing = "the server responded with a status of 404"
    return found + [fault for fault in watched.faults if missing not in fault]


class TestEveryPage:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_an_agents_can_be_used_by_everybody(
        self, watch: Callable[..., Watched], world: World, size: tuple[int, int], scheme: str
    ) -> None:
        watched = watch(size, scheme)
        watched.open("/login/")
        assert watched.violations() == []
        watched.sign_in(world.agent)
        assert walk(watched, world.paths()) == []

    def test_the_desks_can_be_used_by_everybody(
        self, watch: Callable[..., Watched], world: World, size: tuple[int, int]
    ) -> None:
        watched = watch(size)
        watched.sign_in(world.admin)
        found = [one for one in walk(watched, world.desk_paths()) if CANARY not in one]
        assert found == []

    def test_paints_its_content_without_script(self, chromium: Any, base_url: str, world: World) -> None:
        context = chromium.new_context(java_script_enabled=False)
        watched = Watched(context.new_page(), base_url)
        watched.sign_in(world.agent)
        assert watched.open("/admin/properties/list/").inner_text("h1") == "Listings"
        context.close()
