"""A recipe: the declarative description of one experiment, and its plain form for YAML and JSON."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from ..contracts.specs import TestTimeAugmentation
from ..discovery.options import plain
from .keeping import Every
from .section import Chooses, Means, sections_of
from .start import InitFrom, StartOption

FORMAT = 1
"""Version of the recipe format, written as `mtl: 1`."""

Statistics = Mapping[str, tuple[float, ...]]
"""`{"mean": (...), "std": (...)}`, of a channel or value each."""

_SMALLEST, _LARGEST = 1.2e-38, 3.4e38
"""What float32 can hold."""


def _standard(value: Any) -> Any:
    """Refuse what is neither a rule nor a mean and a positive deviation each."""
    if isinstance(value, str):
        right = value in ("train", "none")
    else:
        right = (
            set(value) == {"mean", "std"}
            and all(value.values())
            and all(abs(number) < _LARGEST for numbers in value.values() for number in numbers)
            and all(number > _SMALLEST for number in value["std"])
        )
    if not right:
        raise ValueError(_STANDARD)
    return value


_STANDARD = "train, none, or {mean: [...], std: [...]}"
_NUMBERS = {"type": "array", "items": {"type": "number"}}
_GIVEN = {"type": "object", "required": ["mean", "std"], "properties": {"mean": _NUMBERS, "std": _NUMBERS}}
_IN_JSON = WithJsonSchema({"anyOf": [{"enum": ["train", "none"]}, _GIVEN]})


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
    task: Annotated[Choice, Chooses("task")]
    weight: Annotated[float, Field(ge=0, lt=math.inf), Means("a number >= 0", "default: 1.0")] = 1.0
    head: Annotated[Choice | None, Chooses("head")] = None
    loss: Annotated[Choice | None, Chooses("loss")] = None
    metrics: Annotated[tuple[Choice, ...] | None, Chooses("metric")] = None
    standardize: Annotated[
        Annotated[str | Statistics, AfterValidator(_standard), _IN_JSON] | None,
        Means(_STANDARD, "one mean and one positive std per value of the answer"),
    ] = None

    def to_plain(self) -> dict[str, Any]:
        """Return the task as a recipe writes it."""
        value: dict[str, Any] = {"task": self.task.name, **plain(self.task.options)}
        own = [name for name in sections_of(TaskChoice) if name not in ("name", "task")]
        return value | {name: _plain(item) for name in own if (item := getattr(self, name)) is not None}


def _rate(value: float | str | None) -> float | str | None:
    """Refuse a learning rate of a group that is neither a number above 0 nor a factor above 0."""
    number = value
    if isinstance(value, str):
        number = float(value[1:]) if _FACTOR.fullmatch(value) else 0.0
    if number is not None and not 0 < float(number) < math.inf:
        message = "should be a number above 0, or a factor of the others' rate such as x0.1"
        raise PydanticCustomError("rate", message)
    return value


_FACTOR = re.compile(r"x(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class GroupRule(BaseModel):
    """How the parameters whose names match a pattern are trained; what is null is as for all others."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    match: Annotated[
        str, Field(min_length=1, description="Names of parameters: `encoder.*`, `heads.*.bias`.")
    ]
    learning_rate: Annotated[
        float | str | None,
        AfterValidator(_rate),
        Field(description="Their own, or a factor: `x0.1`."),
    ] = None
    weight_decay: Annotated[float | None, Field(ge=0, description="Their own.")] = None
    frozen: Annotated[bool, Field(description="They stay as they are.")] = False

    def rate(self, usual: float) -> float:
        """Return the learning rate of the group, given that of the others.

        >>> GroupRule(match="encoder.*", learning_rate="x0.5").rate(0.1)
        0.05
        """
        if isinstance(self.learning_rate, str):
            return usual * float(self.learning_rate[1:])
        return usual if self.learning_rate is None else self.learning_rate


