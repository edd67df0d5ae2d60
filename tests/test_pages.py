"""What holds on every page of the admin UI, whoever adds it: the pages come from the routes (tests/walk.py)."""

import gzip
import io
import re
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from sheda.accounts.models import User
from sheda.core.actor import Role
from sheda.core.generated import RoomView
from sheda.core.roles import granted
from tests import walk
from tests.browser.world import CANARY, PHONE, World, make_world
from tests.pages import Browser

MOST_STATEMENTS = 12
MOST_BYTES = 250_000
"""Of style and script that a page loads, compressed."""

ONE_ROW = r"/(show|edit)/\d|/move/\d|/with/|deals/\d"

NOT_THERE = f"/nothing-here$|/thumb$|{walk.SOCKET}"
"""What refuses as it should: no page, no picture of a document, no handshake."""

PEOPLE = ("agent", "staff", "admin")


@pytest.fixture
def world(db_session: Any) -> World:
    """Fill the database with two agents' business."""
    return make_world()


def window(app: Flask, user: User) -> Browser:
    browser = Browser(app)
    browser.sign_in(user)
    return browser


def weight_of(browser: Browser, path: str) -> int:
    with browser.http.get(path) as answer:
        assert answer.status_code == 200
        return len(gzip.compress(answer.data))


class TestEveryPage:
    @pytest.mark.parametrize("who", PEOPLE)
    def test_takes_few_statements_and_no_fault(self, app: Flask, world: World, count_statements: Any, who: str) -> None:
        user: User = getattr(world, who)
        browser, wrong = window(app, user), []
        found = walk.addresses(app, user)
        for path in found:
            with count_statements() as seen:
                answer = browser.get(path)
                answer.get_data()
            if answer.status_code >= 400 and not re.search(NOT_THERE, path):
                wrong.append(f"{path} answers {answer.status_code}")
            if len(seen) > MOST_STATEMENTS:
                wrong.append(f"{path} takes {len(seen)} statements")
        assert len(found) > 50
        assert wrong == []

    @pytest.mark.parametrize("who", PEOPLE)
    def test_loads_little_style_and_script(self, app: Flask, world: World, who: str) -> None:
        user: User = getattr(world, who)
        browser, wrong = window(app, user), []
        for path in walk.pages(app, user):
            browser.get(path)
            loaded = re.findall(r'(?:src|href)="(/[^"]+\.(?:css|js))(?:\?[^"]*)?"', browser.at)
            size = sum(weight_of(browser, name) for name in set(loaded))
            if not 0 < size < MOST_BYTES:
                wrong.append(f"{path} loads {size} bytes")
        assert wrong == []

    def test_names_no_place_elsewhere(self, app: Flask, world: World) -> None:
        browser, wrong = window(app, world.agent), []
        for path in walk.pages(app, world.agent):
            browser.get(path)
            wrong += [
                f"{path}: {found}" for found in re.findall(r'(?:src|srcset|action|href)="(https?:[^"]+)', browser.at)
            ]
        assert wrong == []


def texts_of(name: str, data: bytes) -> str:
    """Return what a file says: a workbook's sheet, or the text itself."""
    if name.endswith("xlsx"):
        return zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml").decode()
    return data.decode(errors="replace")


def lists(app: Flask) -> list[RoomView]:
    """Return the lists that are an agent's."""
    found = [view for view in app.appbuilder.baseviews if isinstance(view, RoomView)]  # type: ignore[attr-defined]
    return [view for view in found if granted(Role.AGENT, "list", view.class_permission_name)]


class TestForeignRows:
    """Another agent's texts, also about a client whom both know, are read on no page, export, search or select."""

    def test_are_on_no_page(self, app: Flask, world: World) -> None:
        browser = window(app, world.agent)
        seen = [path for path in walk.pages(app, world.agent) if CANARY in browser.get(path).text]
        assert seen == []

    def test_are_in_no_file_and_no_select(self, app: Flask, world: World) -> None:
        browser = window(app, world.agent)
        paths = walk.papers(app, world.agent)
        assert any("/export/xlsx" in path for path in paths)
        assert [path for path in paths if CANARY in texts_of(path, browser.get(path).data)] == []

    @pytest.mark.parametrize("kind", ["csv", "xlsx"])
    def test_are_in_no_export_of_any_view_with_every_column(self, app: Flask, world: World, kind: str) -> None:
        browser, seen, whole = window(app, world.agent), [], ""
        for view in lists(app):
            for tab in view.tabs or ("",):
                query = urlencode([("tab", tab), *(("cols", name) for name in view.choosable)])
                path = f"{view.route_base}/export/{kind}?{query}"
                text = texts_of(kind, browser.get(path).data)
                whole += text
                seen += [path] if CANARY in text else []
        assert seen == []
        assert world.home.title in whole

    def test_are_found_by_no_search(self, app: Flask, world: World) -> None:
        browser = window(app, world.agent)
        for words in (CANARY, "Funke", "08039999999", PHONE, "Let by", "Shown by", "SHD-", "PAY-", "CON-"):
            page = browser.get(f"/admin/search/?{urlencode({'q': words})}").text
            assert CANARY not in page.replace(f'value="{CANARY}"', "").replace(f"“{CANARY}”", ""), words

    def test_are_found_by_no_list_and_filter(self, app: Flask, world: World) -> None:
        browser, seen = window(app, world.agent), []
        for view in lists(app):
            for tab in view.tabs or ("",):
                path = f"{view.route_base}/list/?{urlencode({'tab': tab, 'q': CANARY[2:8]})}"
                seen += [path] if CANARY in browser.get(path).text else []
        assert seen == []

    def test_are_offered_by_no_select(self, app: Flask, world: World) -> None:
        browser = window(app, world.agent)
        for view in lists(app):
            for name in view.offers:
                answer = browser.get(f"{view.route_base}/options/{name}?q={CANARY}")
                assert CANARY not in answer.text

    def test_are_missing_by_their_address(self, app: Flask, world: World) -> None:
        browser, other = window(app, world.agent), world.other_agent
        theirs = [path for path in walk.pages(app, other) if re.search(ONE_ROW, path)]
        own = set(walk.pages(app, world.agent))
        found = [path for path in theirs if path not in own and browser.get(path).status_code != 404]
        assert len(theirs) > 10
        assert found == []

    def test_the_word_is_read_by_whom_it_belongs_to(self, app: Flask, world: World) -> None:
        browser = window(app, world.other_agent)
        seen = [path for path in walk.pages(app, world.other_agent) if CANARY in browser.get(path).text]
        assert len(seen) > 20


class TestStaticFiles:
    def test_hold_no_address_elsewhere(self) -> None:
        for path in Path("sheda/static").rglob("*.*"):
            if path.suffix in {".css", ".js"}:
                assert re.findall(r"""(?:url\(|@import|from |fetch\()\s*["']?(?:https?:)?//""", path.read_text()) == []
