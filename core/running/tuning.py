"""A run's model trained on for an exporter that changes numbers, with the change in place."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from ..base.errors import VerificationError
from ..composition.composition import Composition
from ..composition.freezing import Freezing
from ..composition.parameter_groups import Setting
from ..contracts import Arrays, Moment, Schedule, Tuner
from ..data.samples import Splits
from ..evaluation.evaluation import module_device
from ..training.trainer import Trainer

SLOWER = 0.1
"""Of the recipe's learning rate: the weights are to find the steps that they are rounded to."""


class RunTuner(Tuner):
    """Trains a copy of a composition's model; `settled` makes of a composition the model that is exported."""

    def __init__(
        self, composition: Composition, splits: Splits, settled: Callable[[Composition], nn.Module]
    ) -> None:
        self._composition = composition
        self._splits = splits
        self._settled = settled

    def tuned(self, epochs: int, within: Callable[[nn.Module], AbstractContextManager[None]]) -> Arrays:
        copied = _slower(self._composition, epochs)
        weights: dict[str, Tensor] = {}
        with within(copied.model.eval()):
            for _ in Trainer(copied, self._splits, module_device(copied.model)).epochs():
                # While it is judged: where the recipe asks for a running mean of the weights, that is kept.
                weights = {name: value.cpu().clone() for name, value in copied.model.state_dict().items()}
        return {name: value.numpy() for name, value in weights.items()}

    def model(self, weights: Arrays) -> nn.Module:
        copied = replace(self._composition, model=copy.deepcopy(self._composition.model))
        _refuse_others(weights, copied.model.state_dict())
        copied.model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        return self._settled(copied)


class _Throughout(Schedule):
    """The same rate from the first step to the last."""

    def factor(self, at: Moment) -> float:
        return 1.0


def _slower(composition: Composition, epochs: int) -> Composition:
    """Return a copy of all that a training changes, with a training that is short and slow."""
    kept = composition.recipe.train
    changed = {"epochs": epochs, "learning_rate": SLOWER * kept.learning_rate, "warm_up": 0.0}
    train = kept.model_copy(update={**changed, "compile": False})
    # Together: losses and schemes may hold the same parts.
    model, tasks, balancer = copy.deepcopy((composition.model, composition.tasks, composition.balancer))
    settings = {
        name: Setting(SLOWER * setting.learning_rate, setting.weight_decay)
        for name, setting in composition.training.settings.items()
    }
    return replace(
        composition,
        recipe=replace(composition.recipe, train=train),
        model=model,
        tasks=tasks,
        balancer=balancer,
        training=replace(
            composition.training, settings=settings, schedule=_Throughout(), freezing=_frozen(composition)
        ),
    )


def _frozen(composition: Composition) -> Freezing:
    """Return what was frozen to the end: the epochs that were trained are not counted anew."""
    found = composition.training.freezing
    return found if found.until is None or found.until >= composition.recipe.train.epochs else Freezing()


def _refuse_others(weights: Arrays, known: Mapping[str, Tensor]) -> None:
    if set(weights) != set(known):
        names = sorted(set(weights) ^ set(known))
        raise VerificationError(f"these are weights of another model: {names[0]!r} is not in both")
    for name, value in weights.items():
        if value.shape != tuple(known[name].shape):
            raise VerificationError(f"these are weights of another model: {name!r} has another shape")
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise VerificationError(f"weights {name!r} are not finite")
