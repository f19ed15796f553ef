"""The contract of an exporter: writes a model for another runtime and proves that it computes the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from ..base.errors import UsageError, suggest
from .form import Form
from .inputs import ModelInput, names_of_inputs
from .specs import ImageSpec

Arrays = Mapping[str, NDArray[Any]]
Predict = Callable[[Arrays], Arrays]
"""From inputs by name (`image` float32 `[N, C, H, W]`, numbers int64 `[N]`, raw vectors float32
`[N, width]`) to predictions by task."""

Metrics = Mapping[str, Mapping[str, float]]
"""`{task: {metric: value}}`."""


@dataclass(frozen=True)
class Leading:
    """The metric that a task's quality is judged by: its first one that has a better direction."""

    metric: str
    direction: Literal["higher", "lower"]
    bounds: tuple[float, float]


class Judge(ABC):
    """The data of a run, as an exporter that changes numbers needs it: to calibrate, and to see the loss.

    `leading` names the metric each task is judged by; a task without one is missing.
    """

    leading: Mapping[str, Leading]

    @abstractmethod
    def training_samples(self, count: int, seed: int) -> Arrays:
        """Return at most `count` samples of the training split, drawn by `seed`, as the model sees them.

        `image` is float32 `[N, C, H, W]` in 0..1, after corruption; extra inputs are int64 `[N]`.
        """

    @abstractmethod
    def measure(self, predict: Predict, tasks: Sequence[str]) -> Mapping[str, Metrics]:
        """Return the metrics of the predictions for some tasks on `"validation"` and `"test"`."""

    @abstractmethod
    def reference(self) -> Mapping[str, Metrics]:
        """Return `measure` for the trained model itself, all tasks."""


class Tuner(ABC):
    """Trains a run's model on, as an exporter that changes numbers wants it: with the change in place."""

    @abstractmethod
    def tuned(self, epochs: int, within: Callable[[nn.Module], AbstractContextManager[None]]) -> Arrays:
        """Return the weights, by name, of a copy of the model that was trained on for some epochs.

        On the training split, at a tenth of the recipe's learning rate. `within` is given that copy, with the
        trained weights and in evaluation mode, and returns the block in which it is trained.
        """

    @abstractmethod
    def model(self, weights: Arrays) -> nn.Module:
        """Return the model with other weights, as `ExportSubject` has it, all tasks.

        Raises `VerificationError` unless they are finite, and by name and shape those of the model.
        """


@dataclass(frozen=True)
class ExportPlan:
    """What will be exported, as far as it is known before anything is trained.

    `leading` names the metric each task is judged by; a task without one is missing. `inputs` are what the
    model reads beside an image, or instead of one.
    """

    targets: Mapping[str, Form]
    leading: Mapping[str, Leading]
    inputs: tuple[ModelInput, ...] = ()


@dataclass(frozen=True)
class Units:
    """Mean and deviation of each value of a task over the training labels, float64 `[n]`, or `[n, 1, 1]`."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]


@dataclass(frozen=True)
class ExportSubject:
    """What is exported: a trained model, its inputs and outputs, and real samples to prove it on.

    `model(image, inputs)` takes float32 `[B, C, H, W]` in 0..1 and a dict of whole numbers (int64 `[B]`) and
    raw vectors (float32 `[B, width]`), and returns the raw output of each task by name; with a sequence of
    names as third argument, of those tasks only. `image` is false where the model reads none; it then takes
    `[B, 0, 0, 0]`. `targets` are in output order. `samples` holds `image` (uint8 `[N, C, H, W]`) and each
    other input. `metadata` is JSON, kept inside the file. `reads` names the extra inputs that a task's answer
    depends on (a task that is missing there: all of them). `units` says what differences of a task's values
    are measured by (a task that is missing there: by 1). Without data at hand `judge` and `tuner` are None.
    """

    model: nn.Module
    image: ImageSpec
    inputs: tuple[ModelInput, ...]
    targets: Mapping[str, Form]
    samples: Mapping[str, NDArray[np.generic]]
    metadata: Mapping[str, Any]
    reads: Mapping[str, frozenset[str]] = field(default_factory=dict)
    judge: Judge | None = None
    units: Mapping[str, Units] = field(default_factory=dict)
    tuner: Tuner | None = None

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the model's inputs, in order: the image where there is one, then the others."""
        return names_of_inputs(bool(self.image), self.inputs)

    def with_model(self, model: nn.Module) -> ExportSubject:
        """Return the subject with another model of all its run's tasks."""
        return replace(self, model=_Part(model, self.model.tasks) if isinstance(self.model, _Part) else model)

    def only(self, tasks: Sequence[str]) -> ExportSubject:
        """Return the subject with some of its tasks, and the inputs that these depend on.

        Raises `UsageError` for an unknown task, a repeated one, or none.
        """
        for task in tasks:
            if task not in self.targets:
                raise UsageError(
                    f"there is no task {task!r}", hint=suggest(task, list(self.targets), "tasks")
                )
        if not tasks or len(set(tasks)) < len(tasks):
            raise UsageError("name at least one task, and each once")
        chosen = {task: target for task, target in self.targets.items() if task in tasks}
        if len(chosen) == len(self.targets):
            return self
        every = frozenset(spec.name for spec in self.inputs)
        read = frozenset[str]().union(*(self.reads.get(task, every) for task in chosen))
        inputs = tuple(spec for spec in self.inputs if spec.name in read)
        kept = {name: value for name, value in self.samples.items() if name not in every - read}
        metadata = {**self.metadata, "subset_of": list(self.targets)}
        if isinstance(measured := metadata.get("test_metrics"), Mapping):
            metadata["test_metrics"] = {task: measured[task] for task in chosen if task in measured}
        model = _Part(self.model, tuple(chosen))
        return replace(self, model=model, inputs=inputs, targets=chosen, samples=kept, metadata=metadata)


