"""The contract of a tracker: it is told of a run, and changes nothing about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Ending = Literal["finished", "failed", "interrupted"]
"""How a run ended."""


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told of a run as it begins, or goes on.

    `own` is a folder in the run's `folder` that this tracker alone writes into, and makes when it needs it.
    `recipe` is resolved, with null for every path. `history` has the rows of the epochs that were done
    before, where a run is gone on with.
    """

    folder: Path
    own: Path
    name: str
    recipe: Mapping[str, Any]
    recipe_hash: str
    history: Sequence[Mapping[str, float]] = ()


class Tracker(ABC):
    """Constructed with options only, which contacts nobody; one that lacks its package is refused there.

    Every call but the constructor comes from one thread that is the tracker's own: it may wait, and a run
    never waits for it while it trains. What it raises is told once, and nothing else becomes of it; after
    `start` failed, nothing more is called. Calls that come faster than they are taken are left out, which is
    told too. It draws from no global generator of torch or NumPy, prints nothing to stdout and asks nobody.
    """

    patience: float = 30.0
    """Seconds that a run which is over waits for calls that are not taken yet."""

    @abstractmethod
    def start(self, run: TrackedRun) -> None:
        """A run begins, or goes on: find it again where it is known already."""

    @abstractmethod
    def scalars(self, epoch: int, values: Mapping[str, float]) -> None:
        """Keep numbers after an epoch, counted from 1, by name: `train/classify/loss`; not all are finite.

        Names are those of `history.csv`; at the end come `test/TASK/METRIC` and `baseline/TASK/METRIC` of the
        epoch that was chosen.
        """

    def picture(self, epoch: int, name: str, pixels: NDArray[np.uint8]) -> None:  # noqa: B027 - may be left out
        """Keep a picture of answers after an epoch, uint8 `[H, W, 3]`."""

    def artifact(self, path: Path) -> None:  # noqa: B027 - may be left out
        """Keep a file of the run that is complete: the report, or one of the exported files."""

    def finish(self, ended: Ending) -> None:  # noqa: B027 - may be left out
        """The run is over: send what is left, and close."""
