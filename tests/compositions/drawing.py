"""Draws recipes at random from everything that is installed: any component, any option, any combination.

Tasks, losses and metrics mostly suit what they are drawn for; whether the parts fit together is not looked
at: that is what mtl has to say, before it trains.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtl.core.base.errors import Incompatible
from mtl.core.discovery.options import options_model
from mtl.core.discovery.plugin_loading import HOME
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe import Training

from .small_data import groups_of

SMALL: dict[str, list[Any]] = {
    "hidden": [[8], [8, 6], [5, 4, 3]],
    "widths": [[4, 8], [16, 32], [5, 7, 9]],
    "channels": [[4], [4, 6], [8, 16, 4, 4]],
    "features": [8, 16],
    "latent": [None, 1, 6],
    "width": [None, 1, 4, 16],
    "depth": [1, 2],
    "stem_depth": [0, 1],
    "embedding": [1, 4],
    "size": [16, 20, [12, 16]],
    "calibration": [1, 8],
    "opset": [None, 18, 19, 20, 21],
    "opens_in": [None, "onnxruntime==1.16", "onnxruntime==1.22"],
    "max_size": [0.0, 0.5, 1.0],
    "fine_tune": [0, 1],
    "samples": [1, 4],
    "batch": [1, 4],
    "delay": [0, 500],
    "padding": [1, 4],
    "after": [None],
    "rounds": [2, 20],
    "reduction": [1, 4],
    "experts": [2, 4],
}
"""Values for options that decide how large a model or file is; what a component refuses, it refuses."""

ALWAYS_SMALL = ("hidden", "widths", "channels", "features", "calibration")

SIZES = {"train_size", "test_size", "test_fraction"}
OF_A_FILE = {"file", "root", "ending", "encoding", "decimal", "columns", "absent", "test", "split_seed"}
LEFT_ALONE = (
    SIZES
    | OF_A_FILE
    | {"data_dir", "download", "runtime", "groups", "label", "model", "weights", "arguments"}
)
"""Options whose values are not to be guessed: files, sizes of data, names of labels and of networks."""

HEAVY = ("alexnet", "resnet18", "timm", "torchvision")
HEAVILY = 0.005
"""Encoders of millions of parameters, and the share of recipes that have one."""

INPUTS, FUSING = ("random-sum",), ("two-input-cnn",)
"""Tasks with an extra input, and encoders that need one."""

MIXING, OF_COLOURS = ("mixup", "cutmix"), ("colour-jitter",)
"""Augmentations that make one image of two, and those of images in colour."""

OF_VECTORS = ("late-fusion",)
"""Encoders that need vectors beside images."""

PATTERNS = ("encoder.*", "encoder.stages.*", "heads.*", "*.bias", "*.weight")
GROUPS: tuple[dict[str, Any], ...] = (
    {"frozen": True},
    {"learning_rate": "x0.1"},
    {"learning_rate": 1e-4, "weight_decay": 0.1},
    {"weight_decay": 0},
    {},
)
"""Patterns of parameters, and how those that match may be trained."""

FITTING = 0.95
"""Share of the choices that are made among what fits the task or the data set: most draws are to train."""


ELSEWHERE = ("coreml", "executorch", "litert", "ncnn", "openvino")
"""Exporters for runtimes that lack operators, or packages: drawn only where one is asked for."""

OF_AN_ENVIRONMENT = ("isolated", "python")
"""Their options that make or name another environment."""


class Draw:
    """Recipes drawn from a registry by one seed; `datasets` are sections of data sets that can be read."""

    def __init__(self, registry: Registry, datasets: Mapping[str, Mapping[str, Any]], seed: int) -> None:
        self._registry = registry
        self._datasets = datasets
        self._seed = seed
        self._random = random.Random(seed)

    def recipe_for(self, exporter: str) -> dict[str, Any]:
        """Return a recipe as plain values whose export is for another runtime, in this environment."""
        options = self._component("exporter", exporter)
        kept = {name: value for name, value in options.items() if name not in OF_AN_ENVIRONMENT}
        return {**self.recipe(), "export": kept}

    def recipe(self) -> dict[str, Any]:
        """Return a recipe as plain values."""
        some = self._random
        dataset = some.choice(list(self._datasets))
        tree: dict[str, Any] = {
            "seed": self._seed,
            "dataset": {**self._component("dataset", dataset), **self._datasets[dataset]},
            "tasks": self._tasks(dataset),
            "train": self.training(),
        }
        tree["encoder"] = self._component("encoder", self._encoder(tree["tasks"]))
        if self._chance(0.1):
            tree["train"]["sampling"] = self._sampling(list(tree["tasks"]))
        if self._chance(0.6):
            tree["sharing"] = self._any("sharing")
        if self._chance(0.7):
            tree["balancer"] = self._balancer(list(tree["tasks"]))
        if self._chance(0.4):
            tree["augmentations"] = self._augmentations(dataset)
        if self._chance(0.3):
            tree["views"] = "per-task"
        if self._chance(0.25):
            ways = ["none", "mirror", "mirror-shifts", "quarter-turns", "square"]
            tree["test_time_augmentation"] = some.choice(ways)
        if self._chance(0.3):
            tree["normalization"] = some.choice(["none", "train", self._statistics(dataset)])
        if self._chance(0.5):
            tree["export"] = self._any(
                "exporter", {"web": 0.2, "bundle": 0.5} | dict.fromkeys(ELSEWHERE, 0.0)
            )
            if tree["export"].get("precision") != "int8" and self._chance(FITTING):
                tree["export"].pop("fine_tune", None)
        if self._chance(0.1):  # the one that needs no package of its own
            tree["trackers"] = [self._component("tracker", "jsonl")]
        return tree

    def training(self) -> dict[str, Any]:
        """Return a `train` section of one or two epochs."""
        some = self._random
        section = {
            "epochs": some.choice([1, 1, 2]),
            "batch_size": some.choice([1, 7, 7, 16, 16, 1000]),
            "learning_rate": some.choice([1e-4, 1e-3, 1e-2]),
            "validation": some.choice([0.1, 0.3]),
        }
        drawn = {name: self._value(name, field) for name, field in self._schema(Training).items()}
        drawn |= self.updates(section["epochs"])
        # Compiling takes a minute.
        keep = [name for name in drawn if name not in section and name != "compile"]
        found = section | {name: drawn[name] for name in some.sample(keep, some.randint(0, len(keep)))}
        if self._chance(FITTING):
            if not found.get("freeze") or section["epochs"] == 1:
                found.pop("unfreeze_after", None)
            if "schedule" in found:  # it has milestones and decay of its own
                found.pop("milestones", None), found.pop("decay", None)
        return found

    def updates(self, epochs: int) -> dict[str, Any]:
        """Return how parameters are updated, each key as good as any other."""
        some = self._random
        groups = [
            {"match": pattern, **some.choice(GROUPS)}
            for pattern in some.sample(PATTERNS, some.choice([1, 1, 2]))
        ]
        drawn = {
            "optimizer": self._any("optimizer"),
            "schedule": self._any("schedule"),
            "milestones": some.choice([[], [1], [epochs]]),
            "warm_up": some.choice([0, 0.3, epochs]),
            "clip": some.choice([None, 0.1, 10.0]),
            "ema": some.choice([None, 0.5, 0.99]),
            "accumulate": some.choice([1, 1, 2, 3, 40]),
            "groups": groups if self._chance(0.7) else [],
            "freeze": some.choice([[], [], ["encoder.*"], ["encoder.stages.*"], ["heads.*"], ["*.bias"]]),
            "layer_decay": some.choice([None, None, 0.5]),
            "watch": None,
            "checkpoint_every": some.choice([None, None, 1, 3]),
            "lookahead": some.choice([0, 0, 0, 2]),
        }
        return {**drawn, "unfreeze_after": 1 if drawn["freeze"] and epochs > 1 else None}

    def _augmentations(self, dataset: str) -> list[dict[str, Any]]:
        """Return one to three augmentations: what mixes two images comes last, and colours are of colours."""
        names = self._random.sample(self._names("augmentation"), self._random.randint(1, 3))
        if self._chance(FITTING):
            names = [name for name in names if name not in MIXING] + [
                name for name in names if name in MIXING
            ][:1]
            if self._spec(dataset).image.channels != 3:
                names = [name for name in names if name not in OF_COLOURS]
        return [self._component("augmentation", name) for name in names]

    def _sampling(self, tasks: list[str]) -> dict[str, Any]:
        """Return how the training samples are drawn; not every task has classes."""
        shares = self._random.choice(["equal", "square-root", "proportional"])
        return {"by": self._random.choice(tasks), "shares": shares}

    def _tasks(self, dataset: str) -> dict[str, Any]:
        some = self._random
        names = self._names("task")
        if self._chance(FITTING):
            names = [name for name in names if self._target(name, dataset) is not None]
        count = min(len(names), some.choice([1, 2, 2, 3, 3, 4]))
        tasks = {}
        for number, name in enumerate(some.sample(names, count)):
            given = self._component("task", name)
            section: dict[str, Any] = {"task": given.pop("name"), **given, **needed(name, dataset)}
            if self._chance(0.3):
                section["weight"] = some.choice([0.0, 0.1, 3.0, 3.0])
            target = self._target(name, dataset)
            if self._chance(0.1):
                section["head"] = self._any("head")
            if self._chance(0.2):
                section["loss"] = self._component("loss", some.choice(self._suiting("loss", target)))
            if self._chance(0.2):
                suiting = self._suiting("metric", target)
                chosen = some.sample(suiting, min(len(suiting), some.randint(1, 2)))
                section["metrics"] = [self._component("metric", metric) for metric in chosen]
            tasks[name if self._chance(0.8) else f"task_{number}-x"] = section
        return tasks

    def _target(self, task: str, dataset: str) -> Any:
        return target_of(self._registry, task, dataset, self._spec(dataset))

    def _spec(self, dataset: str) -> Any:
        return spec_of(self._registry, dataset, self._datasets[dataset])

    def _suiting(self, kind: str, target: Any) -> list[str]:
        names = self._names(kind)
        suiting = [n for n in names if target and self._registry.find(kind, n).load().accepts(target) is None]
        return suiting if suiting and self._chance(FITTING) else names

    def _statistics(self, dataset: str) -> dict[str, list[float]]:
        channels = self._spec(dataset).image.channels
        return {"mean": [0.4] * channels, "std": [0.3] * channels}

    def _encoder(self, tasks: Mapping[str, Any]) -> str:
        names = self._names("encoder")
        if self._chance(HEAVILY):
            return self._random.choice(HEAVY)
        if not self._chance(FITTING):
            return self._random.choice([name for name in names if name not in HEAVY])
        extra = any(section["task"] in INPUTS for section in tasks.values())
        left_out = (*HEAVY, *OF_VECTORS, *(() if extra else FUSING))
        light = [name for name in names if name not in left_out]
        return self._random.choice(light)

    def _balancer(self, tasks: list[str]) -> dict[str, Any]:
        found = self._any("balancer")
        if found["name"] == "weighted":
            found["weights"] = {task: self._random.choice([0.0, 0.5, 2.0]) for task in tasks}
        return found

    def _any(self, kind: str, weights: Mapping[str, float] | None = None) -> dict[str, Any]:
        names = self._names(kind)
        chances = [(weights or {}).get(name, 1.0) for name in names]
        return self._component(kind, self._random.choices(names, chances)[0])

    def _component(self, kind: str, name: str) -> dict[str, Any]:
        schema = self._schema(options_model(self._registry.find(kind, name).load()))
        free = [option for option in schema if option not in LEFT_ALONE]
        chosen = self._random.sample(free, self._random.randint(0, len(free)))
        # Never the usual size: that is walked in tests/test_matrix.py, and costs seconds here.
        sized = [option for option in schema if option in ALWAYS_SMALL and option not in chosen]
        found = {option: self._value(option, schema[option]) for option in (*chosen, *sized)}
        if kind == "dataset" and "channels" in found:
            found["channels"] = self._random.choice([1, 3])  # of a picture, not of layers
        return {"name": name} | found

    def _names(self, kind: str) -> list[str]:
        entries = self._registry.entries(kind)
        return [entry.component.name for entry in entries if entry.provider.distribution == HOME]

    def _schema(self, model: Any) -> dict[str, Any]:
        return dict(model.model_json_schema().get("properties", {}))

    def _value(self, name: str, field: Mapping[str, Any]) -> Any:
        """Return a value that an option's schema allows: any choice, the default, or an end of its range."""
        if name in SMALL and "enum" not in field:
            return self._random.choice(SMALL[name])
        return draw_value(field, self._random)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share


