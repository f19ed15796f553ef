"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..composition.composition import Composition
from ..data.samples import Splits
from ..evaluation.shortfalls import Standing, is_perfect, leading, standing

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

    @property
    def model_file(self) -> Path:
        """Where the exported model lies."""
        return self.path / self.composition.exporter.file_name

    @property
    def chosen_epoch(self) -> int | None:
        """The epoch whose weights were kept."""
        epoch = self.metrics.get("training", {}).get("chosen_epoch")
        return None if epoch is None else int(epoch)

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
