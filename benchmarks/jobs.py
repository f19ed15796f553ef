"""The jobs that are measured: tasks, encoder, batch size, on synthetic data of the real shapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.discovery.registry import Registry, discover
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource


@dataclass(frozen=True)
class Job:
    """One training: its name, its recipe's parts, and the steps of one timed round on a CPU."""

    name: str
    tasks: Any
    encoder: str
    batch_size: int
    side: int = 28
    channels: int = 1
    sharing: str = "hard"
    balancer: str = "sum"
    steps: int = 20
    options: dict[str, Any] = field(default_factory=dict)

    def compose(self, **changes: Any) -> Composition:
        """Return the job as mtl composes it."""
        train = {"batch_size": self.batch_size, "epochs": 1000, **changes.pop("train", {})}
        tree = {
            "dataset": {"name": "synthetic", "channels": self.channels, "side": self.side},
            "tasks": self.tasks,
            "encoder": self.encoder,
            "sharing": self.sharing,
            "balancer": self.balancer,
            "train": train,
            **changes,
        }
        return compose(read(RecipeSource(tree), registry()), registry())


@cache
def registry() -> Registry:
    """Return what is installed, and the synthetic data set."""
    return discover([Path(__file__).with_name("synthetic.py")])


def _multiples(*numbers: int) -> dict[str, Any]:
    return {f"by{number}": {"task": "multiple-of", "of": number} for number in numbers}


_CLASSIFY: dict[str, Any] = {"classify": {"label": "digit"}}
_LENET: dict[str, Any] = {"denoise": {}, **_CLASSIFY}

JOBS: tuple[Job, ...] = (
    Job("LeNet denoise+classify, batch 32", _LENET, "lenet", 32, steps=64),
    Job("LeNet denoise+classify, batch 256", _LENET, "lenet", 256, steps=16),
    Job("MLP even+third, batch 128", _multiples(2, 3), "mlp", 128, steps=100),
    Job(
        "AlexNet class+rotation, batch 128",
        {"rotation": {}, **_CLASSIFY},
        "alexnet",
        128,
        side=32,
        channels=3,
        steps=1,
    ),
    Job("ShapeNet class+count, batch 64", {"shape-class": {}, "shape-count": {}}, "shapenet", 64, steps=16),
    *(
        Job(f"LeNet, {count} tasks, {sharing}, batch 32", tasks, "lenet", 32, sharing=sharing, steps=steps)
        for count, tasks, sharing, steps in (
            (1, _CLASSIFY, "hard", 40),
            (4, {**_LENET, **_multiples(2, 3)}, "hard", 32),
            (8, {**_LENET, **_multiples(2, 3, 4, 5, 6, 7)}, "hard", 32),
            # An epoch of three steps showed its own two ends: 0.94 of the limit, where one of 48 shows 0.99.
            (2, _LENET, "cross-stitch", 32),
            (4, {**_LENET, **_multiples(2, 3)}, "cross-stitch", 24),
            (8, {**_LENET, **_multiples(2, 3, 4, 5, 6, 7)}, "cross-stitch", 24),
        )
    ),
)
"""The first is the one whose targets are hard."""

ONE_HEAD = Job("LeNet, one head", _CLASSIFY, "lenet", 32, steps=30)
EIGHT_HEADS = Job(
    "LeNet, eight hard-shared heads", {**_CLASSIFY, **_multiples(2, 3, 4, 5, 6, 7, 8)}, "lenet", 32, steps=15
)
"""Heads of one kind, so that the number of heads is all that differs."""


def balanced_jobs() -> tuple[Job, ...]:
    """Return the first job with a gradient-based balancer; empty while none is installed."""
    for name in ("pcgrad", *registry().names("balancer")):
        if name in registry().names("balancer") and registry().find("balancer", name).load().needs_gradients:
            return (Job(f"LeNet denoise+classify, {name}, batch 32", _LENET, "lenet", 32, balancer=name),)
    return ()
