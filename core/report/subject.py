"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import Any, Literal

from ..composition.composition import Composition
from ..data.samples import Splits
from ..evaluation.shortfalls import Standing, is_perfect, leading, standing
from .first_samples import SHOWN, FirstSamples, first_samples
from .pixels import picture

_BUDGET = 700_000
"""Bytes that all pictures of a page may take."""

_LARGEST = 96
"""Pixels of the longer side of a picture, where there is room."""

Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Subject:
    """One finished run: `metrics` is the content of metrics.json, `environment` that of environment.json."""

    path: Path
    composition: Composition
    splits: Splits
    history: Sequence[Mapping[str, float]]
    metrics: Mapping[str, Any]
    verification: Mapping[str, Any]
    environment: Mapping[str, Any]
    unusual: Mapping[str, Any] = field(default_factory=dict)
    """What of the recipe differs from its defaults, by where it stands."""

    @cached_property
    def first(self) -> dict[str, FirstSamples]:
        """What every task answers to the first test samples."""
        return first_samples(self.composition, self.splits.test)

    @property
    def picture_side(self) -> int:
        """How many pixels a picture may be wide or high: many large ones would make a heavy page."""
        one = next(iter(self.first.values())).seen[0]
        side = min(_LARGEST, max(one.shape[1:]))
        # Of an image six rows of test samples, and about ten of fewer validation samples; others are flat.
        rows = sum(
            14 if target.is_image else 4 if target.moves_with_pixels else 1
            for target in self.composition.targets.values()
        )
        size = len(picture(one, alt="", limit=side)) * SHOWN * (1 + rows)
        return min(_LARGEST, max(24, int(side * sqrt(_BUDGET / size)))) if size else _LARGEST

    @property
    def model_file(self) -> Path:
        """Where the exported model lies."""
        return self.path / self.composition.exporter.file_name

    @property
    def chosen_epoch(self) -> int | None:
        """The epoch whose weights were kept."""
        epoch = self.metrics.get("training", {}).get("chosen_epoch")
        return None if epoch is None else int(epoch)

    @property
    def mark_of_chosen_epoch(self) -> tuple[float, str] | None:
        """The epoch whose weights were kept, as charts mark it."""
        epoch = self.chosen_epoch
        return None if epoch is None else (float(epoch), f"kept: {epoch}")

    def value(self, part: str, task: str, metric: str) -> float | None:
        """Return a metric on `"test"` or `"validation"`, or of the `"baseline"`; None when not finite.

        Raises `KeyError` when there is none.
        """
        found = self.metrics[part][task][metric]
        return None if found is None else float(found)

    def direction(self, task: str, metric: str) -> Direction | None:
        """Return which way is better; None when neither is, or the metric is not known."""
        if metric == "loss":
            return "lower"
        known = self.composition.tasks[task].metrics
        return known[metric].direction if metric in known else None

    def judged(self, task: str) -> list[str]:
        """Return the scalar metrics of a task that have a better and a worse, in the recipe's order."""
        values = self.metrics["test"][task]
        return [
            name
            for name, metric in self.composition.tasks[task].metrics.items()
            if metric.scalar and metric.direction is not None and name in values
        ]

    def leading(self, task: str) -> str | None:
        """Return the metric that the task is judged by; None when no metric says which way is better."""
        baseline = self.metrics.get("baseline", {}).get(task, {})
        return leading(self.composition.tasks[task].metrics, baseline)

    def against_baseline(self, task: str, metric: str) -> Standing | None:
        """Return how the test value stands to the baseline's; None when they cannot be compared.

        A constant answer that is perfect by another metric than the leading one is compared with none.
        """
        try:
            value, other = self.value("test", task, metric), self.value("baseline", task, metric)
        except KeyError:
            return None
        known = self.composition.tasks[task].metrics
        if metric in known and metric != self.leading(task) and is_perfect(known[metric], other):
            return None
        return standing(self.direction(task, metric), value, other)
