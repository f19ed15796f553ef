"""The optimizer, the schedule and the parameter groups of a recipe, checked against the composed model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..base.errors import Problem, RecipeError
from ..contracts import Encoder, Optimizer, Schedule
from ..discovery.options import OptionProblem
from ..recipe.building import Builder
from ..recipe.recipe import Training
from ..recipe.training_section import choice_of
from . import freezing, parameter_groups
from .freezing import Freezing, lasting
from .model import MultitaskModel
from .parameter_groups import Setting


@dataclass(frozen=True)
class TrainingParts:
    """What updates a model: `settings` says how each parameter is trained, by its name in the model.

    `groups` tells how many parameters each group of the recipe has, as JSON values.
    """

    optimizer: Optimizer
    schedule: Schedule
    settings: Mapping[str, Setting]
    groups: tuple[Mapping[str, Any], ...] = ()
    freezing: Freezing = field(default_factory=Freezing)


def update_rules(builder: Builder, training: Training) -> tuple[Optimizer, Schedule]:
    """Build the optimizer and the schedule."""
    optimizer, schedule = (
        builder.build(kind, choice_of(kind, training, builder.registry), ("train", kind))
        for kind in ("optimizer", "schedule")
    )
    return optimizer, schedule


def refuse_too_long(builder: Builder, training: Training, schedule: Schedule) -> None:
    """Raise `RecipeError` when the schedule takes longer than the training: no model is needed to see it."""
    _refuse(builder, _too_long(builder, training, schedule))


def training_parts(
    builder: Builder,
    training: Training,
    rules: tuple[Optimizer, Schedule],
    model: MultitaskModel,
    encoders: Sequence[Encoder],
) -> TrainingParts:
    """Return what a training needs beside the model, and freeze what its groups freeze.

    Raises `RecipeError` with everything in the section that does not go with the model.
    """
    names = parameter_groups.public_names(model, encoders)
    state = parameter_groups.public_state(model, encoders)
    found = [
        *_too_long(builder, training, rules[1]),
        *parameter_groups.problems(names, training.groups),
        *freezing.problems(model, state, training),
    ]
    trained = any(parameter.requires_grad for parameter in model.parameters())
    parameter_groups.freeze(model, names, training.groups)
    frozen = freezing.freezing(model, state, training)
    if trained and freezing.all_frozen(model, frozen.parameters):
        found.append(_nothing_to_train(training))
    _refuse(builder, found)
    return TrainingParts(
        *rules,
        parameter_groups.settings(
            names, training, parameter_groups.stage_depths(model, encoders), _spared(model, training)
        ),
        parameter_groups.told(model, names, training.groups),
        frozen,
    )


def _spared(model: MultitaskModel, training: Training) -> set[str]:
    """Return the parameters that weight decay leaves alone: norms and biases, where the recipe wants that."""
    return set() if training.decay_norms else {name for name, it in model.named_parameters() if it.dim() < 2}


def _nothing_to_train(training: Training) -> OptionProblem:
    section = "freeze" if training.freeze else "groups"
    when = lasting(training.unfreeze_after)
    message = f"{section}: every parameter of the model is frozen{when}: there is nothing to train"
    return OptionProblem((section,), message, "leave some parameters to be trained")


def _too_long(builder: Builder, training: Training, schedule: Schedule) -> list[OptionProblem]:
    found = []
    if (reason := schedule.problem(training.epochs)) is not None:
        name = choice_of("schedule", training, builder.registry).name
        hint = f"train longer, or shorten the schedule; its options: mtl show schedule {name}"
        found.append(OptionProblem(("schedule",), f"the schedule {reason}", hint))
    if training.warm_up > training.epochs:
        message = f"warm_up takes {training.warm_up:g} epochs; the training has {training.epochs}"
        found.append(OptionProblem(("warm_up",), message, "train longer, or warm up in fewer epochs"))
    return found


def _refuse(builder: Builder, found: Sequence[OptionProblem]) -> None:
    where = builder.source.where
    if problems := [Problem(f"train: {it.message}", where(("train", *it.path)), it.hint) for it in found]:
        raise RecipeError(problems)
