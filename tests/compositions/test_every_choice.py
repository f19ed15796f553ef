"""Every choice of every option of every component is walked, in recipes that each carry many of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from mtl.core.discovery.options import options_model
from mtl.core.discovery.plugin_loading import HOME
from mtl.core.discovery.registry import discover
from mtl.core.recipe.recipe import Training

from .drawing import ELSEWHERE
from .walking import walk

SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": [8]},
    "shapenet": {"channels": [4], "features": 8},
    "small-resnet": {"widths": [16, 16], "depth": 1},
    "airbench": {"widths": [8, 8]},
    "kind-counts": {"hidden": [8]},
    "fusion": {"hidden": [8]},
    "dense-decoder": {"hidden": [8]},
}
NOT_WALKED = {
    "download": "there is no network",
    "compile": "it takes a minute",
    "checkpoint_every": "'shards' takes tar shards: tests/core/training/test_within_epoch.py",
}
"""Options whose choices are left out, and why."""

WALKED_ELSEWHERE = {
    **dict.fromkeys(ELSEWHERE, "tests/exports/elsewhere"),
    "alexnet": "tests/test_matrix.py",
    "resnet18": "tests/test_matrix.py",
    "two-input-cnn": "tests/test_matrix.py",
    "late-fusion": "tests/test_new_inputs.py",
    "timm": "tests/plugins/encoders/test_libraries_with_sharings.py",
    "torchvision": "tests/plugins/encoders/test_libraries_with_sharings.py",
    "soft-argmax": "tests/plugins/heads",
    # For tasks that can have two answers, and for pictures in colour.
    "mixup": "tests/plugins/augmentations",
    "cutmix": "tests/plugins/augmentations",
    "colour-jitter": "tests/plugins/augmentations",
    "bundle": "tests/exports/test_bundle.py",
    "web": "tests/exports/web",
}
"""Components that cost too much here, or do not go with every task or picture."""


def choices(field: Mapping[str, Any]) -> list[Any]:
    """Return the values of an option that is a choice, empty when it is none."""
    if "enum" in field:
        return list(field["enum"])
    if "const" in field:
        return [field["const"]]
    if field.get("type") == "boolean":
        return [False, True]
    if "anyOf" in field:
        found = [value for branch in field["anyOf"] for value in choices(branch)]
        nothing = any(branch.get("type") == "null" for branch in field["anyOf"])
        return [*found, None] if found and nothing else found
    if field.get("type") == "array" and isinstance(field.get("items"), Mapping):
        return [[value] for value in choices(field["items"])]
    return []


def chosen(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return `{option: value}` for every choice of every option."""
    walked = {name: field for name, field in fields.items() if name not in NOT_WALKED}
    return [{name: value} for name, field in walked.items() for value in choices(field)]


REGISTRY = discover()

CLASSES = ("accuracy", "balanced-accuracy", "f1", "precision", "recall")
PIXELS = ("psnr", "ssim", "mse", "mae", "rmse")
VALUES = ("rmse", "mae", "mse")
TAGS = ("mean-average-precision", "attribute-accuracy", "attribute-scores")
RANKS = ("rank-error", "quadratic-kappa")
MASKS = ("mean-iou", "pixel-accuracy", "class-iou")
PLACES = ("pck", "mean-distance", "visibility", "point-scores")
MAPS = ("relative-error", "delta-1", "delta-2", "delta-3")


def sections(kind: str, *names: str) -> list[dict[str, Any]]:
    """Return sections of a kind's components: each as it is, then with each choice of each option."""
    found = []
    for entry in REGISTRY.entries(kind):
        name = entry.component.name
        if entry.provider.distribution == HOME and (not names or name in names):
            base = {"name": name, **SMALL.get(name, {})}
            fields = options_model(entry.load()).model_json_schema().get("properties", {})
            found += [base, *(base | choice for choice in chosen(fields))]
    return [section for section in found if section["name"] not in WALKED_ELSEWHERE]