class _Part(nn.Module):
    """A model that answers some tasks; what only the others need is not computed."""

    def __init__(self, model: nn.Module, tasks: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self.tasks = tasks

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        chosen = self.tasks if tasks is None else tuple(tasks)
        raw: dict[str, Tensor] = self.model(image, inputs, chosen)
        return raw


@dataclass(frozen=True)
class ExportReport:
    """A published export: its files (the model first) and the verification that let it pass."""

    files: tuple[Path, ...]
    verification: Mapping[str, Any]


class Exporter(ABC):
    """An exporter; its constructor takes keyword-only options.

    `suffix` is the file name ending of what it writes, empty for a folder; `file_name` is what it is called
    inside a run when no path is given. `runtimes` are the names that `verify` may be asked to compare in; the
    first is the one it uses unasked.
    """

    suffix: str
    runtimes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """The name of the export inside a run."""
        return f"model{self.suffix}"

    @classmethod
    def recognizes(cls, path: Path) -> bool:
        """Whether the file or folder looks like one of this exporter's."""
        return bool(cls.suffix) and path.suffix == cls.suffix

    def check_plan(self, plan: ExportPlan) -> None:  # noqa: B027 - most have nothing to refuse
        """Raise what `export` would raise whatever is trained, so that nobody waits for a refusal.

        For the forms of the answers, the tasks' metrics, the exporter's own options (`UsageError`), or what
        is not installed (`MissingRequirementError`). Called before training.
        """

    @abstractmethod
    def export(self, subject: ExportSubject, path: Path) -> ExportReport:
        """Write the model to `path` and publish it only when it is verified.

        Raises `VerificationError`, and leaves nothing at `path`, when it does not compute the same numbers.
        """

    @abstractmethod
    def verify(self, subject: ExportSubject, path: Path) -> Mapping[str, Any]:
        """Compare an existing export with the model; raise `VerificationError` when they differ."""

    def verify_in(self, subject: ExportSubject, path: Path, runtimes: Sequence[str]) -> Mapping[str, Any]:
        """Compare as `verify` does, in each of `runtimes`; return a report by runtime.

        Raises `UsageError` when the exporter knows no others, `MissingRequirementError` when one of them is
        not installed.
        """
        raise UsageError(
            f"{type(self).__name__} verifies in its own runtime only", hint="leave out --runtime"
        )

    def predictor(self, path: Path) -> Predict | None:
        """Return what answers as an export at `path` does, with `image` uint8; None: it is not run here."""
        return None

    def check(self, path: Path, runtimes: Sequence[str]) -> Mapping[str, Any]:
        """Check an export without the model it came from, as far as it can be; raise as `verify_in` does.

        Without `runtimes` the report is that of the exporter's own, otherwise one by runtime.
        """
        raise UsageError(f"{path} lies in no run folder", hint=f"name its run: mtl verify {path} --run RUN")