def spec_of(registry: Registry, dataset: str, section: Mapping[str, Any]) -> Any:
    """Return what a data set offers, from what a recipe says of it."""
    options = {
        name: Path(value) if name in ("data_dir", "file") else value for name, value in section.items()
    }
    return registry.find("dataset", dataset).load()(**options).spec()


def target_of(registry: Registry, task: str, dataset: str, spec: Any) -> Any:
    """Return the form of a task's answer on a data set; None where the task does not serve it."""
    try:
        built = registry.find("task", task).load()(spec, **needed(task, dataset))
    except Incompatible:
        return None
    return built.target_spec if set(built.needs) <= set(spec.labels) else None


def needed(task: str, dataset: str) -> dict[str, Any]:
    """Return the options without which a task does not work on a data set."""
    if task == "classify" and dataset == "table":
        return {"label": "kind"}
    if task == "segment" and dataset == "scenes":
        return {"label": "segmentation"}
    return {"groups": dict(groups_of(dataset))} if task == "label-group" else {}


def draw_value(field: Mapping[str, Any], some: random.Random) -> Any:
    """Return one of the values that a JSON Schema allows."""
    if "anyOf" in field:
        return draw_value({"default": field.get("default"), **some.choice(field["anyOf"])}, some)
    if "const" in field:
        return field["const"]
    if "enum" in field:
        return some.choice(field["enum"])
    kind = field.get("type")
    if kind == "boolean":
        return some.random() < 0.5
    if kind == "null":
        return None
    if kind in ("integer", "number"):
        return some.choice(numbers(field))
    if kind == "array" and not field.get("default") and "enum" in field.get("items", {}):
        return [draw_value(field["items"], some)]
    return field.get("default")


def numbers(field: Mapping[str, Any]) -> list[Any]:
    """Return numbers worth trying: the default, twice of it, and the ends of the range that are allowed."""
    whole = field["type"] == "integer"
    low = field.get("minimum", field.get("exclusiveMinimum", 0) + (1 if whole else 1e-3))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    default = field.get("default")
    found = [low] if default is None else [default, default, low]
    if high is not None:
        found.append(high if "maximum" in field else (high - 1 if whole else high * 0.9))
    return found
