"""Every built-in component, once each, as a recipe that changes one thing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..jobs import registry

Configuration = tuple[str, dict[str, Any]]

_DROPOUT = {"classify": {"head": {"name": "mlp", "dropout": 0.5}}}


def configurations() -> Iterator[Configuration]:
    """Yield names with changes of the usual recipe (digits, denoise and classify, LeNet)."""
    names = registry().names
    yield from ((f"balancer {name}", {"balancer": name}) for name in names("balancer"))
    for name in ("gradnorm", "graddrop"):
        yield f"balancer {name} on features", {"balancer": {"name": name, "on": "features"}}
    for name in names("sharing"):
        for balancer in ("sum",) if name == "none" else ("sum", "gradnorm", "pcgrad"):
            yield f"sharing {name}, {balancer}", {"sharing": name, "balancer": balancer}
    for name in names("encoder"):
        if name == "two-input-cnn":
            yield f"encoder {name}", {"encoder": name, "tasks": ["classify", "random-sum"]}
        elif name != "late-fusion":
            yield f"encoder {name}", {"encoder": name}
    for name in names("augmentation"):
        yield f"augmentation {name}", {"augmentations": [name], "tasks": ["denoise", "classify", "rotation"]}
    for name in names("optimizer"):
        yield f"optimizer {name}", {"train": {"optimizer": name}}
    for name in names("schedule"):
        yield f"schedule {name}", {"train": {"schedule": name, "epochs": 20}}
    yield from _others()


def _others() -> Iterator[Configuration]:
    many = ["denoise", "classify", "even", "third", "rotation", "autoencode", "random-sum"]
    yield "many tasks", {"tasks": many}
    yield "views per task", {"tasks": ["denoise", "classify", "rotation"], "views": "per-task"}
    yield "dropout", {"tasks": _DROPOUT}
    yield "bf16", {"train": {"precision": "bf16"}}
    yield "sgd without momentum", {"train": {"optimizer": "sgd", "momentum": 0.0}}
    yield (
        "accumulation, clipping, a mean of the weights",
        {"train": {"accumulate": 2, "clip": 1.0, "ema": 0.99}},
    )
    shapes = {"dataset": "shapes-synthetic", "tasks": ["shape-class", "shape-count"], "encoder": "shapenet"}
    yield "shapes", shapes


EQUAL: tuple[Configuration, ...] = (
    ("sum", {}),
    ("uncertainty", {"balancer": "uncertainty"}),
    ("rlw", {"balancer": "rlw"}),
    ("moco", {"balancer": "moco"}),
    ("mgda", {"balancer": "mgda"}),
    ("gradnorm on features", {"balancer": {"name": "gradnorm", "on": "features"}}),
    ("cross-stitch", {"sharing": "cross-stitch"}),
    ("towers of their own", {"sharing": "none"}),
    ("mtan (batch norm)", {"sharing": "mtan"}),
    ("ltb (samples branches)", {"sharing": "ltb"}),
    ("augmentations", {"augmentations": ["shift", "rotate", "erase"]}),
    ("mirrored in every other epoch", {"augmentations": [{"name": "flip", "alternating": True}]}),
    ("dwa", {"balancer": "dwa"}),
    ("dropout", {"tasks": _DROPOUT}),
    ("sgd cosine", {"train": {"optimizer": "sgd", "schedule": "cosine", "epochs": 3}}),
    ("small-resnet", {"encoder": "small-resnet"}),
)
"""Recipes whose replays are compared with single steps."""

RESUMED: tuple[Configuration, ...] = (
    ("adam, dropout", {"tasks": {"denoise": None, **_DROPOUT}}),
    ("moco", {"balancer": "moco"}),
    ("sgd", {"train": {"optimizer": "sgd"}}),
    ("augmentations", {"augmentations": ["shift", "rotate", "erase"]}),
)
"""Recipes that are interrupted and gone on with."""
