"""Plugins are found where they are: installed, in a file, or in the folder of a package."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.testing.location import located
from mtl.core.testing.subjects import subjects

PLUGIN = """
from mtl import Component, hookimpl

@hookimpl
def mtl_components():
    yield Component("balancer", "odd", "An odd balancer", __name__ + ":Odd")
"""
PROJECT = """
[project]
name = "Odd.Package"
version = "0.3"
[project.entry-points.mtl]
odd = "odd_package"
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The folder of a package that is not installed."""
    module = tmp_path / "odd" / "src" / "odd_package"
    module.mkdir(parents=True)
    (module / "__init__.py").write_text(PLUGIN)
    (tmp_path / "odd" / "pyproject.toml").write_text(PROJECT)
    return tmp_path / "odd"


def test_a_package_is_found_in_its_folder_without_installing(package: Path) -> None:
    before = list(sys.path)
    with located(str(package)) as (registry, names):
        found = subjects(registry, names)
        assert [subject.label for subject in found] == [
            "plugin 'odd' of Odd.Package 0.3",
            "balancer 'odd' of Odd.Package 0.3",
        ]
    assert sys.path == before
    assert "odd_package" not in sys.modules


def test_a_package_without_a_src_folder_is_found_too(package: Path) -> None:
    (package / "src" / "odd_package").rename(package / "odd_package")
    (package / "src").rmdir()
    with located(str(package)) as (registry, names):
        assert len(subjects(registry, names)) == 2


def test_a_plugin_file_is_found(tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    file.write_text(PLUGIN)
    with located(str(file)) as (registry, names):
        assert [subject.kind for subject in subjects(registry, names)] == ["plugin", "balancer"]


def test_without_a_target_every_plugin_but_the_built_in_ones_is_meant(
    install_plugin: Callable[..., str],
) -> None:
    install_plugin("odd-plugin", PLUGIN)
    with located(None) as (_, names):
        assert names == ["odd-plugin"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no pyproject.toml"),
        ("[project]\nname = 'x'", "declares no plugin"),
        ("not = [toml", "pyproject.toml: cannot be read as the description of a package"),
    ],
)
def test_a_folder_without_a_plugin_is_refused(content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "pyproject.toml").write_text(content)
    with pytest.raises(UsageError, match=message), located(str(tmp_path)):
        pass


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such plugin file"), located(str(tmp_path / "no.py")):
        pass
