"""Checks by training whole models with the component in them, through the real composer and trainer."""

from __future__ import annotations

from collections import deque
from math import isfinite

import torch

from ..composition.composition import Composition
from ..composition.losses import masked_loss
from ..data.samples import Samples, Splits
from ..evaluation.evaluation import evaluate, views_of
from ..training.trainer import Trainer
from .bench import repeated
from .checks import CheckSkipped, check, require
from .placements import Placement, every_placement, part_of, placed
from .subjects import Subject

TRAINED = ("encoder", "head", "loss", "sharing", "balancer", "task")
UPDATING = ("optimizer", "schedule")
_CPU = torch.device("cpu")
_STEPS = 8
"""Updates per epoch."""

_EPOCHS = 60


@check(*TRAINED)
def check_gradients_reach_every_parameter(subject: Subject) -> None:
    """Losses are finite, and within three updates the gradient reaches every parameter."""
    for placement in every_placement(subject, train={"epochs": 3, "batch_size": 8}):
        composition = placement.composition
        part = part_of(subject, composition)
        waiting = {name: value for name, value in part.named_parameters() if value.requires_grad}
        for result in _trainer(placement, placement.eight).epochs():
            losses = {key: value for key, value in result.row.items() if key.endswith("/loss")}
            require(
                all(isfinite(value) for value in losses.values()),
                "finite losses",
                losses,
                "look for a division by 0, a logarithm of 0 or an exponent that overflows",
            )
            waiting = {
                name: value
                for name, value in waiting.items()
                if value.grad is None or not bool(value.grad.any())
            }
        targets = ", ".join(target.form for target in composition.targets.values())
        require(
            not waiting,
            f"a gradient for every parameter (answer: {targets})",
            f"none for {', '.join(list(waiting)[:3])}",
            "use the layer, remove it, or set requires_grad=False where it is not to be trained",
        )


@check("encoder", "head")
def check_what_is_frozen_stays_as_it_is(subject: Subject) -> None:
    """Parameters with `requires_grad=False` stay as they are, bit for bit, while the others are trained."""
    placement = placed(subject, train={"epochs": 2, "batch_size": 8})
    parameters = list(part_of(subject, placement.composition).named_parameters())
    frozen = parameters[: len(parameters) // 2]
    if not frozen:
        raise CheckSkipped("it has not two parameters, one to be frozen")
    for _, value in frozen:
        value.requires_grad_(False)
    before = {name: value.detach().clone() for name, value in frozen}
    for _ in _trainer(placement, placement.eight).epochs():
        pass
    changed = [name for name, value in frozen if not torch.equal(value, before[name])]
    require(
        not changed,
        "frozen parameters that stay as they are",
        f"changed ones: {', '.join(changed[:3])}",
        "leave parameters to the optimizer: write to none in `forward`, make none anew",
    )


@check(*TRAINED, *UPDATING)
def check_the_same_seed_gives_the_same_model(subject: Subject) -> None:
    """Two trainings with the same seed give the same weights, bit for bit."""
    states = []
    for _ in range(2):
        placement = placed(subject, train={"epochs": 2, "batch_size": 8})
        for _ in _trainer(placement, placement.eight).epochs():
            pass
        states.append(placement.composition.model.state_dict())
    one, other = states
    different = [name for name in one if not torch.equal(one[name], other[name])]
    require(
        not different,
        "the same weights from the same seed",
        f"different ones in {', '.join(different[:3])}",
        "draw from the `random` you are given; in constructors from torch's own generator; never from numpy "
        "or `random`",
    )


@check(*TRAINED, *UPDATING)
def check_overfits_eight_samples(subject: Subject) -> None:
    """A small training on eight samples brings the loss down by half at least."""
    training = {"epochs": _EPOCHS, "batch_size": 8}
    placement = placed(subject, train=training)
    samples = repeated(placement.eight, _STEPS)
    composition = placement.composition
    start = _total(evaluate(composition, samples, "train").metrics)
    floor = _floor(composition, samples)
    require(
        floor < start,
        "a lower loss for the right answers than for an untrained model's",
        f"{floor:.3g} for the right ones and {start:.3g} for the model's",
        "a loss falls when the raw output comes nearer to the target",
    )
    goal = floor + 0.5 * (start - floor)
    last: deque[float] = deque(maxlen=2)
    for result in _trainer(placement, samples).epochs():
        last.append(sum(result.row[f"train/{name}/loss"] for name in composition.tasks))
        if len(last) == 2 and max(last) <= goal:
            return
    require(
        False,
        f"a loss of at most {goal:.3g} after {_EPOCHS * _STEPS} updates on eight samples",
        f"{last[-1]:.3g}, from {start:.3g} at the start",
        "look for outputs that do not depend on the input, targets that do not belong to it, or gradients "
        "that vanish",
    )


def _trainer(placement: Placement, samples: Samples) -> Trainer:
    return Trainer(placement.composition, Splits(samples, placement.eight, placement.eight), _CPU)


def _total(metrics: dict[str, dict[str, float]]) -> float:
    return sum(values["loss"] for values in metrics.values())


def _floor(composition: Composition, samples: Samples) -> float:
    """Return the loss of ideal answers, summed over the tasks."""
    total = 0.0
    with torch.no_grad():
        for tasks, seen in views_of(composition, samples, "train"):
            for name in tasks:
                task = composition.tasks[name]
                target = task.task.target(seen.clean)
                loss, _ = masked_loss(task.loss, task.target.ideal(target).nan_to_num(0.0), target)
                total += float(loss)
    return total
