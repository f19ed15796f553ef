"""What a result depends on besides its recipe: versions, the kind of device, and the code itself."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

from ..base.files import read_bytes
from ..data.prepared import data_key
from ..discovery.plugin_loading import HOME
from ..discovery.registry import Registry
from ..folders.run_folder import versions
from ..recipe.building import construct, with_held
from ..recipe.recipe import Choice

_MOST = 2**28
"""Bytes of a module that none comes near."""


def origin(registry: Registry, device: str) -> dict[str, str]:
    """Return versions, kind of device and a digest of the Python code of mtl and of all plugins.

    Results of the same recipe and the same origin may stand for each other.
    """
    known = versions()
    modules = {
        entry.component.target.partition(":")[0].partition(".")[0]
        for entry in registry.entries()
        if entry.provider.distribution != HOME
    }
    folders = [Path(__file__).parents[2], *filter(None, map(_place, sorted(modules)))]
    return {
        "mtl": known["mtl-composer"],
        "torch": known["torch"],
        "device": device,
        "code": _digest(tuple(folders))[:16],
    }


def data_origin(choice: Choice, registry: Registry) -> str:
    """Return a name for the content of a cell's data; empty where the data set does not say what it reads."""
    try:
        entry = registry.find("dataset", choice.name)
        dataset = construct(entry, **with_held(registry, entry, choice.options))
        return data_key(dataset, choice.to_plain()) or ""
    except KeyboardInterrupt:
        raise
    except BaseException:
        # A data set may fail in any way: the training that follows tells it, in the cell's row.
        return ""


def _place(module: str) -> Path | None:
    try:
        found = importlib.util.find_spec(module)
    except ValueError:  # a module made by hand, without a file
        return None
    if found is None or found.origin is None:
        return None
    path = Path(found.origin)
    return path.parent if path.name == "__init__.py" else path


@cache
def _digest(places: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for place in places:
        parts = [place] if place.is_file() else _sources(place)
        for path in parts:
            source = read_bytes(path, "Python code", hint="mend the plugin it belongs to", most=_MOST)
            digest.update(path.name.encode() + b"\0" + source + b"\0")
    return digest.hexdigest()


def _sources(package: Path) -> list[Path]:
    """Return the modules of a package; what lies beside them (tests, environments) is not code of it."""
    found = sorted(package.glob("*.py"))
    for folder in sorted(path for path in package.iterdir() if (path / "__init__.py").is_file()):
        found += _sources(folder)
    return found
