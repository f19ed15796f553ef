"""Modules by the names they had before `core/` was rooms, until 0.3: others' programs import them.

`mtl.core.pipeline` is `mtl.core.running.pipeline`; a `DeprecationWarning` tells who asks for the old name.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_ROOMS = (
    "base",
    "contracts",
    "discovery",
    "recipe",
    "data",
    "composition",
    "evaluation",
    "training",
    "folders",
    "running",
)


class _FormerModules(MetaPathFinder, Loader):
    """Is asked last, for what nobody else finds."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        parent, _, name = fullname.rpartition(".")
        if parent != __package__:
            return None
        homes = (f"{__package__}.{room}.{name}" for room in _ROOMS)
        home = next((home for home in homes if find_spec(home) is not None), None)
        return None if home is None else ModuleSpec(fullname, self, loader_state=home)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        _tell(spec.name, spec.loader_state)
        module = import_module(spec.loader_state)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # It is the very module, not a copy; importing it by another name must not change what it is.
        former = module.__spec__
        module.__spec__ = None if former is None else former.loader_state


def find_former_modules() -> None:
    """Let modules be imported by their former names, once per process."""
    if not any(isinstance(finder, _FormerModules) for finder in sys.meta_path):
        sys.meta_path.append(_FormerModules())


def former_name(room: str, module: str, name: str) -> Any:
    """Return what was found in the module with the name of a room, as in `from mtl.core.data import Splits`.

    Raises `AttributeError` for what is not there.
    """
    home = f"{room}.{module}"
    if not name.startswith("_") and find_spec(f"{room}.{name}") is None:
        found = import_module(home)
        if hasattr(found, name):
            _tell(f"{room}.{name}", f"{home}.{name}")
            return getattr(found, name)
    raise AttributeError(f"module {room!r} has no attribute {name!r}")


def _tell(old: str, new: str) -> None:
    said = f"{old} has become {new}; the old name is found until mtl 0.3"
    warnings.warn(said, DeprecationWarning, stacklevel=3)
