"""What a search is for: the score of a task, the mean of all, or what the model costs; all on validation."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import mean, median
from typing import Any, Literal

import torch

from ..base.errors import UsageError, suggest
from ..comparison.yardsticks import Yardstick
from ..composition.composition import Composition
from ..report.numbers import number

MEAN = "mean"
"""The mean of the tasks' skills."""
COSTS = {
    "parameters": "numbers that the model trains",
    "multiply-adds": "multiply-adds of one sample",
    "latency": "milliseconds for one sample in torch",
}
"""What a model costs, by name: less is better."""
_CALLS = 20

Scores = Mapping[str, Mapping[str, float]]
"""Metrics by task and name."""


@dataclass(frozen=True)
class Objective:
    """One thing that a search is for, and which way is better; `yardsticks` are those of the tasks in it."""

    name: str
    direction: Literal["higher", "lower"]
    yardsticks: Mapping[str, Yardstick] = field(default_factory=dict)

    @property
    def learned(self) -> bool:
        """Whether it is known epoch by epoch, as the model learns."""
        return self.name not in COSTS or bool(self.yardsticks)

    @property
    def title(self) -> str:
        """The objective with its unit, as tables head it."""
        if not self.learned:
            return self.name if self.name != "latency" else "latency (ms)"
        if self.name in self.yardsticks:
            return f"{self.name} {self.yardsticks[self.name].metric}"
        return "mean skill"

    def score(self, metrics: Scores, constant: Scores) -> float:
        """Return its value from metrics of the validation split, beside those of a constant answer."""
        if self.name in self.yardsticks:
            return float(metrics[self.name][self.yardsticks[self.name].metric])
        return mean(skill(item, metrics[task], constant[task]) for task, item in self.yardsticks.items())

    def shown(self, score: float) -> str:
        """Return a score as tables show it; what is counted is a whole number."""
        counted = self.name in ("parameters", "multiply-adds") and not self.learned
        return number(int(score) if counted else score)

    def to_plain(self) -> dict[str, Any]:
        """Return all of it as plain values, for who trains elsewhere."""
        return asdict(self)

    @classmethod
    def from_plain(cls, value: Mapping[str, Any]) -> Objective:
        """Return what `to_plain` got."""
        yardsticks = {
            task: Yardstick(**{**item, "bounds": tuple(item["bounds"])})
            for task, item in value["yardsticks"].items()
        }
        return cls(value["name"], value["direction"], yardsticks)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        judged = {task: item.metric for task, item in self.yardsticks.items()}
        return {"name": self.name, "direction": self.direction, **({"judged_by": judged} if judged else {})}


def skill(yardstick: Yardstick, values: Mapping[str, float], constant: Mapping[str, float]) -> float:
    """Return how far a value is from that of a constant answer (0) to the best that there is (1).

    Where nothing bounds a metric, the distance is in sizes of the constant answer's value. So tasks with
    different metrics have a mean.

    >>> accuracy = Yardstick("a", "accuracy", "higher", (0, 1))
    >>> round(skill(accuracy, {"accuracy": 0.9}, {"accuracy": 0.5}), 2)
    0.8
    >>> error = Yardstick("b", "error", "lower", (0, math.inf))
    >>> skill(error, {"error": 1.0}, {"error": 4.0})
    0.75
    """
    value, base = values[yardstick.metric], constant[yardstick.metric]
    best = yardstick.bounds[yardstick.direction == "higher"]
    distance = abs(best - base) if math.isfinite(best) else abs(base)
    return yardstick.gain(value, base) / (distance or 1.0)


def read_objectives(named: Sequence[str], yardsticks: Mapping[str, Yardstick]) -> tuple[Objective, ...]:
    """Return the objectives of these names; without a name the mean, or the only task's score.

    Raises `UsageError` for a name that is no task and nothing else that can be searched for, and for repeats.
    """
    usual = MEAN if len(yardsticks) > 1 else next(iter(yardsticks))
    found = [_objective(name, yardsticks) for name in named or (usual,)]
    for name in named:
        if list(named).count(name) > 1:
            raise UsageError(f"--objective names {name!r} twice", hint="name each once")
    if not any(item.learned for item in found):
        raise UsageError(
            f"--objective {', '.join(named)}: nothing says how good a model is",
            hint=f"add one: --objective {MEAN}, or a task",
        )
    return tuple(found)


def _objective(name: str, yardsticks: Mapping[str, Yardstick]) -> Objective:
    if name in yardsticks:
        return Objective(name, yardsticks[name].direction, {name: yardsticks[name]})
    if name == MEAN:
        return Objective(MEAN, "higher", yardsticks)
    if name in COSTS:
        return Objective(name, "lower")
    known = [*yardsticks, MEAN, *COSTS]
    raise UsageError(
        f"--objective {name}: no task of the recipe, and nothing else to search for",
        hint=suggest(name, known, "objectives"),
    )


def cost_of(name: str, composition: Composition, device: torch.device) -> float:
    """Return what a composed model costs, by the name of the objective."""
    if name == "parameters":
        return float(composition.parameters()["total"])
    if name == "multiply-adds":
        return float(sum(part.multiply_adds for part in composition.costs().values()))
    return _milliseconds(composition, device)


def _milliseconds(composition: Composition, device: torch.device) -> float:
    """Return the median time of one sample through the model, without gradients, in evaluation."""
    image, inputs = composition.two_samples()
    image, inputs = image[:1], {name: values[:1] for name, values in inputs.items()}
    model = composition.model
    modes = {part: part.training for part in model.modules()}
    model.eval()
    taken = []
    with torch.inference_mode():
        for _ in range(_CALLS):
            began = time.perf_counter()
            model(image, inputs)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            taken.append(time.perf_counter() - began)
    for part, training in modes.items():
        part.training = training
    return round(1000 * median(taken), 4)
