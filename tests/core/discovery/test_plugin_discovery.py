"""Plugins are found whatever lies on the path: damage is named or harmless, and takes no other along."""

from __future__ import annotations

import base64
import hashlib
import os
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from mtl.contracts import Component
from mtl.core.base.errors import ComponentError, MissingRequirementError
from mtl.core.discovery import home, plugin_discovery, plugin_loading
from mtl.core.discovery.home import HOME
from mtl.core.discovery.plugin_discovery import installed, version_of
from mtl.core.discovery.plugin_loading import Provider
from mtl.core.discovery.registry import Entry, discover

GOOD = """
from mtl import Component, hookimpl
@hookimpl
def mtl_components():
    return [Component("encoder", "found", "Is found", "nowhere:E")]
"""
METADATA = b"Metadata-Version: 2.1\nName: okplug\nVersion: 2.0\n"
POINTS = b"[mtl]\nokplug = okplug\n"
# What METADATA and entry_points.txt hold (None: no such file), and whether the plugin is found or why not.
DAMAGE: dict[str, tuple[bytes | None, bytes, str | None]] = {
    "whole": (METADATA, POINTS, None),
    "no metadata": (None, POINTS, None),
    "empty metadata": (b"", POINTS, None),
    "metadata that is no text": (b"\xff\xfe" + METADATA, POINTS, None),
    "two names of one module": (METADATA, b"[mtl]\nnew = okplug\nold = okplug\n", None),
    "one name twice": (METADATA, POINTS + b"okplug = okplug\n", None),
    "a line before any section": (METADATA, b"x = y\n" + POINTS, None),
    "a byte-order mark": (METADATA, b"\xef\xbb\xbf" + POINTS, "byte-order mark"),
    "wide characters": (METADATA, POINTS.decode().encode("utf-16"), "its entry points cannot be read: "),
    "a line without a value": (METADATA, b"[mtl]\nokplug\n", "its entry points cannot be read: "),
    "entry points that are no text": (METADATA, POINTS + b"\xff = b\n", "its entry points cannot be read: "),
    "a value that is no module": (METADATA, b"[mtl]\na = not one!\n", "`a = not one!` names no module"),
    "an empty value": (METADATA, b"[mtl]\na =\n", "names no module"),
    "a module that is not there": (
        METADATA,
        b"[mtl]\na = nothing_here\n",
        "its module 'nothing_here' is not there",
    ),
    "a part of a module that is not there": (METADATA, b"[mtl]\na = okplug.x\n", "'okplug.x' is not there"),
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with a plugin's module, before all others."""
    (tmp_path / "okplug.py").write_text(GOOD)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "okplug", raising=False)
    return tmp_path


def leave(site: Path, name: str, **files: bytes | None) -> None:
    """Leave a `dist-info` with files by name."""
    folder = site / f"{name}.dist-info"
    folder.mkdir()
    for file, content in files.items():
        if content is not None:
            (folder / {"points": "entry_points.txt"}.get(file, file.upper())).write_bytes(content)


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_of_one_plugin_is_named_or_harmless(case: str, site: Path) -> None:
    told, points, reason = DAMAGE[case]
    leave(site, "okplug-2.0", metadata=told, points=points)
    registry = discover()
    rows = [row for row in registry.providers if row.distribution == "okplug"]
    assert rows[0].label == "okplug 2.0"
    assert ("found" in registry.names("encoder")) == (reason is None)
    assert rows[0].broken == (reason is not None)
    assert (reason or "") in (rows[0].reason or "")
    assert len(registry.names("encoder")) > 3


def test_a_second_name_of_a_module_is_a_duplicate_of_the_first(site: Path) -> None:
    leave(site, "okplug-2.0", metadata=METADATA, points=b"[mtl]\nnew = okplug\nold = okplug\n")
    first, second = (row for row in discover().providers if row.distribution == "okplug")
    assert (first.status, second.status) == ("ok", "duplicate")
    assert second.reason == "its module is in use as okplug/new"
    assert not second.broken


def test_a_link_to_a_module_is_a_duplicate_of_it(site: Path) -> None:
    (site / "linked.py").symlink_to(site / "okplug.py")
    leave(site, "okplug-2.0", metadata=METADATA, points=b"[mtl]\nnew = okplug\nold = linked\n")
    registry = discover()
    first, second = (row for row in registry.providers if row.distribution == "okplug")
    assert (first.status, second.status) == ("ok", "duplicate")
    assert registry.find("encoder", "found").provider == first


