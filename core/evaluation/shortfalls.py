"""Tasks that do not beat their baseline, and what of the run's own numbers may explain it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from ..base.moments import Moments
from ..composition.composition import ComposedTask, Composition
from ..contracts import Metric
from ..data.samples import Splits
from .fitting import known_targets

FEW = 100
"""Fewer training labels are named as a reason."""

MOST = 0.8
"""A larger share of one class among the training labels is named as a reason."""

Standing = Literal["better", "worse", "equal"]


def standing(
    direction: Literal["higher", "lower"] | None, value: float | None, baseline: float | None
) -> Standing | None:
    """Return how a value stands to the baseline's; None when they cannot be compared.

    >>> standing("lower", 0.2, 0.5), standing("higher", 0.2, 0.5), standing(None, 0.2, 0.5)
    ('better', 'worse', None)
    """
    if direction is None or value is None or baseline is None:
        return None
    if value == baseline:
        return "equal"
    return "better" if (value > baseline) == (direction == "higher") else "worse"


def is_perfect(metric: Metric, value: float | None) -> bool:
    """Return whether no value can be better: a constant yes finds every yes, and its recall says nothing."""
    best = metric.bounds[1] if metric.direction == "higher" else metric.bounds[0]
    return metric.direction is not None and value == best


def leading(metrics: Mapping[str, Metric], baseline: Mapping[str, float | None]) -> str | None:
    """Return the metric that a task is judged by; None when no metric of it says which way is better.

    The first by which the constant answer is not perfect, or the first.
    """
    judging = [name for name, metric in metrics.items() if metric.scalar and metric.direction is not None]
    telling = [name for name in judging if not is_perfect(metrics[name], baseline.get(name))]
    return next(iter((*telling, *judging)), None)


def shortfalls(
    composition: Composition,
    splits: Splits,
    metrics: Mapping[str, Any],
    history: Sequence[Mapping[str, float]],
) -> dict[str, dict[str, Any]]:
    """Return each task that does not beat its baseline on test, by its leading metric, with reasons.

    `metrics` is the content of metrics.json. A reason is what numbers of this run say; there may be none.
    """
    found = {}
    for name, composed in composition.tasks.items():
        constants = metrics["baseline"].get(name, {})
        metric = leading(composed.metrics, constants)
        if metric is None:
            continue
        value, other = metrics["test"][name].get(metric), constants.get(metric)
        verdict = standing(composed.metrics[metric].direction, value, other)
        if verdict in ("worse", "equal"):
            chosen = int(metrics["training"]["chosen_epoch"])
            reasons = [*_of_training(composed, history, chosen), *_of_labels(composition, splits, name)]
            found[name] = {
                "metric": metric,
                "value": value,
                "baseline": other,
                "standing": verdict,
                "reasons": reasons,
            }
    return found


def _of_training(
    composed: ComposedTask, history: Sequence[Mapping[str, float]], chosen: int
) -> Iterator[str]:
    if composed.weight == 0:
        yield "its weight is 0: it was not trained"
        return
    trained = [row[f"train/{composed.name}/loss"] for row in history]
    judged = [row[f"validation/{composed.name}/loss"] for row in history]
    if len(history) == 1:
        yield "it was trained for one epoch"
        return
    if trained[-1] >= trained[0]:
        yield (
            f"its training loss did not fall ({trained[0]:.3g} in the first epoch, {trained[-1]:.3g} in the "
            "last): train.learning_rate may be too high or too low"
        )
    best = min(range(len(judged)), key=lambda index: judged[index])
    if best == len(judged) - 1:
        yield (
            f"its validation loss was still falling in the last epoch ({judged[-2]:.3g} to "
            f"{judged[-1]:.3g}): train.epochs may be too few"
        )
    elif best + 1 != chosen:
        yield (
            f"epoch {chosen} was kept for all tasks together; its own validation loss was lowest after epoch "
            f"{int(history[best]['epoch'])}"
        )


def _of_labels(composition: Composition, splits: Splits, name: str) -> Iterator[str]:
    target = composition.tasks[name].target
    if target.moves_with_pixels:
        return
    labels = known_targets(composition, splits.train, {name})[name]
    if len(labels) < FEW:
        yield f"it has {len(labels)} training labels"
    if target.quantities:
        (choice,) = [choice for choice in composition.recipe.tasks if choice.name == name]
        if choice.standardize == "none":
            yield from _of_scale(labels)
    elif target.choices:
        yield from _of_balance(labels, target.choices)


def _of_scale(labels: Tensor) -> Iterator[str]:
    moments = Moments(labels.shape[1])
    moments.add(labels)
    mean, std = moments.mean, moments.std
    if bool((std > 10).any() or (std < 0.1).any() or (mean.abs() > 10).any()):
        numbers = (
            ", ".join(f"{float(one):.3g}" for one in mean),
            ", ".join(f"{float(one):.3g}" for one in std),
        )
        yield f"its values keep their units (standardize: none): mean {numbers[0]}, deviation {numbers[1]}"


def _of_balance(labels: Tensor, classes: Sequence[str]) -> Iterator[str]:
    counts = torch.bincount(labels, minlength=len(classes))
    share = float(counts.max()) / max(1, len(labels))
    if share > MOST:
        yield (
            f"{100 * share:.0f} % of its training labels are {classes[int(counts.argmax())]!r}, the constant "
            "answer: class_weights of its loss weigh the others"
        )
