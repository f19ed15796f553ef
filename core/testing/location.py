"""Where a plugin to be checked is: installed, a plugin file, or the folder of a package."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..base.errors import UsageError
from ..base.files import read_text, reading
from ..discovery.plugin_loading import GROUP, HOME
from ..discovery.registry import Registry, discover

_MOST = 2**20
"""Bytes of a description of a package that none comes near."""


@contextmanager
def located(target: str | None, files: tuple[Path, ...] = ()) -> Iterator[tuple[Registry, list[str]]]:
    """Give the registry in which a target is, and its names; with no target, all plugins not built in.

    A target is the name of an installed distribution (or of anything `subjects` knows), a `.py` file, or a
    folder with a `pyproject.toml`, whose plugins are imported from there without installing; afterwards the
    import path is as it was. `files` are plugin files that are loaded besides.
    Raises `UsageError` for a path without a plugin.
    """
    path = Path(target) if target is not None else None
    if path is not None and path.is_dir():
        with _importable(path) as distribution:
            yield discover(files), [distribution]
    elif path is not None and path.suffix == ".py":
        if not path.is_file():
            raise UsageError(f"no such plugin file: {path}", hint="name an existing .py file")
        yield discover([*(file for file in files if file != path), path]), [str(path)]
    else:
        registry = discover(files)
        strangers = [
            provider.distribution for provider in registry.providers if provider.distribution != HOME
        ]
        yield registry, list(dict.fromkeys(strangers)) if target is None else [target]


@contextmanager
def _importable(folder: Path) -> Iterator[str]:
    """Make the package in a folder look installed; give its distribution's name."""
    project = _project(folder)
    name, version = str(project["name"]), str(project.get("version", "0"))
    points: Mapping[str, str] = project["entry-points"][GROUP]
    kept_path, kept_modules = list(sys.path), set(sys.modules)
    with tempfile.TemporaryDirectory() as site:
        info = Path(site) / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = [f"[{GROUP}]", *(f"{key} = {value}" for key, value in points.items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        sys.path[:0] = [site, str(_source(folder))]
        importlib.invalidate_caches()
        try:
            yield name
        finally:
            sys.path[:] = kept_path
            packages = {value.partition(":")[0].partition(".")[0] for value in points.values()}
            for module in set(sys.modules) - kept_modules:
                if module.partition(".")[0] in packages:
                    del sys.modules[module]


def _project(folder: Path) -> dict[str, Any]:
    file = folder / "pyproject.toml"
    hint = "name the folder of a package, or a distribution"
    if not os.path.lexists(file):
        raise UsageError(f"{folder} has no pyproject.toml", hint=hint)
    text = read_text(file, "the description of a package", hint=hint, most=_MOST)
    with reading(file, "the description of a package", hint=hint):
        content = tomllib.loads(text)
    project: dict[str, Any] = content.get("project", {})
    if not project.get("entry-points", {}).get(GROUP) or "name" not in project:
        raise UsageError(
            f"{file} declares no plugin",
            hint=f'write [project.entry-points.{GROUP}] with one line: NAME = "package.module"',
        )
    return project


def _source(folder: Path) -> Path:
    source = folder / "src"
    return (source if source.is_dir() else folder).resolve()