class Sampling(BaseModel):
    """Which samples an epoch draws: how often those of each class of a task, or of a label column.

    Samples without a label are drawn once each. An epoch has as many draws as there are samples.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    by: Annotated[str, Field(min_length=1, description="A task with classes, or a label column.")]
    shares: Annotated[
        Literal["equal", "square-root", "proportional"] | dict[str, Annotated[float, Field(gt=0)]],
        Field(
            description="All classes alike, by the square root of their sizes, by their sizes; or a number "
            "by class, 1 for those that are not named."
        ),
    ] = "equal"


_NO_RESULT = ("memory", "checkpoint_every")
_LATER = (
    *("warm_up", "clip", "accumulate", "ema", "groups", "sampling", "deterministic"),
    *("freeze", "unfreeze_after", "layer_decay", "decay_norms", "watch", "lookahead"),
    *_NO_RESULT,
)
"""Fields of `Training` that are written only where they say something: older recipes keep their hash."""


class Training(BaseModel):
    """How a model is trained; every field may be set in the recipe's `train` section."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    epochs: Annotated[int, Field(ge=1, description="Passes over the training split.")] = 20
    batch_size: Annotated[int, Field(ge=1, description="Samples per update.")] = 32
    optimizer: Annotated[
        str | dict[str, Any] | None,
        Field(description="The update rule, with its options if need be; null: the usual one."),
    ] = None
    learning_rate: Annotated[float, Field(gt=0, description="Step size, before the schedule.")] = 1e-3
    weight_decay: Annotated[
        float, Field(ge=0, description="Penalty on large weights; never on the balancer's own.")
    ] = 0.0
    momentum: Annotated[
        float, Field(ge=0, lt=1, description="Momentum, for an optimizer that has this option.")
    ] = 0.9
    schedule: Annotated[
        str | dict[str, Any] | None,
        Field(description="The learning rate over time, with its options if need be; null: the usual one."),
    ] = None
    milestones: Annotated[
        tuple[int, ...],
        Field(description="Epochs, counted from 1, at whose start a schedule with this option decays."),
    ] = ()
    decay: Annotated[float, Field(gt=0, le=1, description="Factor at each milestone.")] = 0.1
    warm_up: Annotated[
        float,
        Field(ge=0, description="Epochs, or a part of one, over which the rate grows to its full size."),
    ] = 0.0
    clip: Annotated[
        float | None, Field(gt=0, description="Largest norm of all gradients together; null: any.")
    ] = None
    accumulate: Annotated[int, Field(ge=1, description="Batches whose mean gradient makes one update.")] = 1
    ema: Annotated[
        float | None,
        Field(
            gt=0,
            lt=1,
            description="Decay of a running mean of the weights, which is what is kept; null: none.",
        ),
    ] = None
    groups: Annotated[
        tuple[GroupRule, ...],
        Field(description="Parameters that are trained otherwise, by pattern; the first match wins."),
    ] = ()
    freeze: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(
            description="Names of parameters, by pattern, that stay as they are, as do statistics over "
            "batches whose names match: `encoder.*`."
        ),
    ] = ()
    unfreeze_after: Annotated[
        int | None, Field(ge=1, description="Epochs after which what `freeze` names is trained; null: never.")
    ] = None
    layer_decay: Annotated[
        float | None,
        Field(
            gt=0,
            lt=1,
            description="Factor of the learning rate from each stage of the encoder to the one before it; "
            "the heads have the full rate; null: none.",
        ),
    ] = None
    decay_norms: Annotated[
        bool,
        Field(
            description="Whether weight decay takes norms and biases too, all parameters of one dimension; a "
            "group's own decay is of all that it matches."
        ),
    ] = True
    sampling: Annotated[
        Sampling | None,
        Field(description="Draws the classes of a task equally often, or as said; null: each sample once."),
    ] = None
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
    watch: Annotated[
        str | None,
        Field(
            min_length=1,
            description="What chooses the epoch and counts for `patience`: a metric on validation, as "
            "`TASK/METRIC`, or `TASK` for its first; null: the mean of the tasks' losses, each relative to "
            "its size after the first epoch.",
        ),
    ] = None
    precision: Annotated[
        Literal["float32", "bf16"],
        Field(description="Arithmetic of the forward pass; bf16 is mixed precision with bfloat16."),
    ] = "float32"
    compile: Annotated[bool, Field(description="Compile the model with torch.compile.")] = False
    deterministic: Annotated[
        bool,
        Field(
            description="The same bytes again on CUDA too, resumed or not, with the same card and versions; "
            "what has no such algorithm is refused. On a CPU they are the same in any case."
        ),
    ] = False
    channels_last: Annotated[
        bool | None,
        Field(
            description="Store channels innermost; null: where the model has convolutions, all safe with it."
        ),
    ] = None
    memory: Annotated[
        Literal["auto", "resident", "mapped"],
        Field(
            description="Where pictures and maps lie: resident: in memory; mapped: in a file, of which parts "
            "come and go; auto: mapped if they would take more than half of the free memory. Results are the "
            "same."
        ),
    ] = "auto"
    checkpoint_every: Annotated[
        Every,
        Field(description="Steps, or `shards`, after which a resume can go on; null: epochs alone."),
    ] = None
    patience: Annotated[
        int | None, Field(ge=1, description="Stop after so many epochs without improvement; null: never.")
    ] = None
    lookahead: Annotated[
        int, Field(ge=0, description="Batches an epoch that `affinity/A/B` is measured on; 0: none.")
    ] = 0
    min_delta: Annotated[
        float,
        Field(
            ge=0,
            description="A smaller gain in the validation score, or in what `watch` names, does not reset "
            "`patience`.",
        ),
    ] = 0.0

    def to_plain(self) -> dict[str, Any]:
        """Return the section as plain values; what came later is left out where it says nothing."""
        found: dict[str, Any] = plain(self.model_dump())
        silent = {name for name in _LATER if found[name] == plain(type(self).model_fields[name].default)}
        found["groups"] = [
            {key: value for key, value in rule.items() if value is not None and value is not False}
            for rule in found["groups"]
        ]
        return {name: value for name, value in found.items() if name not in silent}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One experiment: a field per section, in the order of the way of a batch.

    `normalization` is `"train"` (statistics of the training split), `"none"`, or
    `{"mean": [...], "std": [...]}` per channel of images in 0..1; None, until it is composed: what the
    weights of the encoder were trained on, else `"train"`.
    """

    seed: Annotated[int, Field(ge=0), Means("a whole number >= 0")] = 0
    dataset: Annotated[Choice, Chooses("dataset")]
    augmentations: Annotated[tuple[Choice, ...], Chooses("augmentation")] = ()
    views: Literal["shared", "per-task"] = "shared"
    normalization: Annotated[
        Annotated[str | Statistics, AfterValidator(_standard), _IN_JSON] | None,
        Means(_STANDARD, "one mean and one positive std per channel, for images in 0..1"),
    ] = None
    encoder: Annotated[Choice, Chooses("encoder")]
    sharing: Annotated[Choice, Chooses("sharing")]
    tasks: tuple[TaskChoice, ...]
    balancer: Annotated[Choice, Chooses("balancer")]
    train: Training = field(default_factory=Training)
    test_time_augmentation: TestTimeAugmentation = "none"
    init_from: Annotated[
        StartOption, Means("a run folder, or {run: FOLDER, weights: SHA-256}", "mtl compose --init-from RUN")
    ] = None
    export: Annotated[Choice, Chooses("exporter")]
    trackers: Annotated[tuple[Choice, ...], Chooses("tracker")] = ()

    def to_plain(self) -> dict[str, Any]:
        """Return the recipe as plain values, complete and re-runnable.

        What came later is left out where it says nothing: recipes from before it keep their hash. So is
        `normalization` where the recipe does not say it and is not yet composed.
        """
        values = {name: _plain(getattr(self, name)) for name in sections_of(Recipe)}
        values["tasks"] = {task.name: task.to_plain() for task in self.tasks}
        for name, silent in _SILENT.items():
            if values[name] == silent:
                del values[name]
        return {"mtl": FORMAT, **values}

    def portable(self) -> dict[str, Any]:
        """Return `to_plain` with null for every path: the same on every machine, and no secret of one.

        Nor does it say where pictures lie in memory, how often it is kept and who is told: no result. A
        `normalization` left open is that of the training split: where an encoder's weights want another, a
        composed recipe says so.
        """
        values: dict[str, Any] = _without_paths(self).to_plain()
        values["train"] = {name: value for name, value in values["train"].items() if name not in _NO_RESULT}
        values.pop("trackers", None)
        values.setdefault("normalization", "train")
        return values

    def hash(self) -> str:
        """Return the SHA-256 of the portable content, hexadecimal."""
        return hashlib.sha256(json.dumps(self.portable(), sort_keys=True).encode()).hexdigest()


_NULL = dict.fromkeys(("init_from", "normalization"))
_SILENT: Mapping[str, Any] = {**_NULL, "test_time_augmentation": "none", "trackers": []}
"""Sections that came later, and what they say when they say nothing."""


def _plain(value: Any) -> Any:
    """Return what a section holds as plain values: components by name with their options."""
    if isinstance(value, Choice | Training | InitFrom):
        return value.to_plain()
    return [_plain(item) for item in value] if isinstance(value, tuple) else plain(value)


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
