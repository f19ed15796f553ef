"""Checks of metrics: within their range, independent of batches, better for better answers."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..contracts import Form, Metric
from .checks import CheckSkipped, check, require
from .loss_checks import accepted_targets
from .specimens import draw_target, with_holes, wrong_target
from .subjects import Subject

_COUNT = 24


@check("metric")
def check_value_lies_in_its_range(subject: Subject) -> None:
    """Values lie within `bounds`, for right, wrong and random answers; a scalar is one number."""
    for target in accepted_targets(subject):
        metric = subject.build(target)
        low, high = metric.bounds
        value = draw_target(target, _COUNT)
        for name, prediction in _predictions(target, value).items():
            got = _judged(metric, prediction, value)
            require(
                (got.dim() == 0) == metric.scalar,
                "a scalar" if metric.scalar else "a table [K, K]",
                f"shape {list(got.shape)}",
                "set `scalar` to what `compute` returns",
            )
            inside = (got.double() >= low - 1e-6) & (got.double() <= high + 1e-6)
            require(
                bool(inside.all()),
                f"values in {low:g}..{high:g} ({target.form}, {name} answers)",
                f"{got.flatten().tolist()[:3]}",
                "mend `compute`, or declare the range of its values in `bounds`",
            )


@check("metric")
def check_batches_do_not_change_the_value(subject: Subject) -> None:
    """The value is the same however the samples were divided into batches, and after a reset."""
    for target in accepted_targets(subject):
        metric = subject.build(target)
        value = draw_target(target, _COUNT)
        prediction = _predictions(target, value)["random"]
        whole = _judged(metric, prediction, value)
        for sizes in ([1, _COUNT - 1], [7, 7, 7, 3]):
            metric.reset()
            for part, answers in zip(prediction.split(sizes), value.split(sizes), strict=True):
                metric.update(part, answers)
            parts = torch.as_tensor(metric.compute())
            require(
                torch.allclose(parts.double(), whole.double(), rtol=1e-4, atol=1e-5, equal_nan=True),
                f"{whole.flatten().tolist()[:3]} for batches of {sizes}, too ({target.form})",
                f"{parts.flatten().tolist()[:3]}",
                "accumulate sums and counts, not averages of batches; forget all of them in `reset`",
            )


@check("metric")
def check_better_answers_score_better(subject: Subject) -> None:
    """The right answers score at least as well as random ones, in the declared direction."""
    for target in accepted_targets(subject):
        metric: Metric = subject.build(target)
        if not metric.scalar or metric.direction is None:
            continue
        value = draw_target(target, _COUNT)
        predictions = _predictions(target, value)
        right, random = (float(_judged(metric, predictions[name], value)) for name in ("right", "random"))
        better = right > random if metric.direction == "higher" else right < random
        require(
            better and not math.isnan(right),
            f"a {metric.direction} value for right answers than for random ones ({target.form})",
            f"{right:.4g} for right ones, {random:.4g} for random ones",
            "mend `compute`, or set `direction`",
        )


@check("metric")
def check_an_absent_number_is_not_judged(subject: Subject) -> None:
    """Where single numbers of a target may be absent, what is answered there does not count."""
    tried = False
    for target in accepted_targets(subject):
        metric, value = subject.build(target), draw_target(target, _COUNT)
        found = with_holes(target, value)
        prediction = _predictions(target, value)["random"]
        if found is None or prediction.shape != value.shape:
            continue
        tried = True
        holed, hole = found
        one = _judged(metric, prediction, holed)
        other = _judged(metric, prediction.where(~hole, prediction.flip(0)), holed)
        require(
            torch.equal(one, other) and bool(one.isfinite().all()),
            f"the same value whatever is answered where a {target.form} target is absent",
            f"{one.flatten().tolist()[:3]} and {other.flatten().tolist()[:3]}",
            "judge `self.target.known(target)` alone",
        )
    if not tried:
        raise CheckSkipped("it accepts no form of which single numbers may be absent")


def _judged(metric: Any, prediction: Tensor, value: Tensor) -> Tensor:
    metric.reset()
    metric.update(prediction, value)
    return torch.as_tensor(metric.compute())


def _predictions(target: Form, value: Tensor) -> dict[str, Tensor]:
    other = draw_target(target, len(value), "other")
    answers = {"right": value, "wrong": wrong_target(target, value), "random": other}
    return {name: target.predict(target.ideal(answer)) for name, answer in answers.items()}
