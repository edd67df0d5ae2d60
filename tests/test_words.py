"""No code words on screen: what pages say is English, whoever reads which page."""

import html
import re
from typing import Any

import pytest
from flask import Flask

from sheda import rooms
from sheda.accounts.models import User
from sheda.core.states import Machine
from tests import walk
from tests.browser.world import World, make_world
from tests.pages import Browser

CODE_WORD = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")

FOR_PROGRAMS = ("/admin/webhook",)
"""Pages that name events as programs get them."""

HIDDEN = re.compile(r"<(script|style|code|kbd|textarea|pre)\b.*?</\1>|<[^>]+>", re.DOTALL)
"""What is no word on the screen, or is quoted as it is: code, and what people typed."""

BADGE = re.compile(r'<span class="s-badge"[^>]*>([^<]+)</span>')
CELL = re.compile(r"<(td|dd)[^>]*>([^<]+)</\1>")


def states() -> set[str]:
    """Return every state of every life, as the code calls it."""
    views = [view for view, *_ in rooms.VIEWS]
    machines = {getattr(view, "machine", None) for view in views}
    return {state for machine in machines if isinstance(machine, Machine) for state in machine.states}


@pytest.fixture
def world(db_session: Any) -> World:
    """Fill the database with two agents' business."""
    return make_world()


@pytest.mark.parametrize("who", ["agent", "admin"])
def test_pages_say_no_code_words(app: Flask, world: World, who: str) -> None:
    user: User = getattr(world, who)
    browser, wrong, raw = Browser(app), set(), states()
    browser.sign_in(user)
    for path in walk.pages(app, user):
        page = browser.get(path).text
        said = html.unescape(HIDDEN.sub(" ", page))
        if not path.startswith(FOR_PROGRAMS):
            wrong |= {f"{path}: {word}" for word in CODE_WORD.findall(said)}
        wrong |= {f"{path}: {word}" for word in BADGE.findall(page) if word.strip() in raw}
        wrong |= {f"{path}: {word}" for _tag, word in CELL.findall(page) if word.strip() in raw}
    assert sorted(wrong) == []
