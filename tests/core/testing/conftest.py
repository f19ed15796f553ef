"""A plugin with one good component of every kind, and a way to spoil one of them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest

from mtl.core.discovery.registry import discover
from mtl.core.testing.subjects import Subject, subjects

GOOD = '''
from collections import OrderedDict
from dataclasses import dataclass, replace
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn

from mtl.contracts import (
    Augmentation,
    Balancer,
    Categorical,
    Columns,
    Dataset,
    DatasetSpec,
    Encoder,
    Executor,
    ExportReport,
    Exporter,
    FeatureSpec,
    Form,
    Head,
    Image,
    ImageSpec,
    Incompatible,
    InputSpec,
    JobEnding,
    LearnedTable,
    Loss,
    Metric,
    Multilabel,
    Optimizer,
    Schedule,
    Seat,
    Sharing,
    Symmetry,
    Task,
    TrackedRun,
    Tracker,
    Values,
    VerificationError,
    transform_square,
)


@dataclass(frozen=True)
class GoodForm(Form):
    """Shares of a whole."""

    names: tuple[str, ...]
    form = "good"
    activation = "softmax"
    output_shape = property(lambda self: (len(self.names),))
    drawing = property(lambda self: Values(self.names))
    specimens = classmethod(lambda cls, image: (cls(("one", "other", "third")),))


class GoodEncoder(Encoder):
    """A hidden layer on the flattened image."""

    def __init__(self, image, inputs, *,
                 width: Annotated[int, Field(ge=1, description="Width of the layer.")] = 32,
                 kind: Annotated[Literal["relu", "tanh"], Field(description="Activation.")] = "relu"):
        super().__init__()
        size = image.channels * image.height * image.width
        activation = nn.ReLU() if kind == "relu" else nn.Tanh()
        self.stages = nn.Sequential(
            OrderedDict(fc=nn.Sequential(nn.Flatten(), nn.Linear(size, width), activation))
        )
        self.feature_specs = (FeatureSpec(width),)


class GoodHead(Head):
    """One linear layer, for classes."""

    def __init__(self, spec):
        super().__init__()
        if reason := self.accepts(spec):
            raise Incompatible(reason)
        self.layer = nn.Linear(spec.stages[-1].size, len(spec.target.classes))

    @classmethod
    def accepts(cls, spec):
        return None if isinstance(spec.target, Categorical) else "needs classes"

    def forward(self, features):
        return self.layer(features.stages[-1].flatten(1))


class GoodLoss(Loss):
    """Cross-entropy."""

    def __init__(self, target):
        super().__init__(target)
        if reason := self.accepts(target):
            raise Incompatible(reason)

    @classmethod
    def accepts(cls, target):
        return None if isinstance(target, Categorical) else "needs classes"

    def forward(self, raw, target):
        return nn.functional.cross_entropy(raw, target, reduction="none")


class GoodMetric(Metric):
    """Share of right answers."""

    direction = "higher"
    bounds = (0.0, 1.0)

    def __init__(self, target):
        super().__init__(target)
        self.reset()

    @classmethod
    def accepts(cls, target):
        return None if isinstance(target, Categorical) else "needs classes"

    def update(self, prediction, target):
        self.right += (prediction.argmax(dim=1) == target).sum()
        self.count += len(target)

    def compute(self):
        return self.right / self.count

    def reset(self):
        self.right, self.count = torch.zeros(()), 0


class GoodTask(Task):
    """The class, from the image darkened where it is dark."""

    needs = ("class",)

    def __init__(self, dataset):
        super().__init__(dataset)
        if not isinstance(dataset.labels.get("class"), Categorical):
            raise Incompatible("needs a column of classes named 'class'")
        self.target_spec = dataset.labels["class"]

    def prepare(self, image):
        return torch.where(image > 0.2, image, 0.0)

    def target(self, batch):
        return batch.labels["class"]


class GoodSharing(Sharing):
    """One encoder for all tasks."""

    def __init__(self, tasks, build_encoder):
        super().__init__(tasks, build_encoder)
        self.encoder = build_encoder()
        self.feature_specs = dict.fromkeys(self.tasks, self.encoder.feature_specs)
        self.fuses = self.encoder.fuses

    def forward(self, image, inputs, tasks):
        return dict.fromkeys(tasks, self.encoder(image, inputs))

    def shared_parameters(self):
        return list(self.encoder.parameters())


class GoodBalancer(Balancer):
    """Weights by the running mean of each loss."""

    def __init__(self, tasks):
        super().__init__(tasks)
        self.register_buffer("mean", torch.ones(len(self.tasks)))

    def weights(self, losses, gradients):
        return 1.0 / (self.mean.to(losses) + 0.1)

    def post_step(self, losses):
        self.mean.mul_(0.9).add_(0.1 * losses)


class GoodDataset(Dataset):
    """Random pictures in two classes."""

    def spec(self):
        return DatasetSpec(ImageSpec(1, 12, 12), {"class": Categorical(("a", "b"))})

    def load(self):
        random = np.random.default_rng(0)
        def split(count):
            image = random.integers(0, 256, (count, 1, 12, 12), dtype=np.uint8)
            return Columns(image, {"class": np.arange(count, dtype=np.int64) % 2})
        return {"train": split(16), "test": split(8)}


class GoodAugmentation(Augmentation):
    """Mirrors half of the images."""

    def __call__(self, batch, random):
        mirrors = random.uniform() < 0.5
        return transform_square(batch, torch.zeros_like(mirrors, dtype=torch.long), mirrors, self.dataset)


class GoodOptimizer(Optimizer):
    """Plain gradient descent, step by step."""

    def build(self, groups):
        return [GoodDescent(list(groups), {})]


class GoodDescent(torch.optim.Optimizer):
    """Counts its steps, and makes the later ones smaller."""

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    count = self.state[parameter].setdefault("count", torch.zeros(()))
                    count += 1
                    parameter.sub_(group["lr"] * 1000 * parameter.grad / count.sqrt())


class GoodSchedule(Schedule):
    """The recipe's rate, then half of it."""

    def factor(self, at):
        return 1.0 if 2 * at.step < at.steps else 0.5


