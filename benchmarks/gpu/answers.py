"""How soon an answer is good: the recipes that are made for few seconds, on real data."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from mtl.core.base.errors import MissingRequirementError
from mtl.core.evaluation.evaluation import evaluate
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.recipe.shipped_recipes import recipe_text
from mtl.core.running.pipeline import Pipeline, Prepared

from ..jobs import registry
from .setting import Line, Setting


@dataclass(frozen=True)
class Aim:
    """A recipe, the least accuracy in % that tasks are to have on test images, and how many seeds tell."""

    recipe: str
    least: dict[str, float]
    seeds: int


AIMS = (
    Aim("mnist-digit-parity-fast", {"digit": 99.0, "even": 99.0}, 10),
    Aim("cifar10-class-animal-fast", {"class": 93.0}, 3),
)


def answers(setting: Setting) -> Iterator[Line]:
    """Train each recipe whose data lie in the folder, seed after seed, and judge it on test images."""
    assert setting.data_dir is not None  # it is not offered without
    for aim in AIMS:
        try:
            yield _reached(setting, aim, setting.data_dir)
        except MissingRequirementError as error:
            yield {"what": f"skipped: {aim.recipe}: {error.message}"}


def _reached(setting: Setting, aim: Aim, folder: Path) -> Line:
    pipeline = Pipeline(registry(), setting.device, publishes=False)
    shared: Prepared | None = None
    found: dict[str, list[float]] = {}
    seconds = []
    for seed in range(setting.few(aim.seeds)):
        recipe = read(RecipeSource(_tree(aim.recipe, folder, seed)), registry())
        shared = pipeline.prepare(recipe, shared=None if shared is None else shared.splits)
        taken, accuracies = _trained(setting, pipeline, shared)
        seconds.append(taken)
        for name, accuracy in accuracies.items():
            found.setdefault(name, []).append(100 * accuracy)
    means = {name: round(statistics.mean(values), 3) for name, values in found.items()}
    reached = all(means[name] >= least for name, least in aim.least.items())
    return {
        "what": aim.recipe,
        **({} if setting.tiny else {"ok": reached}),
        "accuracy": means,
        "wanted": aim.least,
        "accuracies": {name: [round(value, 2) for value in values] for name, values in found.items()},
        "training_seconds": round(statistics.median(seconds), 3),
        "first_training_seconds": round(seconds[0], 3),
        "seeds": len(seconds),
    }


def _tree(name: str, folder: Path, seed: int) -> dict[str, Any]:
    tree: dict[str, Any] = YAML(typ="safe", pure=True).load(recipe_text(registry(), name))
    return tree | {
        "seed": seed,
        "dataset": {"name": tree["dataset"], "data_dir": str(folder), "download": False},
    }


def _trained(setting: Setting, pipeline: Pipeline, prepared: Prepared) -> tuple[float, dict[str, float]]:
    """Return the seconds of a training, captures and validation included, and accuracies on test images."""
    composition, splits = prepared.composition, prepared.splits
    setting.wait()
    started = time.perf_counter()
    trainer = pipeline.trainer(composition, splits)
    weights = {}
    for result in trainer.epochs():
        if result.best:
            weights = {name: value.clone() for name, value in composition.model.state_dict().items()}
    setting.wait()
    seconds = time.perf_counter() - started
    composition.model.load_state_dict(weights)
    judged = evaluate(composition, splits.test, "test").metrics
    return seconds, {name: metrics["accuracy"] for name, metrics in judged.items()}
