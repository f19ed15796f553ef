"""The house stays as docs/architecture.md says: imports run one way, and the core names no built-in."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from mtl.core.contracts.records import KINDS
from mtl.core.discovery.registry import Registry

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "pyproject.toml"
CORE = sorted((ROOT / "core").rglob("*.py"))
SOURCES = [*CORE, *sorted((ROOT / "plugins").rglob("*.py")), *sorted((ROOT / "exports").rglob("*.py"))]

# Words of the language or of a recipe that happen to be a component's name too.
ORDINARY = {
    "constant",
    "none",
    "points",
    "sum",
    "image",
    "onnx",
    "precision",
    "steps",
    "table",
    "cosine",
    "torchvision",
}


def modules_imported(path: Path) -> Iterator[str]:
    """Yield absolute names of what a file imports."""
    package = ("mtl", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def text_constants(path: Path) -> set[str]:
    """Return the strings of a file's code, without docstrings."""
    tree = ast.parse(path.read_text())
    skipped = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped
    }


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_neither_plugins_nor_exports(path: Path) -> None:
    wrong = [name for name in modules_imported(path) if name.startswith(("mtl.plugins", "mtl.exports"))]
    assert wrong == []


def test_the_core_names_no_built_in_component(registry: Registry) -> None:
    names = {entry.component.name for entry in registry.entries()} - ORDINARY
    assert len(names) > 40
    found = {str(path.relative_to(ROOT)): text_constants(path) & names for path in CORE}
    assert {path: sorted(words) for path, words in found.items() if words} == {}


def test_only_the_command_line_imports_the_command_line() -> None:
    for path in SOURCES:
        if ROOT / "core" / "cli" not in path.parents:
            assert not [name for name in modules_imported(path) if name.startswith("mtl.core.cli")], path


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_inside_the_package_are_relative(path: Path) -> None:
    tree = ast.parse(path.read_text())
    absolute = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").split(".")[0] == "mtl"
    ]
    assert absolute == []


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_file_is_long() -> None:
    assert {path.name: lines for path in SOURCES if (lines := lines_of(path)) > 400} == {}


def test_the_median_file_is_short() -> None:
    assert median(map(lines_of, SOURCES)) < 120


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_function_is_long(path: Path) -> None:
    """The signature counts, its decorators do not: of a command they are its options."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    found = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, functions)]
    assert {node.name: at for node in found if (at := (node.end_lineno or 0) - node.lineno + 1) > 50} == {}


# What macOS or Windows lacks, as Python's documentation marks it.
LINUX_ONLY = re.compile(
    r"\bos\.(sched_\w+|fork\w*|preadv|pwritev|posix_fadvise|posix_fallocate|copy_file_range|splice|memfd_create"
    r"|pidfd_open|eventfd\w*|getrandom|setxattr|getxattr|O_DIRECT|O_TMPFILE|O_PATH|O_NOATIME|RTLD_DEEPBIND)\b"
    r"|/proc/|\bselect\.epoll\b|\bsignal\.(SIGRT\w*|SIGPOLL|SIGPWR|SIGSTKFLT|pidfd_send_signal)\b"
    r"|\bresource\.(prlimit|RLIMIT_OFILE|RUSAGE_THREAD)\b"
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_linux_alone_has_is_asked_for_in_one_place(path: Path) -> None:
    if path != ROOT / "core" / "base" / "cores.py":
        assert LINUX_ONLY.findall(path.read_text()) == []


def test_the_declared_packages_are_the_folders() -> None:
    declared = tomllib.loads(PROJECT.read_text())["tool"]["setuptools"]["packages"]
    folders = {
        ".".join(["mtl", *path.parent.relative_to(ROOT).parts])
        for part in ("core", "plugins", "exports")
        for path in (ROOT / part).rglob("__init__.py")
    }
    assert sorted(declared) == declared
    assert set(declared) == {"mtl", *folders}


def test_there_is_a_contract_for_every_kind() -> None:
    from mtl.core.contracts import contract_of

    for kind in KINDS:
        if kind != "recipe":
            assert contract_of(kind).__name__.lower() == kind


START_UP = """
import sys
from mtl.core.cli.main import run
status = run(["--help"])
heavy = {"torch", "torchvision", "numpy", "pydantic", "rich", "onnx", "onnxruntime", "sklearn", "ruamel"}
print(status, sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", START_UP], capture_output=True, text=True, check=True)
    assert done.stderr == "0 []\n"


DOOR = ROOT / "core" / "base" / "files.py"
PACKAGE_DATA = {
    "core/recipe/shipped_recipes.py",
    "core/scaffold/__init__.py",
    "exports/bundle/pictures.py",
    "exports/web/exporter.py",
}
"""These read what was installed with the code, not what lies somewhere."""

WITHOUT_MTL = ROOT / "exports" / "elsewhere" / "work"
"""Runs in bounded processes without mtl; who asks has read the same files through the door before."""


def reads_past_the_door(path: Path) -> list[str]:
    """Return the calls in a file that open another one to read it, without `core/base/files.py`."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        of_a_path = isinstance(node.func, ast.Attribute)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        # `read_text` with a name is that of a distribution, whose files have a door of their own.
        named = any(isinstance(item, ast.Constant) for item in node.args)
        past = {"load_file", "read_bytes"} | (set() if named else {"read_text"})
        if name in (past if of_a_path else {"load_file", "open"}):
            found.append(ast.unparse(node))
    return found


def test_files_are_read_through_one_door() -> None:
    """A pipe waits for ever, a device never ends: `core/base/files.py` opens files of bounded size."""
    wrong = {
        str(path.relative_to(ROOT)): calls
        for path in SOURCES
        if path != DOOR
        and path.parent != WITHOUT_MTL
        and str(path.relative_to(ROOT)) not in PACKAGE_DATA
        and (calls := reads_past_the_door(path))
    }
    assert wrong == {}
