"""What a folder that mtl left is: one run, finished or not, or several, as of a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import UsageError
from .seed_list import SEEDS

_SHOWN = 3


@dataclass(frozen=True)
class Several:
    """A kind of folder that holds several runs: in `inside` or in itself, where it has the file `marker`.

    `equally_long` says that results are held against each other, so that no run alone gets more epochs.
    """

    name: str
    marker: str
    inside: str = ""
    equally_long: bool = True

    def is_at(self, folder: Path) -> bool:
        """Return whether a folder is of this kind."""
        return (folder / self.marker).is_file() and (folder / self.inside).is_dir()

    def runs(self, folder: Path) -> Iterator[Path]:
        """Yield the runs in a folder of this kind, by name."""
        for recipe in sorted((folder / self.inside).glob("*/recipe.yaml")):
            yield recipe.parent


_KINDS = (
    Several("several seeds", SEEDS),
    Several("a comparison", "plan.json", "cells"),
    Several("a search", "search.json", "trials", equally_long=False),
)


def several_in(folder: Path) -> Several | None:
    """Return of what kind a folder is that holds several runs; None for every other one."""
    return next((kind for kind in _KINDS if kind.is_at(folder)), None)


def several_around(run: Path) -> Several | None:
    """Return of what kind the folder is whose run this is; None for a run of its own."""
    place = run.absolute().parent
    for kind in _KINDS:
        folder = place.parent if kind.inside else place
        if place == folder / kind.inside and kind.is_at(folder):
            return kind
    return None


def refuse_several(folder: Path) -> None:
    """Raise `UsageError` when a folder holds several runs: one of them is meant."""
    kind = several_in(folder)
    if kind is None:
        return
    runs = [*map(str, kind.runs(folder))]
    shown = ", ".join(runs[:_SHOWN])
    more = f", or another that mtl runs list {folder} names" if len(runs) > _SHOWN else ""
    hint = f"name one of them: {shown}{more}" if runs else "there are none in it yet: repeat its command"
    raise UsageError(f"{folder} holds the runs of {kind.name}", hint=hint)


def refuse_whole(folder: Path) -> None:
    """Raise `UsageError` for a comparison or a search that is to go on: its own command does that."""
    kind = several_in(folder)
    if kind is not None:
        raise UsageError(
            f"{folder} holds the runs of {kind.name}, which its own command goes on with",
            hint=f"repeat that command with --out {folder}, or name one of its runs",
        )


def to_export(folder: Path) -> str | None:
    """Return what is to be done for an exported file of a run; None for what is no run."""
    if not (folder / "recipe.yaml").is_file():
        return None
    if not (folder / "metrics.json").is_file():
        return f"the run is not finished, and is exported when it is: mtl resume {folder}"
    return f"export the run first: mtl export {folder}"
