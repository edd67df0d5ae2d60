"""The house keeps its shape: arrows, floors, sizes, and where things may be read or committed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ROOT / "sheda"
ROOMS = [
    "accounts",
    "profiles",
    "properties",
    "shortlists",
    "appointments",
    "payments",
    "contracts",
    "chat",
    "notifications",
    "live",
    "hooks",
    "workplace",
]
SHARED = {"models", "access", "services", "events", "errors", "states", "wire"}
FLOORS = ["events", "states", "models", "access", "services", "edges"]
EDGES = {"schemas", "api", "views", "jobs"}
REGISTER = {"sheda/rooms.py", "sheda/app.py", "sheda/cli.py"}

MODULES = sorted(HOUSE.rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, name) of every import from this house."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "sheda":
            yield from ((node.module, alias.name) for alias in node.names)
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] == "sheda")


def target_of(module: str, name: str) -> tuple[str, str]:
    """Return the (room, piece) that an import reaches; core and the top floor have no piece."""
    parts = module.split(".")[1:]
    if not parts:
        parts = [name]
    elif len(parts) == 1 and parts[0] in ROOMS:
        parts = [parts[0], name]
    return parts[0], parts[1] if len(parts) > 1 else ""


def faults(rule: str) -> list[str]:
    found = []
    for path in MODULES:
        here = path.relative_to(HOUSE).parts
        room, piece = (here[0], path.stem) if len(here) > 1 else ("", path.stem)
        for module, name in imports_of(path):
            there, part = target_of(module, name)
            if rule_broken(rule, (room, piece), (there, part)):
                found.append(f"{name_of(path)} imports {module}.{name}")
    return found


def rule_broken(rule: str, here: tuple[str, str], there: tuple[str, str]) -> bool:
    (room, piece), (other, part) = here, there
    if rule == "core":
        return room == "core" and other != "core"
    if rule == "rooms":
        if room not in ROOMS or other in {room, "core"}:
            return False
        return other not in ROOMS or ROOMS.index(other) > ROOMS.index(room)
    if rule == "shared":
        is_shape = piece == part == "schemas"
        return room in ROOMS and other in ROOMS and other != room and part not in SHARED and not is_shape
    if rule == "floors":
        return room in ROOMS and other == room and floor(part) > floor(piece)
    return bool(room in ROOMS and part in {"api", "views", "jobs"} and other == room and piece not in EDGES)


def floor(piece: str) -> int:
    if piece in EDGES:
        return FLOORS.index("edges")
    return FLOORS.index(piece) if piece in FLOORS else FLOORS.index("services")


class TestArrows:
    def test_the_ground_knows_no_room(self) -> None:
        assert faults("core") == []

    def test_rooms_import_only_rooms_on_their_left(self) -> None:
        assert faults("rooms") == []

    def test_rooms_import_of_others_only_what_is_shared(self) -> None:
        """Schemas may be built on schemas: a listing's card looks the same on every list, and is described once."""
        assert faults("shared") == []

    def test_within_a_room_arrows_point_to_the_ground(self) -> None:
        assert faults("floors") == []

    def test_only_the_register_imports_the_edges_of_a_room(self) -> None:
        assert faults("edges") == []


def lines_with(pattern: str, allowed: set[str]) -> list[str]:
    found = []
    for path in MODULES:
        if name_of(path) in allowed:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(pattern, line):
                found.append(f"{name_of(path)}:{number}: {line.strip()}")
    return found


class TestPlaces:
    def test_the_settings_file_is_read_by_the_app_alone(self) -> None:
        assert lines_with(r"^\s*(import config|from config import)", set()) == []

    def test_the_request_is_read_only_at_the_edges_of_the_ground(self) -> None:
        edges = {f"sheda/core/{name}.py" for name in ("actor", "api", "views", "door", "web", "cors", "handover")}
        assert lines_with(r"from flask import .*\b(request|g|session)\b", edges | {"sheda/accounts/security.py"}) == []

    def test_only_the_ground_commits(self) -> None:
        ground = {name_of(path) for path in MODULES if "core" in path.parts}
        outside = {"sheda/demo/load.py", "sheda/demo/bulk.py"}
        assert lines_with(r"\.commit\(", ground | outside) == []

    def test_roles_are_asked_for_only_where_access_is_decided(self) -> None:
        deciding = {
            name_of(path) for path in MODULES if "core" in path.parts or path.name in {"access.py", "security.py"}
        }
        assert lines_with(r"user\.role\s*(==|is|in)\b", deciding) == []

    def test_nothing_unfinished_is_left(self) -> None:
        assert lines_with(r"\b(TODO|FIXME|XXX|HACK)\b", set()) == []


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize(("folder", "most"), [("sheda", 400), ("tests", 500)])
class TestSizes:
    def test_files_can_be_held_in_the_head(self, folder: str, most: int) -> None:
        sizes = {name_of(path): len(path.read_text().splitlines()) for path in (ROOT / folder).rglob("*.py")}
        assert {name: lines for name, lines in sizes.items() if lines > most} == {}

    def test_functions_fit_a_screen(self, folder: str, most: int) -> None:
        long = [
            f"{name_of(path)}:{node.lineno} {node.name}"
            for path in (ROOT / folder).rglob("*.py")
            for node in functions_of(path)
            if (node.end_lineno or 0) - node.lineno + 1 > 50
        ]
        assert long == []


class TestRooms:
    def test_every_room_says_what_it_is(self) -> None:
        for room in ROOMS:
            doc = ast.get_docstring(ast.parse((HOUSE / room / "__init__.py").read_text()))
            assert doc, room
            assert len(doc.splitlines()) >= 3, f"{room} says too little"

    def test_no_file_is_empty_or_vaguely_named(self) -> None:
        vague = re.compile(r"^(utils?|helpers?|base|manager|misc|common)\.py$|_v\d+\.py$")
        assert [name_of(path) for path in MODULES if vague.match(path.name)] == []
        assert [name_of(path) for path in MODULES if not path.read_text().strip()] == []
