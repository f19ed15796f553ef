"""Finds the entry points of the group `mtl` in whatever lies on the path, damaged installations included.

Every distribution is read on its own: one that cannot be read becomes a row and takes no other with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata

from ..base.errors import ComponentError, MissingRequirementError, described
from .home import (
    GROUP,
    HOME,
    OWN,
    bears_the_name,
    folder_of,
    home_distribution,
    home_of,
    points_of,
    refuse_waiting,
)

_SECTION = re.compile(rf"^\ufeff?\[{GROUP}\]\s*$", re.MULTILINE)
"""How a file of entry points names the group."""


@dataclass(frozen=True)
class Found:
    """An entry point: its name, its distribution as messages call it, and `load`, which imports it."""

    name: str
    distribution: str
    version: str
    load: Callable[[], object]


def installed(distributions: Iterable[metadata.Distribution] | None = None) -> list[Found]:
    """Return the entry points of all distributions, the core's own first, then by name.

    The first of several distributions of one name counts, as for an import; of the core's name, the one that
    the running code belongs to, and another one becomes a row that fails. Raises `MissingRequirementError`
    when the core's own are not among them: nothing built in could be found.
    """
    found: dict[tuple[str, str], Found] = {}
    owners: dict[str, metadata.Distribution] = {}
    known = [(item, _points_of(item)) for item in (_all() if distributions is None else distributions)]
    home = home_of(
        item for item, points in known if any(bears_the_name(point.distribution) for point in points)
    )
    for distribution, points in known:
        for point in points:
            if bears_the_name(point.distribution) and distribution is not home:
                if points_of(distribution) != OWN:
                    found.setdefault((str(folder_of(distribution)), ""), _another(point, distribution))
                continue
            key = _normalized(point.distribution)
            if owners.setdefault(key, distribution) is distribution:
                found.setdefault((key, point.name), point)
    if home is None:
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
    home = home_distribution() if name == HOME else None
    for distribution in metadata.distributions(name=name) if home is None else (home,):
        if (found := _stated(distribution, "Version")) is not None:
            return found
    return None


def _points_of(distribution: metadata.Distribution) -> list[Found]:
    try:
        refuse_waiting(distribution, "entry_points.txt")
        text = distribution.read_text("entry_points.txt") or ""
    except UnicodeDecodeError as error:
        # Of anybody's package: only what names the group is ours to tell.
        text = error.object.decode(errors="replace").replace("\0", "")
        return [_unreadable(distribution, error)] if f"[{GROUP}]" in text else []
    except Exception as error:
        return [_unreadable(distribution, error)]
    if not _SECTION.search(text):
        return []
    name, version = _name_and_version(distribution)
    try:
        points = [point for point in distribution.entry_points if point.group == GROUP]
        if not points and text.startswith("\ufeff"):
            raise ValueError("entry_points.txt begins with a byte-order mark")
    except Exception as error:
        return [_unreadable(distribution, error)]
    return [Found(point.name, name, version, _loader(point)) for point in points]


def _another(point: Found, distribution: metadata.Distribution) -> Found:
    """Return a row for what bears the core's name and is not the code that runs."""
    folder = folder_of(distribution)

    def load() -> object:
        raise ComponentError(
            f"it bears the name {HOME}, and is not the one that runs here",
            hint=f"uninstall it, or remove what an upgrade left: {folder}",
        )

    return Found(point.distribution, str(folder), point.version, load)


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
    folder = folder_of(distribution)
    stem = folder.name.rpartition(".")[0] if folder is not None else ""
    name, _, version = stem.partition("-")
    return (
        _stated(distribution, "Name") or name.replace("_", "-") or "?",
        _stated(distribution, "Version") or version.partition("-")[0],
    )


def _stated(distribution: metadata.Distribution, key: str) -> str | None:
    try:
        refuse_waiting(distribution, "METADATA", "PKG-INFO")
        # Not UTF-8 raises; a missing file or key is None, or raises in later Pythons.
        return distribution.metadata[key] or None
    except Exception:
        return None


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
