"""What docs/agents.md promises: each of the ten commonest tasks in at most three clicks from home."""

import re
from pathlib import Path

import pytest

from tests.browser.tour import MOST_CLICKS, TASKS, Tour, picture_name
from tests.browser.watching import Watched
from tests.browser.world import World

PAGE = Path("docs/agents.md")
MOST_BYTES = 120 * 1024


@pytest.mark.parametrize("task", TASKS)
def test_it_is_done_in_three_clicks_from_home(agent_window: Watched, world: World, task: str) -> None:
    tour = Tour(agent_window, world)
    TASKS[task](tour)
    assert 1 <= len(tour.clicks) <= MOST_CLICKS
    agent_window.assert_clean()


def test_the_document_tells_these_tasks_in_this_order() -> None:
    assert re.findall(r"^## \d+ (.+)$", PAGE.read_text(), re.MULTILINE) == list(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_the_document_has_a_small_picture_of_it(task: str) -> None:
    name = picture_name(task)
    assert f"(pictures/{name})" in PAGE.read_text()
    assert 0 < (PAGE.parent / "pictures" / name).stat().st_size <= MOST_BYTES
