"""A plugin with a component of every kind; `FAULT` says where one of them fails, `RAISES` with what."""

import os
from math import prod

import numpy as np
import torch
from torch import nn

from mtl import Component, hookimpl
from mtl.core.contracts import (
    Augmentation,
    Balancer,
    Columns,
    Dataset,
    Encoder,
    Exporter,
    ExportReport,
    Head,
    Loss,
    Metric,
    Optimizer,
    Schedule,
    Sharing,
    Task,
    Tracker,
)
from mtl.core.contracts.specs import DatasetSpec, FeatureSpec, ImageSpec
from mtl.plugins.forms import Categorical


class Own(BaseException):
    """No Exception."""


class MuteError(Exception):
    """Cannot even say what it is."""

    def __str__(self):
        raise SystemExit(0)


RAISED = {
    "RuntimeError": lambda: RuntimeError("boom"),
    "SystemExit": lambda: SystemExit(0),
    "GeneratorExit": GeneratorExit,
    "StopIteration": StopIteration,
    "Own": lambda: Own("boom"),
    "Mute": MuteError,
}


def fail(place):
    """Fail, if this is where."""
    if os.environ.get("FAULT") == place:
        raise RAISED[os.environ["RAISES"]]()


class BadDataset(Dataset):
    def __init__(self):
        fail("dataset constructor")

    def spec(self):
        fail("dataset spec")
        return DatasetSpec(ImageSpec(1, 8, 8), {"side": Categorical(("left", "right"))})

    def load(self):
        fail("dataset load")
        random = np.random.default_rng(0)
        side = np.arange(24) % 2
        image = random.integers(99, size=(24, 1, 8, 8)).astype(np.uint8)
        return {name: Columns(image, {"side": side}) for name in ("train", "test")}


class BadAugmentation(Augmentation):
    def __init__(self, dataset):
        fail("augmentation constructor")
        super().__init__(dataset)

    def __call__(self, batch, random):
        fail("augmentation call")
        return batch


class BadEncoder(Encoder):
    def __init__(self, image, inputs):
        fail("encoder constructor")
        super().__init__()
        self.stages = nn.Sequential(nn.Sequential(nn.Flatten(), nn.Linear(prod(image.shape), 4)))
        self.feature_specs = (FeatureSpec(4),)

    @classmethod
    def accepts(cls, image, inputs):
        fail("encoder accepts")

    def forward_stage(self, index, features, inputs):
        fail("encoder stage in training" if self.training else "encoder stage")
        return super().forward_stage(index, features, inputs)


class BadHead(Head):
    def __init__(self, spec):
        fail("head constructor")
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, features):
        fail("head forward in training" if self.training else "head forward")
        return self.layer(features.stages[-1])


class BadLoss(Loss):
    def __init__(self, target):
        fail("loss constructor")
        super().__init__(target)

    def forward(self, raw, target):
        fail("loss forward in training" if raw.requires_grad else "loss forward")
        return nn.functional.cross_entropy(raw, target, reduction="none")


class BadMetric(Metric):
    def __init__(self, target):
        fail("metric constructor")
        super().__init__(target)

    def reset(self):
        self.found = []

    def update(self, prediction, target):
        fail("metric update in evaluation" if len(prediction) > 2 else "metric update")
        self.found.append((prediction.argmax(1) == target).float())

    def compute(self):
        fail("metric compute")
        return torch.cat(self.found).mean()


class BadTask(Task):
    needs = ("side",)
    head, loss, metrics = "bad-head", "bad-loss", ("bad-metric",)

    def __init__(self, dataset):
        fail("task constructor")
        super().__init__(dataset)
        self.target_spec = dataset.labels["side"]

    def target(self, batch):
        fail("task target")
        return batch.labels["side"]

    def transform(self, batch, random):
        fail("task transform")
        return batch

    def prepare(self, image):
        fail("task prepare")
        return image

    def corrupt(self, image, random):
        fail("task corrupt")
        return image


class BadSharing(Sharing):
    def __init__(self, tasks, build_encoder):
        fail("sharing constructor")
        super().__init__(tasks, build_encoder)
        self.encoder = build_encoder()
        self.feature_specs = dict.fromkeys(tasks, self.encoder.feature_specs)

    def forward(self, image, inputs, tasks):
        fail("sharing forward")
        return dict.fromkeys(tasks, self.encoder(image, inputs))

    def shared_parameters(self):
        fail("sharing shared parameters")
        return list(self.encoder.parameters())


class BadBalancer(Balancer):
    def __init__(self, tasks):
        fail("balancer constructor")
        super().__init__(tasks)

    def weights(self, losses, gradients):
        fail("balancer weights")
        return torch.ones_like(losses)

    def post_epoch(self, losses):
        fail("balancer epoch")


class BadOptimizer(Optimizer):
    def __init__(self):
        fail("optimizer constructor")

    def build(self, groups):
        fail("optimizer build")
        return [Descent(groups)]


class Descent(torch.optim.Optimizer):
    def __init__(self, groups):
        super().__init__(groups, {})

    def step(self):
        fail("optimizer step")


class BadSchedule(Schedule):
    def __init__(self):
        fail("schedule constructor")

    def factor(self, at):
        fail("schedule factor")
        return 1.0

    def problem(self, epochs):
        fail("schedule problem")


class BadExporter(Exporter):
    suffix = ".bad"

    def __init__(self):
        fail("exporter constructor")

    def check_plan(self, plan):
        fail("exporter plan")

    def export(self, subject, path):
        fail("exporter export")
        if os.environ.get("FAULT") == "exporter writes nothing":
            return ExportReport((path,), {})
        if os.environ.get("FAULT") == "exporter names nothing":
            return ExportReport((), {})
        path.write_text("")
        return ExportReport((path,), {})

    def verify(self, subject, path):
        fail("exporter verify")
        return {}


class BadTracker(Tracker):
    def __init__(self):
        fail("tracker constructor")

    def start(self, run):
        fail("tracker start")

    def scalars(self, epoch, values):
        fail("tracker scalars")


def _component(kind):
    return Component(kind, f"bad-{kind}", "Fails on demand", f"{__name__}:Bad{kind.capitalize()}")


@hookimpl
def mtl_components():
    return map(
        _component,
        (
            "dataset",
            "augmentation",
            "encoder",
            "head",
            "loss",
            "metric",
            "task",
            "sharing",
            "balancer",
            "optimizer",
            "schedule",
            "exporter",
            "tracker",
        ),
    )
