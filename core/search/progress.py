"""What a search tells while it runs; the command line shows it, a program may ignore it."""

from __future__ import annotations

from collections.abc import Sequence

from .objectives import Objective
from .trials import Trial


class SearchProgress:
    """Receives the events of a search; this one ignores them all."""

    def about(self, what: str, trials: int) -> None:
        """One of several searches begins, or is looked up: of what, with so many trials."""

    def started(self, known: int, most: int | None) -> None:
        """The search begins, or goes on after so many trials; `most` are to be made in all."""

    def ended(self, trial: Trial, objectives: Sequence[Objective]) -> None:
        """A trial is finished, was stopped, or failed."""

    def exhausted(self, count: int) -> None:
        """All combinations of the space, so many, were tried."""

    def judging(self, trial: Trial) -> None:
        """The best trial is evaluated on the test split."""

    def warning(self, text: str) -> None:
        """Something went wrong that does not stop the search."""