class GoodExporter(Exporter):
    """Writes the weights, and compares the outputs on the real samples: no format anybody reads."""

    suffix = ".weights"

    def export(self, subject, path):
        from safetensors.torch import save
        path.write_bytes(save(subject.model.state_dict()))
        return ExportReport((path,), dict(self.verify(subject, path)))

    def verify(self, subject, path):
        from safetensors.torch import load
        import copy
        other = copy.deepcopy(subject.model)
        other.load_state_dict(load(path.read_bytes()))
        image = torch.from_numpy(subject.samples["image"]).float() / 255
        with torch.no_grad():
            one, two = subject.model(image, {}), other(image, {})
        if not all(torch.allclose(one[task], two[task], atol=1e-4) for task in one):
            raise VerificationError("it computes something else")
        return {"passed": True}


class GoodTracker(Tracker):
    def start(self, run):
        run.own.mkdir(parents=True, exist_ok=True)
        self.file = run.own / "epochs.txt"

    def scalars(self, epoch, values):
        with self.file.open("a") as file:
            file.write(f"{epoch} {values}")


class GoodExecutor(Executor):
    def execute(self, jobs, work):
        for job in jobs:
            yield work.perform(job, Seat(work.device))
'''

KINDS = (
    "form",
    "encoder",
    "head",
    "loss",
    "metric",
    "task",
    "sharing",
    "balancer",
    "dataset",
    "augmentation",
    "optimizer",
    "schedule",
    "exporter",
    "tracker",
    "executor",
)
HOOK = """

from mtl import Component, hookimpl

@hookimpl
def mtl_components():
"""
RECORD = """\
    yield Component("{kind}", "{name}", "A component", "{module}:{target}")
"""


@pytest.fixture
def install_good(install_plugin: Callable[..., str]) -> Callable[[], str]:
    """Install a plugin with a good component of every kind, called `good`; return its distribution."""

    def install() -> str:
        records = [
            RECORD.format(kind=kind, name="good", module="good_parts", target=f"Good{kind.title()}")
            for kind in KINDS
        ]
        install_plugin("good-parts", GOOD)
        install_plugin("good-plugin", HOOK + "".join(records))
        return "good-plugin"

    return install


@pytest.fixture
def spoiled(install_plugin: Callable[..., str]) -> Callable[[str, str], Subject]:
    """Install a component of a kind, the class `Broken` of the source; return what is to be checked."""

    def install(kind: str, source: str) -> Subject:
        record = RECORD.format(kind=kind, name="broken", module="broken_plugin", target="Broken")
        install_plugin("broken-plugin", GOOD + textwrap.dedent(source) + HOOK + record)
        found = subjects(discover(), ["broken-plugin"], kind=kind)
        assert len(found) == 1
        return found[0]

    return install
