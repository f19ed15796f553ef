"""What a row of the scorecard is: a promise, a number of trials, and what they found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .costs import Largest


@dataclass(frozen=True)
class Violation:
    """A broken promise: the trial, so that it can be repeated, and what happened."""

    trial: str
    what: str


@dataclass
class Findings:
    """What the trials of a row found; `tally` counts their outcomes by kind.

    `largest` are the costliest refusals, where costs are measured.
    """

    trials: int = 0
    violations: list[Violation] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    largest: Largest | None = None

    def note(self, trial: str, outcome: str, *, broken: str | None = None) -> None:
        """Count a trial; `broken` says which promise it broke, if any."""
        self.trials += 1
        self.tally["violation" if broken else outcome] += 1
        if broken:
            self.violations.append(Violation(trial, broken))


class Row(Protocol):
    """One kind of attack.

    `count` trials are its full measure. `run` makes about that many, the same ones for the same seed, in
    the empty folder `work`.
    """

    name: str
    title: str
    promise: str
    count: int

    def run(self, count: int, seed: int, work: Path) -> Findings: ...
