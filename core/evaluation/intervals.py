"""How far a test metric would move with other samples of the same kind: a bootstrap over the samples.

Percentile intervals as in Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, prod

import numpy as np
import torch
from torch import Tensor

from ..composition.composition import Composition
from ..composition.views import target_of
from ..contracts import Metric
from ..data.samples import Samples
from .evaluation import module_device, present_targets, views_of

Interval = tuple[float, float]

_MOST_NUMBERS = 2**24
"""Numbers of all answers of a task beyond which no interval is computed."""


def intervals(
    composition: Composition, samples: Samples, split: str, draws: int = 200
) -> dict[str, dict[str, Interval]]:
    """Return the middle 95 % of each metric over samples drawn with replacement, by task; seed 0.

    Tasks whose answers are pictures are left out, whose metrics take too long to be computed so often, and
    those with too many numbers to be kept; so is a metric that is not finite.
    """
    model = composition.model
    kept: dict[str, list[tuple[Tensor, Tensor]]] = {
        name: []
        for name, form in composition.targets.items()
        if not form.drawing.pictured and len(samples) * prod(form.output_shape) <= _MOST_NUMBERS
    }
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for names, seen in views_of(composition, samples.to(module_device(model)), split):
                wanted = [name for name in names if name in kept]
                raw = model(seen.image, seen.inputs, wanted, prepared=True) if wanted else {}
                for name in wanted:
                    composed = composition.tasks[name]
                    target, guess = target_of(composed.task, seen), composed.target.predict(raw[name])
                    there = composed.target.present(target)
                    guess = guess if there is None else guess[there]
                    kept[name].append((guess, present_targets(composed.target, target)))
    finally:
        model.train(training)
    return {name: _of_task(composition.tasks[name].metrics, parts, draws) for name, parts in kept.items()}


def _of_task(
    metrics: Mapping[str, Metric], parts: Sequence[tuple[Tensor, Tensor]], draws: int
) -> dict[str, Interval]:
    guess, target = (torch.cat(part) for part in zip(*parts, strict=True))
    if not len(target):
        return {}
    random = np.random.default_rng(0)
    chosen = torch.from_numpy(random.integers(len(target), size=(draws, len(target))))
    found = {}
    for name, metric in metrics.items():
        if not metric.scalar:
            continue
        values = [_value(metric, guess[some], target[some]) for some in chosen]
        low, high = (float(value) for value in np.quantile(values, (0.025, 0.975)))
        if isfinite(low) and isfinite(high):
            found[name] = (low, high)
    return found


def _value(metric: Metric, guess: Tensor, target: Tensor) -> float:
    metric.reset()
    with torch.inference_mode():
        metric.update(guess, target)
        value = float(metric.compute())
    metric.reset()
    return value
