"""Finds the entry points of the group `mtl` in whatever lies on the path, damaged installations included.

Every distribution is read on its own: one that cannot be read becomes a row and takes no other with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from .errors import ComponentError, MissingRequirementError, described

GROUP = "mtl"
HOME = "mtl-composer"
"""The distribution that carries the core; its plugins load first, and cannot be switched off."""


@dataclass(frozen=True)
class Found:
    """An entry point: its name, its distribution as messages call it, and `load`, which imports it."""

    name: str
    distribution: str
    version: str
    load: Callable[[], object]


def installed(distributions: Iterable[metadata.Distribution] | None = None) -> list[Found]:
    """Return the entry points of all distributions, the core's own first, then by name.

    The first of several distributions of one name counts, as for an import. Raises `MissingRequirementError`
    when the core's own are not among them: nothing built in could be found.
    """
    found: dict[tuple[str, str], Found] = {}
    owners: dict[str, metadata.Distribution] = {}
    for distribution in _all() if distributions is None else distributions:
        for point in _points_of(distribution):
            key = _normalized(point.distribution)
            if owners.setdefault(key, distribution) is distribution:
                found.setdefault((key, point.name), point)
    if HOME not in owners:
        raise MissingRequirementError(
            f"the installation of {HOME} is damaged: none of its built-in plugins can be found",
            hint=f"pip install --force-reinstall --no-deps {HOME}",
        )
    return sorted(found.values(), key=lambda item: (item.distribution != HOME, item.distribution, item.name))


def _all() -> list[metadata.Distribution]:
    try:
        return list(metadata.distributions())
    except Exception as error:
        raise MissingRequirementError(
            f"the installed packages cannot be listed: {described(error)}",
            hint="python -m pip check; a folder on sys.path, or a finder on sys.meta_path, is damaged",
        ) from error


def version_of(name: str) -> str | None:
    """Return the version of a distribution, leftovers without one aside; None when there is none."""
    for distribution in metadata.distributions(name=name):
        if (found := _stated(distribution, "Version")) is not None:
            return found
    return None


def _points_of(distribution: metadata.Distribution) -> Iterator[Found]:
    try:
        text = distribution.read_text("entry_points.txt") or ""
    except UnicodeDecodeError as error:
        # Of anybody's package: only what names the group is ours to tell.
        text = error.object.decode(errors="replace")
        if f"[{GROUP}]" in text:
            yield _unreadable(distribution, error)
        return
    except Exception as error:
        yield _unreadable(distribution, error)
        return
    if f"[{GROUP}]" not in text:
        return
    name, version = _name_and_version(distribution)
    try:
        points = [point for point in distribution.entry_points if point.group == GROUP]
    except Exception as error:
        yield _unreadable(distribution, error)
        return
    for point in points:
        yield Found(point.name, name, version, _loader(point))


def _loader(point: metadata.EntryPoint) -> Callable[[], object]:
    def load() -> object:
        try:
            _ = point.module
        except Exception as error:
            raise ComponentError(f"its entry point `{point.name} = {point.value}` names no module") from error
        return point.load()

    return load


def _unreadable(distribution: metadata.Distribution, error: Exception) -> Found:
    """Return a row that fails with the reason as soon as it is loaded."""

    def load() -> object:
        raise ComponentError(f"its entry points cannot be read: {described(error)}") from error

    name, version = _name_and_version(distribution)
    return Found(name, name, version, load)


def _name_and_version(distribution: metadata.Distribution) -> tuple[str, str]:
    """Return name and version as stated, else as the folder is called."""
    folder = getattr(distribution, "_path", None)
    stem = Path(str(folder)).name.rpartition(".")[0] if folder is not None else ""
    name, _, version = stem.partition("-")
    return (
        _stated(distribution, "Name") or name.replace("_", "-") or "?",
        _stated(distribution, "Version") or version.partition("-")[0],
    )


def _stated(distribution: metadata.Distribution, key: str) -> str | None:
    try:
        # Not UTF-8 raises; a missing file or key is None, or raises in later Pythons.
        return distribution.metadata[key] or None
    except Exception:
        return None


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
