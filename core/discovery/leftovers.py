"""Which of several descriptions of one distribution is that of the code that is here; the others were left.

An upgrade that was killed leaves the folder of the version before, whole, emptied, or under the name that pip
gave it while it worked: `~kplug-1.0.dist-info`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from .home import folder_of, normalized, points_of, vouches_for


def is_set_aside(distribution: metadata.Distribution) -> bool:
    """Return whether pip had moved it out of the way, and did not come back."""
    folder = folder_of(distribution)
    return folder is not None and folder.name.startswith("~")


def in_use(distributions: Sequence[metadata.Distribution]) -> metadata.Distribution:
    """Return the one whose code is here: by its sums, else by its modules, else the first on the path."""
    if len(distributions) == 1:
        return distributions[0]
    return max(distributions, key=_likeness)


def _likeness(distribution: metadata.Distribution) -> tuple[bool, bool, bool]:
    modules = [value.partition(":")[0] for value in points_of(distribution).values()]
    there = bool(modules) and all(_is_there(module.partition(".")[0]) for module in modules)
    came = any(vouches_for_module(distribution, module) for module in modules)
    return not is_set_aside(distribution), came, there


def vouches_for_module(distribution: metadata.Distribution, module: str) -> bool:
    """Return whether a distribution states the sum of a module, and its file has it."""
    place = module.replace(".", "/")
    return vouches_for(distribution, f"{place}.py", f"{place}/__init__.py")


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except Exception:  # no name, or a finder that fails
        return False


def folders_by_name(distributions: Iterable[metadata.Distribution]) -> dict[str, list[Path]]:
    """Return the folders of distributions by the names that these folders say, none of them read."""
    found: dict[str, list[Path]] = {}
    for distribution in distributions:
        if (folder := folder_of(distribution)) is not None:
            name = normalized(folder.name.rpartition(".")[0].partition("-")[0])
            found.setdefault(name, []).append(folder)
    return found


def left_beside(
    name: str,
    chosen: metadata.Distribution,
    others: Iterable[metadata.Distribution],
    folders: Mapping[str, Sequence[Path]],
) -> list[Path]:
    """Return the folders beside that of `chosen` which are of its name too.

    One on another part of the path is no leftover: it is hidden, as its modules are.
    """
    here = folder_of(chosen)
    if here is None:
        return []
    known = [*folders.get(name, ()), *filter(None, map(folder_of, others))]
    return sorted({folder for folder in known if folder != here and folder.parent == here.parent})
