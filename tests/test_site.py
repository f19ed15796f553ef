"""The documentation site: every page is reached, every link leads somewhere, every command line is one.

CI builds it (`mkdocs build --strict`), which refuses what its own checks find; these need no mkdocs.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from mtl.core.cli.main import build_cli

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md", *sorted(DOCS.rglob("*.md"))]
MADE = {DOCS / "commands", DOCS / "reference"}
"""Folders of pages that are made while the site is built."""
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^ {4}.*\n)+", re.MULTILINE)


def prose(path: Path) -> str:
    """Return a page without its blocks of code."""
    return FENCED.sub("", path.read_text())


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_and_anchor_of_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r'(?:\]\(|src=")([^)\s"]+)', prose(page)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists() or path.parent in MADE, target
        assert not anchor or anchor in anchors(path), target


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    named = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    there = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert there <= named, "name the new page in mkdocs.yml"


def command_lines(page: Path) -> list[list[str]]:
    """Return the words of every line of code that begins with `mtl`."""
    text = page.read_text()
    blocks = [block for language, block in FENCED.findall(text) if language in ("sh", "")]
    blocks += INDENTED.findall(FENCED.sub("", text))
    lines = re.findall(r"^ *(mtl (?:.*\\\n)*.*)", "\n".join(blocks), re.MULTILINE)
    return [shlex.split(line.replace("\\\n", " "), comments=True)[1:] for line in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_line_of_a_page_is_one_that_the_command_line_takes(page: Path) -> None:
    for words in command_lines(page):
        words = [word for word in words if word != "..."]
        try:
            parsed(build_cli(), "mtl", words, None)
        except click.ClickException as error:
            pytest.fail(f"mtl {shlex.join(words)}: {error.format_message()}")


def parsed(command: click.Command, name: str, words: list[str], above: click.Context | None) -> None:
    """Read a command line as click does, without running anything."""
    context = command.make_context(name, list(words), parent=above)
    if isinstance(command, click.Group) and (rest := [*context._protected_args, *context.args]):
        inner, found, left = command.resolve_command(context, rest)
        assert inner is not None
        assert found is not None
        parsed(found, inner, left, context)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["table", "compare", "deploy", "plugin"])
def test_who_follows_a_way_in_to_the_letter_arrives(way: str, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    shell = [
        block
        for language, block in FENCED.findall((DOCS / "ways" / f"{way}.md").read_text())
        if language == "sh"
    ]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(shell)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
