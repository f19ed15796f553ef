"""Repeats one cell and holds it against the kept one, digit for digit."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtl.core.base.errors import UsageError

from .plan import Cell
from .store import Entry, Results
from .training import Trainer

SAME = ("recipe", "data", "rate", "status", "parameters", "chosen_epoch", "validation", "test", "onnx")
"""What a repetition must reach to the last digit."""
SETTING = ("code", "versions", "threads", "machine")
"""What explains another last digit."""


def repeat(results: Results, trainer: Trainer, cell: Cell) -> tuple[bool, str]:
    """Train a cell anew; return whether it is the kept one to the last digit, and that in words.

    Raises `UsageError` where no result of it is kept.
    """
    kept = results.read(cell)
    if kept is None:
        raise UsageError(f"{cell.name} was not trained yet", hint="repeat a cell whose file is there")
    with tempfile.TemporaryDirectory(prefix="mtl-cell-") as folder:
        again = replace(trainer, runs=Path(folder)).train(cell, kept.rate)
    return judged(cell, kept, again)


def judged(cell: Cell, kept: Entry, again: Entry) -> tuple[bool, str]:
    """Return whether two entries of a cell agree to the last digit, and what parts them."""
    known, new = kept.model_dump(mode="json"), again.model_dump(mode="json")
    parted = [line for name in SAME for line in _parted(name, known[name], new[name])]
    other = [line for name in SETTING for line in _parted(name, known[name], new[name])]
    setting = f"other than then: {'; '.join(other)}" if other else "the same code, versions, threads, machine"
    if not parted:
        return True, f"{cell.name}: the same to the last digit ({setting})"
    return False, f"{cell.name}: {'; '.join(parted[:6])} ({setting})"


def _parted(name: str, kept: Any, again: Any) -> list[str]:
    if isinstance(kept, dict) and isinstance(again, dict):
        keys = list(dict.fromkeys([*kept, *again]))
        return [line for key in keys for line in _parted(f"{name}.{key}", kept.get(key), again.get(key))]
    return [] if kept == again else [f"{name} {kept!r} then, {again!r} now"]