class Dealer:
    """Deals sections to recipes, each queue from its start again when it is used up."""

    def __init__(self) -> None:
        self._queues: dict[tuple[str, ...], Any] = {}

    def next(self, kind: str, *names: str) -> dict[str, Any]:
        """Return the next section of a kind, or of these components of it."""
        key = (kind, *names)
        if key not in self._queues:
            self._queues[key] = cycle(sections(kind, *names))
        return dict(next(self._queues[key]))

    def choice(self, queue: str, values: Sequence[Any]) -> Any:
        """Return the next of these values."""
        return next(self._queues.setdefault((queue,), cycle(values)))

    def tasks(self, index: int) -> tuple[str, dict[str, Any]]:
        """Return a data set and tasks with the next choices of tasks, heads, losses and metrics."""
        if index % 4 == 0:
            counts = {
                "task": "shape-count",
                "loss": self.next("loss", "mse", "l1", "smooth-l1"),
                "metrics": [self.next("metric", *VALUES)],
            }
            classes = {"task": "shape-class", "head": self.next("head", "kind-counts")}
            return "shapes-synthetic", {"counts": counts, "classes": classes}
        if index % 8 == 3:
            return "table", self.labels()
        if index % 8 == 7:
            return "scenes", self.maps()
        if index % 3 == 0:
            # It brings its head, which must not say otherwise of the latent numbers.
            picture = _task(self.next("task", "autoencode"))
        else:
            drawing = {"head": self.next("head", "decoder", "dense-decoder")}
            measure = {"metrics": [_plain(self.next("metric", *PIXELS))]}
            picture = _task(self.next("task", "denoise"), **drawing, **measure)
        classes = {
            "task": "classify",
            "head": self.next("head", "linear", "mlp"),
            "loss": self.next("loss", "cross-entropy", "focal"),
            "metrics": _judged(self.next("metric", *CLASSES, "confusion-matrix")),
        }
        tasks = {"picture": picture, "classes": classes}
        if index % 4 == 1:
            tasks["summed"] = {"task": "random-sum", "head": self.next("head", "fusion")}
        if index % 4 == 2:
            yes = {"loss": self.next("loss", "bce"), "metrics": [self.next("metric", *CLASSES, "bce")]}
            tasks["yes"] = _task(self.next("task", "multiple-of"), **yes)
        return "digits", tasks

    def labels(self) -> dict[str, Any]:
        """Return tasks of attributes, ranks and values, with the next choices of theirs."""
        attributes = {"loss": self.next("loss", "attribute-bce"), "metrics": sections("metric", *TAGS)}
        rank = {
            "head": self.next("head", "cumulative"),
            "loss": self.next("loss", "cumulative"),
            "metrics": [{"name": "accuracy"}, *sections("metric", *RANKS)],
        }
        values = {"metrics": [{"name": "rmse"}, *sections("metric", "value-errors")]}
        named = {"attributes": attributes, "rank": rank, "regress": values}
        return {task: {"task": task, **more} for task, more in named.items()}

    def maps(self) -> dict[str, Any]:
        """Return tasks of classes, values and points in the picture, with the next choices of theirs."""
        classes = {"loss": self.next("loss", "pixel-cross-entropy"), "metrics": sections("metric", *MASKS)}
        depth = {"label": "depth", "metrics": [{"name": "rmse"}, *sections("metric", *MAPS)]}
        points = {
            "loss": self.next("loss", "points"),
            "metrics": sections("metric", *PLACES),
        }
        segment = {"label": "segmentation", **classes}
        named = {"segment": segment, "depth": depth, "keypoints": points}
        return {task: {"task": task, **more} for task, more in named.items()}

    def recipe(self, index: int) -> dict[str, Any]:
        """Return the next recipe, without the options of its data set."""
        dataset, tasks = self.tasks(index)
        return {
            "dataset": {"name": dataset},
            "tasks": tasks,
            "encoder": self.next("encoder"),
            "augmentations": [self.next("augmentation")],
            "train": {
                "epochs": 1,
                "batch_size": 16,
                "validation": 0.3,
                "optimizer": self.next("optimizer"),
                "schedule": self.next("schedule"),
                **self.choice("train", TRAINING),
            },
            "export": self.next("exporter"),
            "views": self.choice("views", ["shared", "shared", "per-task"]),
            "test_time_augmentation": self.choice(
                "orbit", ["none", "none", "none", "none", "mirror", "quarter-turns", "square"]
            ),
        }


