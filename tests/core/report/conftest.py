"""A run made by hand from tiny components, one task per form of answer."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mtl.core.composition.composition import ComposedTask, Composition
from mtl.core.composition.model import MultitaskModel, Normalization
from mtl.core.composition.training_parts import TrainingParts
from mtl.core.contracts import (
    Balancer,
    Columns,
    Dataset,
    Encoder,
    Exporter,
    ExportReport,
    Form,
    Head,
    Loss,
    Metric,
    Optimizer,
    Schedule,
    Sharing,
    Task,
)
from mtl.core.contracts.batch import Batch, Features
from mtl.core.contracts.randomness import Random
from mtl.core.contracts.specs import DatasetSpec, FeatureSpec, ImageSpec, InputSpec
from mtl.core.data.samples import Samples, Splits
from mtl.core.folders.run_folder import RunFolder
from mtl.core.recipe.recipe import Choice, Recipe, TaskChoice, Training
from mtl.core.report import write_report
from mtl.core.running.pipeline import metrics_of
from mtl.plugins.forms import Binary, Categorical, Image, Regression

EXTRA = InputSpec("number", 4, "what to add")


class Pictures(Dataset):
    def __init__(self, spec: DatasetSpec) -> None:
        self._spec = spec

    def spec(self) -> DatasetSpec:
        return self._spec

    def load(self) -> Mapping[str, Columns]:
        raise NotImplementedError


class Flat(Encoder):
    def __init__(self, image: ImageSpec, inputs: Sequence[InputSpec]) -> None:
        super().__init__()
        size = image.channels * image.height * image.width
        layers = [("flat", nn.Flatten()), ("linear", nn.Linear(size, 8))]
        self.stages = nn.Sequential(OrderedDict([("only", nn.Sequential(OrderedDict(layers)))]))
        self.feature_specs = (FeatureSpec(8),)


class One(Sharing):
    def __init__(self, tasks: Sequence[str], build_encoder: Callable[[], Encoder]) -> None:
        super().__init__(tasks, build_encoder)
        self.encoder = build_encoder()
        self.feature_specs = dict.fromkeys(tasks, self.encoder.feature_specs)

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, tuple[Tensor, ...]]:
        stages = self.encoder(image, inputs)
        return dict.fromkeys(tasks, stages)


class Linear(Head):
    def __init__(self, target: Form, inputs: Sequence[InputSpec]) -> None:
        super().__init__()
        self.shape = target.output_shape
        self.fuses = frozenset(spec.name for spec in inputs)
        self.linear = nn.Linear(8 + len(inputs), torch.Size(self.shape).numel())

    def forward(self, features: Features) -> Tensor:
        extra = [features.inputs[name].float().unsqueeze(1) for name in sorted(self.fuses)]
        return self.linear(torch.cat([features.stages[-1], *extra], dim=1)).reshape(-1, *self.shape)


class Zero(Loss):
    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return raw.float().flatten(1).square().mean(1) if raw.dim() > 1 else raw.square()


class Level(Metric):
    """The mean prediction; more is better."""

    direction = "higher"

    def __init__(self, target: Form) -> None:
        super().__init__(target)
        self.reset()

    def update(self, prediction: Tensor, target: Tensor) -> None:
        self.values.append(prediction.mean())

    def compute(self) -> Tensor:
        return torch.stack(self.values).mean()

    def reset(self) -> None:
        self.values: list[Tensor] = []


class Counts(Level):
    """A table of counts `[K, K]`."""

    direction = None
    scalar = False

    def compute(self) -> Tensor:
        assert isinstance(self.target, Categorical)
        size = len(self.target.classes)
        return torch.eye(size) * 5 + torch.ones(size, size).triu(1)


class Asked(Task):
    """Reads a column, or the image."""

    def __init__(
        self, dataset: DatasetSpec, target: Form, column: str | None, noise: float, extra: bool
    ) -> None:
        super().__init__(dataset)
        self.target_spec = target
        self.column = column
        self.noise = noise
        self.inputs = (EXTRA,) if extra else ()

    def target(self, batch: Batch) -> Tensor:
        return batch.image if self.column is None else batch.labels[self.column]

    def corrupt(self, image: Tensor, random: Random) -> Tensor:
        return (image + self.noise * random.normal(*image.shape[1:])).clamp(0, 1)

    @property
    def corrupts(self) -> bool:
        return self.noise > 0

    def draw_inputs(self, batch: Batch, random: Random) -> Mapping[str, Tensor]:
        return {spec.name: random.integers(spec.count) for spec in self.inputs}


class Constant(Schedule):
    def factor(self, at):
        return 1.0


class Plain(Optimizer):
    def build(self, groups):
        return [torch.optim.SGD(groups)]


class Nowhere(Exporter):
    suffix = ".onnx"

    def export(self, subject: Any, path: Path) -> ExportReport:
        raise NotImplementedError

    def verify(self, subject: Any, path: Path) -> Mapping[str, Any]:
        raise NotImplementedError


@dataclass(frozen=True)
class Made:
    """A finished run, ready to be reported; `with_` changes one of its parts."""

    folder: RunFolder
    composition: Composition
    splits: Splits
    history: Sequence[Mapping[str, float]]
    metrics: dict[str, Any]
    verification: Mapping[str, Any]
    unusual: Mapping[str, Any] = field(default_factory=dict)

    def with_(self, **changes: Any) -> Made:
        return replace(self, **changes)

    def page(self) -> str:
        write_report(
            self.folder,
            self.composition,
            self.splits,
            self.history,
            self.metrics,
            self.verification,
            self.unusual,
        )
        return (self.folder.path / "report.html").read_text()


@dataclass(frozen=True)
class Wanted:
    """One task of a made run."""

    target: Form
    noise: float = 0.0
    extra: bool = False
    absent: bool = False


def label(target: Form, count: int, absent: bool) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    if isinstance(target, Regression):
        values = torch.randn(count, len(target.names), generator=generator)
        return torch.full_like(values, torch.nan) if absent else values
    size = len(target.classes) if isinstance(target, Categorical) else 2
    classes = torch.randint(size, (count,), generator=generator)
    return torch.full_like(classes, -1) if absent else classes


def samples(count: int, image: ImageSpec, wanted: Mapping[str, Wanted]) -> Samples:
    pixels = torch.randint(
        256, (count, *image.shape), generator=torch.Generator().manual_seed(5), dtype=torch.uint8
    )
    labels = {
        name: label(item.target, count, item.absent)
        for name, item in wanted.items()
        if not isinstance(item.target, Image)
    }
    return Samples(pixels, labels)


def history(names: Sequence[str], epochs: int) -> list[dict[str, float]]:
    rows = []
    for epoch in range(1, epochs + 1):
        row = {"epoch": float(epoch), "learning_rate": 1e-3, "seconds": 0.5}
        for name in names:
            row |= {f"train/{name}/loss": 1 / epoch, f"validation/{name}/loss": 1.1 / epoch}
            row[f"validation/{name}/level"] = 0.9 - 0.5 / epoch
        rows.append(row)
    return rows


def compose(wanted: Mapping[str, Wanted], image: ImageSpec, tables: bool) -> Composition:
    torch.manual_seed(0)
    spec = DatasetSpec(image, {n: w.target for n, w in wanted.items() if not isinstance(w.target, Image)})
    tasks = {
        name: Asked(
            spec, item.target, None if isinstance(item.target, Image) else name, item.noise, item.extra
        )
        for name, item in wanted.items()
    }
    composed = {}
    for name, task in tasks.items():
        metrics: dict[str, Metric] = {"level": Level(task.target_spec)}
        if tables and isinstance(task.target_spec, Categorical):
            metrics["table"] = Counts(task.target_spec)
        composed[name] = ComposedTask(name, task, 1.0, Zero(task.target_spec), metrics)
    model = MultitaskModel(
        Normalization(image.channels),
        One(tuple(tasks), lambda: Flat(image, ())),
        {name: Linear(task.target_spec, task.inputs) for name, task in tasks.items()},
        {name: task.target_spec for name, task in tasks.items()},
    )
    updates = TrainingParts(Plain(), Constant(), {})
    recipe = Recipe(
        dataset=Choice("pictures"),
        encoder=Choice("flat"),
        sharing=Choice("one"),
        balancer=Choice("plain"),
        export=Choice("nowhere"),
        tasks=tuple(TaskChoice(name, Choice("asked")) for name in tasks),
        train=Training(epochs=3),
    )
    parts = (composed, model, Balancer(tuple(tasks)), updates, Nowhere())
    shared = model.sharing
    assert isinstance(shared, One)
    return Composition(recipe, Pictures(spec), spec, (), *parts, encoders=(shared.encoder,))


VERIFICATION = {
    "passed": True,
    "file": {"name": "model.onnx", "sha256": "ab" * 32, "bytes": 12345},
    "tolerance": {"absolute": 1e-4, "relative": 1e-4},
    "worst": {"output": "kind", "batch": 7, "difference": 3e-7, "allowed": 1e-4},
    "cases": [{"batch": 1, "kind": "zeros", "differences": {"kind": 2e-8}}],
}
ENVIRONMENT = {
    "python": "3.11.0",
    "device": "cpu",
    "seed": 0,
    "command": ["mtl", "compose", "--out", "a b"],
    "versions": {"torch": "2.15"},
    "plugins": [{"name": "plugins", "distribution": "mtl-composer", "version": "0.1.0", "broken": None}],
    "git": None,
}

KIND = Categorical(("cat", "dog", "bird"))
EVERY = {
    "kind": Wanted(KIND),
    "is.even": Wanted(Binary("even", "odd"), extra=True),
    "how-many": Wanted(Regression(("circles", "squares"), "figures")),
    "restore": Wanted(Image(1, 6, 5), noise=0.1),
}


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Made]:
    """Return a maker of finished runs: tasks by name, one of each form when none is given."""

    def made(
        wanted: Mapping[str, Wanted] | Form = EVERY,
        *,
        epochs: int = 3,
        image: tuple[int, int, int] = (1, 6, 5),
        count: int = 20,
        tables: bool = True,
        real: bool = True,
    ) -> Made:
        tasks = wanted if isinstance(wanted, Mapping) else {"only": Wanted(wanted)}
        form = ImageSpec(*image)
        composition = compose(tasks, form, tables)
        kept = samples(count, form, tasks)
        splits = Splits(kept, kept, kept)
        folder = RunFolder(tmp_path / "run")
        folder.path.mkdir(exist_ok=True)
        (folder.path / "environment.json").write_text(json.dumps(ENVIRONMENT))
        labelled = not any(item.absent for item in tasks.values())
        metrics = metrics_of(composition, splits) if labelled and real else bare_metrics(tasks)
        metrics["training"] = {"epochs": epochs, "chosen_epoch": epochs, "seconds": 1.5}
        return Made(folder, composition, splits, history(list(tasks), epochs), metrics, VERIFICATION)

    return made


def bare_metrics(tasks: Mapping[str, Wanted]) -> dict[str, Any]:
    values = {name: {"loss": 0.5, "level": 0.4} for name in tasks}
    return {
        "test": values,
        "validation": values,
        "baseline": {name: {"level": 0.3} for name in tasks},
        "baseline_answer": dict.fromkeys(tasks, "the training mean"),
        "tables": {"test": {}, "validation": {}},
    }


@pytest.fixture
def wanted() -> type[Wanted]:
    """Return the description of a task for `make`."""
    return Wanted


class Outline(HTMLParser):
    """What a page is made of; `problems` are tags that do not close."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.problems: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.headings: list[str] = []
        self.text = ""
        self.texts: dict[str, list[str]] = {}
        self.feed(page)
        self.close()
        self.problems += [f"never closed: {name}" for name in self.open]

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        keys = [key for key, _ in attributes]
        if len(set(keys)) != len(keys):
            self.problems.append(f"attribute given twice: {name} {keys}")
        self.elements.append((name, {key: value or "" for key, value in attributes}))
        if name not in self.VOID:
            self.open.append(name)
            self.texts.setdefault(name, []).append("")

    def handle_endtag(self, name: str) -> None:
        if not self.open or self.open[-1] != name:
            self.problems.append(f"</{name}> inside {self.open[-3:]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        for name in set(self.open):
            self.texts[name][-1] += data

    def attributes(self, name: str) -> list[dict[str, str]]:
        return [attributes for element, attributes in self.elements if element == name]


@pytest.fixture
def outline() -> type[Outline]:
    """Return the reader of a page."""
    return Outline
