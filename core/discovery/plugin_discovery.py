"""Finds the entry points of the group `mtl` in whatever lies on the path, damaged installations included.

Every distribution is read on its own: one that cannot be read becomes a row and takes no other with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from ..base.errors import ComponentError, MissingRequirementError, described
from .home import (
    GROUP,
    HOME,
    OWN,
    REINSTALL,
    folder_of,
    home_distribution,
    home_of,
    normalized,
    points_of,
    refuse_waiting,
)
from .leftovers import folders_by_name, in_use, is_set_aside, left_beside, vouches_for_module

_SECTION = re.compile(rf"^\ufeff?\[{GROUP}\]\s*$", re.MULTILINE)
"""How a file of entry points names the group."""


@dataclass(frozen=True)
class Found:
    """An entry point: its name, its distribution as messages call it, and `load`, which imports it.

    `damage` says what is wrong with the installation of a plugin that can be used all the same. `module` is
    what it names, and `origin` who says so; None where that cannot be read.
    """

    name: str
    distribution: str
    version: str
    load: Callable[[], object]
    damage: str = ""
    module: str = ""
    origin: metadata.Distribution | None = None


Read = tuple[metadata.Distribution, list[Found]]
"""A distribution with its entry points of the group."""


def installed(distributions: Iterable[metadata.Distribution] | None = None) -> list[Found]:
    """Return the entry points of all distributions, the core's own first, then by name.

    Of several distributions of one name the one counts whose code is here; of the core's name, the one that
    the running code belongs to, and another one becomes a row that fails. Of several that name one module,
    the one comes first that has its sums. Raises `ComponentError` when the
    core's own are not among them: nothing built in could be found.
    """
    everything = _all() if distributions is None else list(distributions)
    folders = folders_by_name(everything)
    by_name: dict[str, list[Read]] = {}
    for distribution in everything:
        if points := _points_of(distribution):
            by_name.setdefault(normalized(points[0].distribution), []).append((distribution, points))
    found = _of_home(by_name.pop(HOME, []), folders)
    for name, known in by_name.items():
        chosen = in_use([distribution for distribution, _ in known])
        found += _of_plugin(name, chosen, known, folders)
    borrowed = _borrowed(found)
    return sorted(
        found,
        key=lambda item: (item.distribution != HOME, id(item) in borrowed, item.distribution, item.name),
    )


def _borrowed(found: Sequence[Found]) -> set[int]:
    """Return the identities of entry points that name a module which came with another distribution."""
    by_module: dict[str, list[Found]] = {}
    for item in found:
        if item.origin is not None:
            by_module.setdefault(item.module, []).append(item)
    borrowed: set[int] = set()
    for module, items in by_module.items():
        if len({item.distribution for item in items}) > 1:
            own = {id(item) for item in items if item.origin and vouches_for_module(item.origin, module)}
            borrowed |= {id(item) for item in items} - own if own else set()
    return borrowed


def _of_home(known: Sequence[Read], folders: Mapping[str, Sequence[Path]]) -> list[Found]:
    """Return the rows of the core, and one for each other distribution that bears its name."""
    home = home_of(distribution for distribution, _ in known)
    if home is None:
        raise ComponentError(
            f"the installation of {HOME} is damaged: none of its built-in plugins can be found",
            hint=REINSTALL,
        )
    found: list[Found] = []
    same, strange = [], []
    for distribution, points in known:
        if points_of(distribution) == OWN:
            same.append(distribution)
        else:
            strange.append(folder_of(distribution))
            found.append(_another(points[0], distribution))
    left = [folder for folder in left_beside(HOME, home, same, folders) if folder not in strange]
    own = next(points for distribution, points in known if distribution is home)
    return found + [replace(point, damage=_damage(home, left)) for point in own]


def _of_plugin(
    name: str, chosen: metadata.Distribution, known: Sequence[Read], folders: Mapping[str, Sequence[Path]]
) -> list[Found]:
    """Return the rows of a plugin of which one or more distributions are known; each entry point once."""
    points = {
        point.name: point
        for distribution, points in known
        if distribution is chosen
        for point in reversed(points)
    }
    if is_set_aside(chosen):
        return [_set_aside(next(iter(points.values())), chosen)]
    left = left_beside(name, chosen, [distribution for distribution, _ in known], folders)
    return [replace(point, damage=_damage(chosen, left)) for point in points.values()]


def _damage(distribution: metadata.Distribution, left: Sequence[Path]) -> str:
    """Return what is wrong with an installation that can be used; empty where nothing is."""
    found = []
    if _stated(distribution, "Name") is None or _stated(distribution, "Version") is None:
        found.append(f"{folder_of(distribution)} has no METADATA with a name and a version")
    if left:
        found.append(f"left by another installation, to be removed: {', '.join(map(str, left))}")
    return "; ".join(found)


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
    folder = folder_of(distribution)
    return [
        Found(
            point.name,
            name,
            version,
            _loader(point, folder),
            module=point.value.partition(":")[0],
            origin=distribution,
        )
        for point in points
    ]


def _another(point: Found, distribution: metadata.Distribution) -> Found:
    """Return a row for what bears the core's name and is not the code that runs."""
    folder = folder_of(distribution)

    def load() -> object:
        raise ComponentError(
            f"it bears the name {HOME}, and is not the one that runs here",
            hint=f"uninstall it, or remove what an upgrade left: {folder}",
        )

    return Found(point.distribution, str(folder), point.version, load)


def _set_aside(point: Found, distribution: metadata.Distribution) -> Found:
    """Return a row for what pip put aside, where nothing came in its stead."""

    def load() -> object:
        raise ComponentError(
            "pip was ended while it installed or removed it",
            hint=f"pip install --force-reinstall {point.distribution}, then remove {folder_of(distribution)}",
        )

    return replace(point, load=load)


def _loader(point: metadata.EntryPoint, folder: Path | None) -> Callable[[], object]:
    def load() -> object:
        try:
            module = point.module
        except Exception as error:
            raise ComponentError(f"its entry point `{point.name} = {point.value}` names no module") from error
        try:
            return point.load()
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise  # it is there, and needs another one
            raise ComponentError(
                f"its module {module!r} is not there",
                hint=f"install it again, or remove what was left of it: {folder}",
            ) from error

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
