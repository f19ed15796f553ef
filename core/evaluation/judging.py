"""The data of a run for an exporter: samples to calibrate on, and what a changed model loses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..composition.composition import Composition
from ..composition.views import Seen
from ..contracts import Arrays, Judge, Leading, Metric, Metrics, Predict
from ..contracts.randomness import generator
from ..data.samples import Splits
from .evaluation import score, views_of

JUDGED = ("validation", "test")


class SplitJudge(Judge):
    """Judges on the splits of a composition; nothing is computed before it is asked for.

    What a sample looks like to the model is fixed by the split and its place in it, as in every evaluation.
    """

    def __init__(self, composition: Composition, splits: Splits) -> None:
        self._composition = composition
        self._splits = splits
        self.leading = leading_metrics(composition)

    def training_samples(self, count: int, seed: int) -> Arrays:
        train = self._splits.train
        order = torch.randperm(len(train), generator=generator("cpu", seed, "calibration"))
        chosen = order[:count].sort().values.to(train.home)
        picked = train.select(chosen)
        found: dict[str, list[Tensor]] = {}
        # Every view in turn: each task is calibrated on what it will be asked.
        for _, seen in views_of(self._composition, picked, "train"):
            for name, value in {"image": seen.image, **seen.inputs}.items():
                found.setdefault(name, []).append(value.cpu())
        return {name: np.ascontiguousarray(torch.cat(values).numpy()) for name, values in found.items()}

    def measure(self, predict: Predict, tasks: Sequence[str]) -> Mapping[str, Metrics]:
        def judged(names: tuple[str, ...], seen: Seen) -> dict[str, Tensor]:
            asked = [name for name in names if name in tasks]
            if not asked:
                return {}
            feed = {"image": seen.image, **seen.inputs}
            given = predict({name: value.cpu().numpy() for name, value in feed.items()})
            device = seen.image.device
            return {name: torch.from_numpy(np.ascontiguousarray(given[name])).to(device) for name in asked}

        return {name: score(self._composition, self._splits.named(name), name, judged) for name in JUDGED}

    def reference(self) -> Mapping[str, Metrics]:
        return self._reference

    @cached_property
    def _reference(self) -> Mapping[str, Metrics]:
        model = self._composition.model

        def predict(feed: Arrays) -> Arrays:
            device = self._splits.test.device
            tensors = {name: torch.from_numpy(value).to(device) for name, value in feed.items()}
            # Through the model's own preparation, as in the exported file.
            given = model.predict(tensors.pop("image"), tensors)
            return {name: value.float().cpu().numpy() for name, value in given.items()}

        training = model.training
        model.eval()
        try:
            return self.measure(predict, tuple(self._composition.tasks))
        finally:
            model.train(training)


def leading_metrics(composition: Composition) -> dict[str, Leading]:
    """Return the metric each task is judged by; a task without one that has a better direction is missing."""
    found = {name: _leading(composed.metrics) for name, composed in composition.tasks.items()}
    return {name: leading for name, leading in found.items() if leading is not None}


def _leading(metrics: Mapping[str, Metric]) -> Leading | None:
    for name, metric in metrics.items():
        if metric.scalar and metric.direction is not None:
            return Leading(name, metric.direction, metric.bounds)
    return None