def test_a_copy_of_a_module_takes_no_name_away(site: Path) -> None:
    (site / "copied.py").write_bytes((site / "okplug.py").read_bytes())
    leave(site, "okplug-2.0", metadata=METADATA, points=b"[mtl]\nnew = okplug\nold = copied\n")
    registry = discover()
    assert registry.find("encoder", "found").provider.name == "new"
    (broken,) = (row for row in registry.providers if row.broken)
    assert "its encoder 'found' is that of plugin 'new' of the same distribution already" in str(
        broken.reason
    )


def test_an_empty_leftover_hides_no_plugin(site: Path) -> None:
    leave(site, "okplug-1.0")
    leave(site, "okplug-2.0", metadata=METADATA, points=POINTS)
    assert "found" in discover().names("encoder")


def test_of_two_distributions_of_a_name_the_first_counts(site: Path, tmp_path: Path) -> None:
    leave(site, "okplug-2.0", metadata=METADATA, points=POINTS)
    leave(site, "ok_plug-1.0", metadata=METADATA.replace(b"2.0", b"1.0"), points=b"[mtl]\nold = okplug\n")
    assert len([row for row in discover().providers if row.distribution == "okplug"]) == 1


def old_version() -> bytes:
    """Return the `RECORD` of a version before, whose module was another."""
    record = base64.urlsafe_b64encode(hashlib.sha256(b"another").digest()).rstrip(b"=")
    return b"okplug.py,sha256=" + record + b",1\n"


LEFT: dict[str, dict[str, bytes | None]] = {
    "okplug-1.0": {},
    "OKplug-1.0": {"metadata": METADATA.replace(b"2.0", b"1.0"), "points": b"[mtl]\nold = okplug_gone\n"},
    "~kplug-1.0": {"metadata": METADATA.replace(b"2.0", b"1.0"), "points": POINTS},
}


@pytest.mark.parametrize("name", LEFT)
def test_what_an_upgrade_left_is_named_and_hides_no_plugin(
    name: str, site: Path, mtl: Callable[..., Any]
) -> None:
    leave(site, name, **LEFT[name])
    leave(site, "okplug-2.0", metadata=METADATA, points=POINTS)
    registry = discover()
    (row,) = (row for row in registry.providers if row.distribution == "okplug")
    assert (row.status, row.version) == ("ok", "2.0")
    assert row.damage == f"left by another installation, to be removed: {site / name}.dist-info"
    assert "found" in registry.names("encoder")
    assert str(site / name) in mtl("plugins").out


def test_the_doctor_notes_what_was_left(site: Path, mtl: Callable[..., Any]) -> None:
    leave(site, "okplug-1.0")
    leave(site, "okplug-2.0", metadata=METADATA, points=POINTS)
    (line,) = (line for line in mtl("doctor").out.splitlines() if "okplug/okplug" in line)
    assert line.startswith("note  plugin okplug/okplug: okplug 2.0; damaged: left by another installation")


def test_a_built_in_component_that_vanished_is_told_with_what_mends_it() -> None:
    record = Component("loss", "gone", "Was built in", "mtl.plugins.losses.gone:Gone")
    with pytest.raises(ComponentError, match="No module named") as refused:
        Entry(record, Provider("plugins", HOME, "1.0")).load()
    assert (
        refused.value.hint
        == "pip install --force-reinstall --no-deps PATH, of the clone or wheel of mtl-composer"
    )


def test_of_two_versions_the_one_counts_whose_sums_the_code_has(site: Path) -> None:
    digest = base64.urlsafe_b64encode(hashlib.sha256((site / "okplug.py").read_bytes()).digest())
    right = b"okplug.py,sha256=" + digest.rstrip(b"=") + b",1\n"
    for version, record in (("1.0", old_version()), ("2.0", right), ("3.0", old_version())):
        told = METADATA.replace(b"2.0", version.encode())
        leave(site, f"okplug-{version}", metadata=told, points=POINTS, record=record)
    (row,) = (row for row in discover().providers if row.distribution == "okplug")
    assert row.version == "2.0"
    assert "okplug-1.0" in row.damage
    assert "okplug-3.0" in row.damage


