"""A recipe: the declarative description of one experiment, and its plain form for YAML and JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .options import plain
from .specs import TestTimeAugmentation

FORMAT = 1
"""Version of the recipe format, written as `mtl: 1`."""

Statistics = Mapping[str, tuple[float, ...]]
"""`{"mean": (...), "std": (...)}`, of a channel or value each."""


@dataclass(frozen=True)
class Choice:
    """A component chosen by name, with its options.

    An empty name (of a head or loss in a recipe not yet composed) means the one the task would get anyway.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """Return `{"name": ..., **options}`."""
        return {"name": self.name, **plain(self.options)}


@dataclass(frozen=True)
class TaskChoice:
    """One task of a recipe. None for head, loss, metrics or standardize: what its answer's form implies.

    `standardize` is how values are put in units of their spread: `"train"` (mean and deviation of the
    training labels), `"none"`, or `{"mean": [...], "std": [...]}` per value.
    """

    name: str
    task: Choice
    weight: float = 1.0
    head: Choice | None = None
    loss: Choice | None = None
    metrics: tuple[Choice, ...] | None = None
    standardize: str | Statistics | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return the task as a recipe writes it."""
        value: dict[str, Any] = {"task": self.task.name, **plain(self.task.options), "weight": self.weight}
        if self.head is not None:
            value["head"] = self.head.to_plain()
        if self.loss is not None:
            value["loss"] = self.loss.to_plain()
        if self.metrics is not None:
            value["metrics"] = [metric.to_plain() for metric in self.metrics]
        if self.standardize is not None:
            value["standardize"] = plain(self.standardize)
        return value


class Training(BaseModel):
    """How a model is trained; every field may be set in the recipe's `train` section."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    epochs: Annotated[int, Field(ge=1, description="Passes over the training split.")] = 20
    batch_size: Annotated[int, Field(ge=1, description="Samples per update.")] = 32
    optimizer: Annotated[Literal["adam", "adamw", "sgd"], Field(description="The update rule.")] = "adam"
    learning_rate: Annotated[float, Field(gt=0, description="Step size at the start.")] = 1e-3
    weight_decay: Annotated[float, Field(ge=0, description="L2 penalty (decoupled with adamw).")] = 0.0
    momentum: Annotated[float, Field(ge=0, lt=1, description="Momentum, for sgd.")] = 0.9
    schedule: Annotated[
        Literal["constant", "cosine", "steps"],
        Field(
            description="Learning rate by epoch: constant, cosine to zero, or times `decay` at `milestones`."
        ),
    ] = "constant"
    milestones: Annotated[
        tuple[int, ...], Field(description="Epochs, counted from 1, at whose start `steps` decays.")
    ] = ()
    decay: Annotated[float, Field(gt=0, le=1, description="Factor at each milestone.")] = 0.1
    validation: Annotated[
        float, Field(gt=0, lt=1, description="Share of the training split kept for validation.")
    ] = 0.1
    split_seed: Annotated[int, Field(ge=0, description="Seed of the validation split.")] = 0
    select: Annotated[
        Literal["best", "last", "per-task"],
        Field(
            description="Weights kept: of the epoch with the best validation score, or of the last epoch; "
            "per-task is best, and `mtl compare` judges each task at its own best epoch."
        ),
    ] = "best"
    precision: Annotated[
        Literal["float32", "bf16"],
        Field(description="Arithmetic of the forward pass; bf16 is mixed precision with bfloat16."),
    ] = "float32"
    compile: Annotated[bool, Field(description="Compile the model with torch.compile.")] = False
    channels_last: Annotated[
        bool | None,
        Field(
            description="Store channels innermost; null: where the model has convolutions, all safe with it."
        ),
    ] = None
    patience: Annotated[
        int | None, Field(ge=1, description="Stop after so many epochs without improvement; null: never.")
    ] = None
    min_delta: Annotated[
        float,
        Field(
            ge=0,
            description="A smaller gain in the validation score does not reset `patience`; the score is the "
            "mean of the losses relative to their values after the first epoch.",
        ),
    ] = 0.0


@dataclass(frozen=True)
class Recipe:
    """One experiment. `normalization` is `"train"` (statistics of the training split), `"none"`, or
    `{"mean": [...], "std": [...]}` per channel of images in 0..1."""

    dataset: Choice
    encoder: Choice
    sharing: Choice
    balancer: Choice
    exporter: Choice
    tasks: tuple[TaskChoice, ...]
    augmentations: tuple[Choice, ...] = ()
    views: Literal["shared", "per-task"] = "shared"
    normalization: str | Statistics = "train"
    train: Training = field(default_factory=Training)
    seed: int = 0
    test_time_augmentation: TestTimeAugmentation = "none"

    def to_plain(self) -> dict[str, Any]:
        """Return the recipe as plain values, complete and re-runnable.

        The order is the way of a batch. `test_time_augmentation` is left out when there is none: recipes
        from before it keep their hash.
        """
        augmentation = self.test_time_augmentation
        return {
            "mtl": FORMAT,
            "seed": self.seed,
            "dataset": self.dataset.to_plain(),
            "augmentations": [choice.to_plain() for choice in self.augmentations],
            "views": self.views,
            "normalization": plain(self.normalization),
            "encoder": self.encoder.to_plain(),
            "sharing": self.sharing.to_plain(),
            "tasks": {task.name: task.to_plain() for task in self.tasks},
            "balancer": self.balancer.to_plain(),
            "train": plain(self.train.model_dump()),
            **({} if augmentation == "none" else {"test_time_augmentation": augmentation}),
            "export": self.exporter.to_plain(),
        }

    def portable(self) -> dict[str, Any]:
        """Return `to_plain` with null for every path: the same on every machine, and no secret of one."""
        values: dict[str, Any] = _without_paths(self).to_plain()
        return values

    def hash(self) -> str:
        """Return the SHA-256 of the portable content, hexadecimal."""
        return hashlib.sha256(json.dumps(self.portable(), sort_keys=True).encode()).hexdigest()


def _without_paths(value: Any) -> Any:
    if isinstance(value, Path):
        return None
    if isinstance(value, Mapping):
        return {key: _without_paths(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_without_paths(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{item.name: _without_paths(getattr(value, item.name)) for item in fields(value)}
        )
    return value
