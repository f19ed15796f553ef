"""The rooms of `core/`: which may import which, one way, wherever in a file the import stands."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core"

ROOMS = {
    "base": "",
    "contracts": "base",
    "discovery": "base contracts",
    "data": "base contracts discovery",
    "recipe": "base contracts discovery",
    "composition": "base contracts discovery data recipe",
    "evaluation": "base contracts discovery data composition",
    "training": "base contracts data recipe composition evaluation",
    "folders": "base contracts discovery recipe training",
    "report": "base contracts data recipe composition evaluation folders",
    "running": "base contracts discovery data recipe composition evaluation training folders report",
    "execution": "base contracts discovery data recipe folders running",
    "comparison": "base contracts discovery recipe composition folders report running execution",
    "affinity": "base composition discovery recipe report running execution comparison",
    "search": "base contracts composition discovery evaluation execution folders recipe report running "
    "comparison",
    "scaffold": "base contracts discovery",
    "testing": "base contracts discovery data recipe composition evaluation training running",
    "ecosystem": "base discovery",
    "cli": "base contracts discovery recipe composition folders report running execution comparison affinity "
    "search scaffold testing ecosystem",
}
"""Each room may import those it names, which stand above it: no circle can be written down."""

OUTSIDE = {
    "plugins": "base contracts data",
    "exports": "base contracts discovery data recipe",
}
"""What the rest of the package imports of `core/`."""

DOORS = {"__init__", "api", "public", "former"}
"""Files that are in no room: what others import."""


def imports(path: Path) -> set[str]:
    """Return the rooms, and the doors, that a file imports; imports in functions, async ones too, count."""
    package = path.relative_to(ROOT).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.ImportFrom) and node.level):
            continue
        above = len(package) - node.level + 1
        parts = [*package[:above], *(node.module.split(".") if node.module else [])]
        if parts[:1] == ["core"]:
            found |= {parts[1]} if parts[1:] else {alias.name for alias in node.names}
    return found


def test_each_room_is_declared() -> None:
    folders = {path.parent.name for path in CORE.glob("*/__init__.py")}
    assert folders == set(ROOMS)
    assert {path.stem for path in CORE.glob("*.py")} == DOORS


def test_a_room_imports_only_what_stands_above_it() -> None:
    above: set[str] = set()
    for room, allowed in ROOMS.items():
        assert set(allowed.split()) <= above, room
        above.add(room)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_it_may(room: str) -> None:
    allowed = {room, *ROOMS[room].split()}
    # The command line is the one who comes in by the doors; former names are found for each room.
    doors = DOORS if room == "cli" else {"former"}
    wrong = {
        str(path.relative_to(CORE)): found
        for path in (CORE / room).rglob("*.py")
        if (found := imports(path) - allowed - doors)
    }
    assert wrong == {}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_all_that_it_says(room: str) -> None:
    used = set().union(*(imports(path) for path in (CORE / room).rglob("*.py")))
    assert set(ROOMS[room].split()) <= used


@pytest.mark.parametrize("part", OUTSIDE)
def test_plugins_and_exports_use_few_rooms(part: str) -> None:
    used = set().union(*(imports(path) for path in (ROOT / part).rglob("*.py")))
    assert used == set(OUTSIDE[part].split())


def test_the_document_says_the_same() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| `core/(\w+)/` \| .*? \| (.*?) \|$", text, re.MULTILINE)
    assert {room: set(may.replace(",", "").split()) - {"-"} for room, may in rows} == {
        room: set(allowed.split()) for room, allowed in ROOMS.items()
    }