def test_of_two_names_for_a_module_the_one_counts_that_it_came_with(site: Path) -> None:
    digest = base64.urlsafe_b64encode(hashlib.sha256((site / "okplug.py").read_bytes()).digest())
    right = b"okplug.py,sha256=" + digest.rstrip(b"=") + b",1\n"
    renamed = METADATA.replace(b"okplug", b"a-former-name")
    leave(site, "a_former_name-1.0", metadata=renamed, points=POINTS, record=old_version())
    leave(site, "okplug-2.0", metadata=METADATA, points=POINTS, record=right)
    registry = discover()
    rows = {row.distribution: row for row in registry.providers if row.distribution != HOME}
    assert {name: row.status for name, row in rows.items()} == {"okplug": "ok", "a-former-name": "duplicate"}
    assert rows["a-former-name"].hint == "pip uninstall a-former-name, where okplug came in its stead"
    assert registry.find("encoder", "found").qualified_name == "okplug/found"


def test_on_another_part_of_the_path_a_second_one_is_no_leftover(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(site, "okplug-2.0", metadata=METADATA, points=POINTS)
    (site / "source").mkdir()
    leave(site / "source", "okplug-3.0", metadata=METADATA, points=POINTS)
    monkeypatch.syspath_prepend(str(site / "source"))
    (row,) = (row for row in discover().providers if row.distribution == "okplug")
    assert (row.status, row.damage) == ("ok", "")


def test_what_pip_put_aside_alone_is_broken_and_takes_nothing_along(site: Path) -> None:
    leave(site, "~kplug-2.0", metadata=METADATA, points=POINTS)
    registry = discover()
    (row,) = (row for row in registry.providers if row.distribution == "okplug")
    assert (row.status, row.reason) == ("broken", "pip was ended while it installed or removed it")
    assert str(site / "~kplug-2.0.dist-info") in (row.hint or "")
    assert len(registry.names("encoder")) > 3


def test_what_is_left_without_its_module_is_named_by_its_folder(site: Path) -> None:
    leave(site, "okplug-2.0", metadata=METADATA, points=b"[mtl]\nokplug = okplug_gone\n")
    (row,) = (row for row in discover().providers if row.distribution == "okplug")
    assert row.status == "broken"
    assert str(site / "okplug-2.0.dist-info") in (row.hint or "")


@pytest.mark.parametrize("left", ["mtl_composer-0.0.1", "~tl_composer-0.1.0"])
def test_what_an_upgrade_of_mtl_left_beside_it_is_named(left: str, site: Path) -> None:
    own = b"[mtl]\nplugins = mtl.plugins\nexports = mtl.exports\n"
    code = site / "mtl" / "core" / "discovery" / "home.py"
    code.parent.mkdir(parents=True)
    code.symlink_to(home.__file__)
    digest = base64.urlsafe_b64encode(hashlib.sha256(code.read_bytes()).digest()).rstrip(b"=")
    record = b"mtl/core/discovery/home.py,sha256=" + digest + b",1\n"
    told = b"Name: mtl-composer\nVersion: 0.1.0\n"
    leave(site, "mtl_composer-0.1.0", metadata=told, points=own, record=record)
    leave(site, left, metadata=told.replace(b"0.1.0", b"0.0.1"), points=own)
    found = installed(metadata.distributions(path=[str(site)]))
    assert {(row.distribution, row.version) for row in found} == {("mtl-composer", "0.1.0")}
    assert all(str(site / left) in row.damage for row in found)


def test_a_plugin_without_metadata_is_in_use_and_named(site: Path) -> None:
    leave(site, "okplug-2.0", points=POINTS)
    (row,) = (row for row in discover().providers if row.distribution == "okplug")
    assert row.status == "ok"
    assert row.damage == f"{site / 'okplug-2.0.dist-info'} has no METADATA with a name and a version"


def test_an_empty_leftover_of_mtl_hides_neither_the_built_ins_nor_the_version(
    site: Path, mtl: Callable[..., Any]
) -> None:
    known = version_of(HOME)
    leave(site, "mtl_composer-0.0.1")
    assert len(discover().names("encoder")) > 3
    assert mtl("--version").out == f"mtl {known}\n"


OTHERS = {
    "old entry points": b"[mtl]\nold = mtl.plugins.gone\n",
    "a part of the entry points": b"[mtl]\ndatasets = mtl.plugins.datasets\n",
    "a stranger's": b"[mtl]\nzz = okplug\n",
}


@pytest.mark.parametrize("case", OTHERS)
@pytest.mark.parametrize("name", ["mtl-composer", "MTL_composer"])
def test_what_bears_the_name_of_mtl_takes_nothing_from_it_and_is_named(
    name: str, case: str, site: Path, mtl: Callable[..., Any]
) -> None:
    known, before = version_of(HOME), discover().names("task")
    told = f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.0.1\n".encode()
    leave(site, "mtl_composer-0.0.1", metadata=told, points=OTHERS[case])
    registry = discover()
    assert registry.names("task") == before
    (row,) = (row for row in registry.providers if row.broken)
    assert row.reason == "it bears the name mtl-composer, and is not the one that runs here"
    assert str(site / "mtl_composer-0.0.1.dist-info") in (row.hint or "")
    assert mtl("--version").out == f"mtl {known}\n"


@pytest.mark.parametrize("real", ["0.0.1", "9.9"])
def test_of_several_with_the_same_entry_points_the_one_with_the_running_code_counts(
    real: str, site: Path
) -> None:
    code = site / "mtl" / "core" / "discovery" / "home.py"
    code.parent.mkdir(parents=True)
    code.symlink_to(home.__file__)
    digest = base64.urlsafe_b64encode(hashlib.sha256(code.read_bytes()).digest()).rstrip(b"=")
    for version in ("0.0.1", "9.9"):
        told = f"Name: mtl-composer\nVersion: {version}\n".encode()
        points = b"[mtl]\nplugins = mtl.plugins\nexports = mtl.exports\n"
        told_digest = digest if version == real else digest[::-1]
        record = b"mtl/core/discovery/home.py,sha256=" + told_digest + b",1\n"
        leave(site, f"mtl_composer-{version}", metadata=told, points=points, record=record)
    assert version_of(HOME) == real
    assert {row.version for row in discover().providers if row.distribution == HOME} == {real}
    assert len(discover().names("encoder")) > 3


def test_only_another_mtl_is_a_damaged_installation(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(site, "mtl_composer-0.0.1", metadata=METADATA, points=OTHERS["old entry points"])
    there = list(metadata.distributions(path=[str(site)]))
    monkeypatch.setattr(plugin_discovery, "_all", lambda: there)
    with pytest.raises(ComponentError, match="the installation of mtl-composer is damaged"):
        installed()


def test_the_entry_points_that_the_code_knows_are_those_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert project["project"]["entry-points"] == {home.GROUP: home.OWN}


@pytest.mark.parametrize("file", ["entry_points.txt", "METADATA"])
@pytest.mark.parametrize("name", ["okplug-2.0", "mtl_composer-0.0.1"])
def test_a_pipe_is_not_waited_for(file: str, name: str, site: Path, mtl: Callable[..., Any]) -> None:
    leave(site, name, points=POINTS)
    path = site / f"{name}.dist-info" / file
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    known = mtl("list", "encoder")
    assert (known.status, "lenet" in known.out) == (0, True)
    assert mtl("--version").status == 0
    (row,) = (row for row in discover().providers if "okplug" in row.label or "0.0.1" in row.label)
    if file == "entry_points.txt":
        assert ("no regular file" if name.startswith("ok") else "bears the name") in (row.reason or "")


def test_without_the_built_ins_every_command_says_so(
    mtl: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_discovery, "_all", list)
    result = mtl("list", "encoder")
    assert result.status == 3
    assert result.err == (
        "error: the installation of mtl-composer is damaged: none of its built-in plugins can be found\n"
        "  hint: pip install --force-reinstall --no-deps PATH, of the clone or wheel of mtl-composer\n"
    )


@pytest.mark.parametrize("gone", ["mtl.plugins.losses", "mtl.exports.gone"])
def test_built_ins_that_cannot_be_imported_are_an_error(
    gone: str, mtl: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = gone.rpartition(".")[0]

    def load() -> object:
        raise ModuleNotFoundError(f"No module named {gone!r}")

    def damaged() -> list[plugin_discovery.Found]:
        rows = plugin_discovery.installed()
        return [replace(row, load=load) if row.name == home.rpartition(".")[2] else row for row in rows]

    monkeypatch.setattr(plugin_loading, "installed", damaged)
    result = mtl("list", "loss")
    assert (result.status, result.out) == (3, "")
    assert f"is broken (import): ModuleNotFoundError: No module named '{gone}'" in result.err
    assert (
        "hint: pip install --force-reinstall --no-deps PATH, of the clone or wheel of mtl-composer"
        in result.err
    )


def test_a_finder_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ValueError("no")

    monkeypatch.setattr(metadata, "distributions", broken)
    with pytest.raises(MissingRequirementError, match="cannot be listed: ValueError: no"):
        installed()
