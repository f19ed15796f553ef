"""What is released says the same of itself everywhere, and has all that a release needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import mtl

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_one_version_stands_everywhere() -> None:
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    changed = re.search(r"^## (\S+) \(", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert cited is not None
    assert changed is not None
    assert {mtl.__version__, cited[1], changed[1]} == {PROJECT["version"]}


def test_licence_and_policies_are_in_the_source_distribution() -> None:
    included = (ROOT / "MANIFEST.in").read_text().split()
    for name in ("CHANGELOG.md", "CITATION.cff", "SECURITY.md"):
        assert name in included
        assert (ROOT / name).stat().st_size
    assert PROJECT["license-files"] == ["LICENSE"]
    assert PROJECT["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")


def test_every_dependency_has_a_lower_bound_that_ci_can_install() -> None:
    own = [name for name in PROJECT["dependencies"] if not re.match(r"[\w.-]+>=\d", name)]
    extra = [
        name
        for names in PROJECT["optional-dependencies"].values()
        for name in names
        if not re.match(r"[\w.-]+(\[\w+\])?>=\d|mtl-composer\[", name)
    ]
    assert own + extra == []


def test_pythons_that_are_named_are_tried_by_ci() -> None:
    named = {
        name.rpartition(" ")[2]
        for name in PROJECT["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", name)
    }
    listed = re.search(r"VERSIONS-([\d. ]+)\}", (ROOT / ".ci" / "pythons").read_text())
    assert listed is not None
    assert named <= {"3.11", *listed[1].split()}
    assert PROJECT["requires-python"] == ">=3.11"
