"""The same job from Python: the names and options of the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .base.device import choose_device
from .base.places import refuse_unusable
from .base.progress import Progress
from .discovery.registry import Registry, installed
from .recipe.recipe import Recipe
from .recipe.recipe_reader import read
from .recipe.recipe_source import RecipeSource
from .recipe.recipe_values import usable_from
from .recipe.request import Request
from .recipe.seed_list import read_seeds
from .running.notebook_progress import usual_progress
from .running.pipeline import Outcome, Pipeline
from .running.run import Run, load_run
from .running.seeds import SeedsOutcome, SeedsPipeline

_LONGEST_NAME = 100
"""Characters of a folder's name that is made from names in a recipe."""


@dataclass(frozen=True)
class SeedRuns:
    """Runs that differ in nothing but the seed: by seed, and mean and spread in `metrics`."""

    path: Path
    runs: Mapping[int, Run]
    metrics: Mapping[str, Any]

    @property
    def best(self) -> Run:
        """The run with the best validation score."""
        return self.runs[self.metrics["best"]["seed"]]


def compose(
    tasks: Sequence[str] | Mapping[str, Any] | None = None,
    *,
    recipe: str | Path | Mapping[str, Any] | None = None,
    dataset: str | Mapping[str, Any] | None = None,
    data: str | Path | None = None,
    data_dir: str | Path | None = None,
    encoder: str | Mapping[str, Any] | None = None,
    sharing: str | Mapping[str, Any] | None = None,
    balancer: str | Mapping[str, Any] | None = None,
    balance_on: str | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    seeds: int | Sequence[int] | None = None,
    precision: str | None = None,
    init_from: str | Path | None = None,
    trackers: Sequence[str | Mapping[str, Any]] | None = None,
    set: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    force: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Run | SeedRuns:
    """Train, evaluate, export and verify a multitask model; return its run.

    `tasks` is a list of names or a mapping as in a recipe (`{"even": {"task": "...", ...}}`); None: those of
    `data`, your own table of pictures, or of the recipe. `dataset`, `encoder`, `sharing` and `balancer` are
    names or `{"name": ..., options}`; `set` assigns anything below the recipe's sections
    (`{"train.batch_size": 64}`). What is not given comes from `recipe`, else from the defaults. `init_from`
    is a run whose weights, of its best epoch so far, are taken by name. `trackers` are told of the run as it
    trains: names, or `{"name": ..., options}`. `out` is the run folder (None: a new one in `runs/`).
    `seeds` trains several models that differ in nothing but the seed, so many (from `seed` on) or these.

    Raises `RecipeError` with all mistakes at once, `VerificationError` when the export does not compute the
    same numbers, and the other errors of `mtl.errors`.
    """
    flags: dict[str, Any] = {"dataset": dataset, "data": data, "data_dir": data_dir, "encoder": encoder}
    flags |= {"sharing": sharing, "balancer": balancer, "balance_on": balance_on}
    flags |= {"epochs": epochs, "seed": seed, "precision": precision}
    flags |= {"init_from": init_from, "tracker": trackers}
    registry = registry or installed()
    source = _assigned(Request(recipe, tasks, flags).source(registry), set or {})
    resolved = read(source, registry)
    where = Path(out) if out is not None else Path("runs") / run_name(resolved.to_plain())
    refuse_unusable(where)
    how: dict[str, Any] = {"source": source, "force": force, "numbered": out is None}
    pipeline = Pipeline(registry, choose_device(device), progress or usual_progress())
    numbers = None if seeds is None else read_seeds(seeds, resolved.seed, asked=seed is not None)
    return _trained(pipeline, resolved, where, numbers, how)


def _trained(
    pipeline: Pipeline, recipe: Recipe, where: Path, seeds: Sequence[int] | None, how: Mapping[str, Any]
) -> Run | SeedRuns:
    registry, device = pipeline.registry, pipeline.device
    try:
        if seeds is None:
            return _run(pipeline.run(recipe, where, **how), registry, device)
        return _seed_runs(SeedsPipeline(pipeline).run(recipe, where, seeds, **how), registry, device)
    finally:
        pipeline.progress.stopped()


def _assigned(source: RecipeSource, values: Mapping[str, Any]) -> RecipeSource:
    for key, value in values.items():
        origin = f"set[{key!r}]"
        source.put(str(key).split("."), usable_from(origin, value), origin)
    return source


def _seed_runs(done: SeedsOutcome, registry: Registry, device: torch.device) -> SeedRuns:
    runs = {number: _run(one, registry, device) for number, one in done.runs.items()}
    return SeedRuns(done.path, runs, done.metrics)


def _run(found: Outcome | Path, registry: Registry, device: torch.device) -> Run:
    """Return a run that has just ended, or one that ended before, from its folder."""
    if isinstance(found, Outcome):
        return Run(found.folder, registry, device, found)
    return load_run(found, registry, device)


def load(path: str | Path, device: str = "cpu") -> Run:
    """Return a run from its folder, model and metrics included; raise `UsageError` when it is none.

    The model is refused, when it is asked for, where `recipe.yaml` is not what it was trained with.
    """
    return load_run(path, installed(), choose_device(device))


def run_name(recipe: Mapping[str, Any]) -> str:
    """Return a folder name for a resolved recipe: its tasks and its encoder."""
    tasks = list(recipe["tasks"])
    shown = "-".join(tasks[:3]) + (f"-and-{len(tasks) - 3}-more" if len(tasks) > 3 else "")
    encoder = recipe["encoder"]["name"].rpartition("/")[2]
    return f"{shown}-{encoder}"[:_LONGEST_NAME]