def _task(section: dict[str, Any], **more: Any) -> dict[str, Any]:
    named = dict(section)
    return {"task": named.pop("name"), **named, **more}


def _judged(metric: dict[str, Any]) -> list[dict[str, Any]]:
    # A table says nothing of what a rounded file loses: such an export is refused.
    return [metric, {"name": "accuracy"}] if metric["name"] == "confusion-matrix" else [metric]


def _plain(metric: dict[str, Any]) -> dict[str, Any]:
    # Rounding is for counts, and refused of pixels.
    return {"name": metric["name"]}


# How gradients are accumulated does not go with every balancer: the random compositions walk it.
UPDATES: list[dict[str, Any]] = [
    {"clip": 0.5, "warm_up": 0.5},
    {"ema": 0.9},
    {"groups": [{"match": "encoder.*", "learning_rate": "x0.1"}, {"match": "*.bias", "frozen": True}]},
]
TRAINING = [*chosen(Training.model_json_schema()["properties"]), *UPDATES]


def recipes() -> list[dict[str, Any]]:
    """Return the recipes: one for each choice of a balancer or a sharing scheme, which carry all others."""
    dealer = Dealer()
    found = []
    for index, balancer in enumerate(sections("balancer")):
        # Features that all heads read are those of one view.
        found.append(dealer.recipe(index) | {"balancer": balancer, "views": "shared"})
    for index, sharing in enumerate(sections("sharing")):
        found.append(dealer.recipe(index) | {"sharing": sharing})
    return found


RECIPES = recipes()


SHARE = 7
"""One recipe in so many is walked by default, the others with the long tests.

It shares no divisor with the turns of data sets and tasks in `Dealer.tasks`: each is walked by default.
"""


def walked(index: int) -> Any:
    return pytest.param(index, marks=() if index % SHARE == 0 else pytest.mark.slow)


@pytest.mark.parametrize("index", [walked(index) for index in range(len(RECIPES))])
def test_every_choice_trains_and_exports(
    small_data: dict[str, dict[str, Any]], tmp_path: Path, index: int
) -> None:
    recipe = RECIPES[index]
    dataset = recipe["dataset"]["name"]
    tree = {**recipe, "dataset": {"name": dataset, **small_data[dataset]}}
    outcome = walk(tree, tmp_path / "walk")
    # A rounded file may lose more than is allowed: most of these models have learned nothing.
    gated = outcome.kind == "gated" and recipe["export"].get("precision") == "int8"
    assert outcome.kind == "works" or gated, f"{outcome.said}\nrecipe: {tree}"


def carried(part: Any) -> list[dict[str, Any]]:
    """Return every section inside a recipe that names a component."""
    if isinstance(part, list):
        return [found for item in part for found in carried(item)]
    if not isinstance(part, dict):
        return []
    inner = [found for item in part.values() for found in carried(item)]
    return [part, *inner] if "name" in part else inner


@pytest.mark.parametrize(
    "kind",
    [
        *("augmentation", "encoder", "head", "loss", "metric", "sharing", "balancer"),
        *("optimizer", "schedule", "exporter"),
    ],
)
def test_the_recipes_carry_every_choice(kind: str) -> None:
    present = carried(RECIPES)
    assert [section for section in sections(kind) if section not in present] == []


def test_every_kind_of_data_is_walked_by_default() -> None:
    chosen = RECIPES[::SHARE]
    assert {recipe["dataset"]["name"] for recipe in chosen} == {
        recipe["dataset"]["name"] for recipe in RECIPES
    }
    assert {tuple(recipe["tasks"]) for recipe in chosen} == {tuple(recipe["tasks"]) for recipe in RECIPES}


def test_the_recipes_carry_every_choice_of_training() -> None:
    sections_of_training = [recipe["train"] for recipe in RECIPES]
    assert all(any(choice.items() <= given.items() for given in sections_of_training) for choice in TRAINING)
