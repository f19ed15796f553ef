"""Trains one trial in its run folder and scores it on validation; the test split is not looked at."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..base.errors import UsageError
from ..base.files import write_json
from ..base.progress import Progress
from ..base.workplace import enter
from ..comparison.training import can_go_on, reason_of
from ..discovery.registry import Registry
from ..evaluation.evaluation import baseline
from ..folders.run_folder import RunFolder
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import RecipeSource
from ..running.pipeline import Pipeline, Row, Started
from .objectives import MEAN, Objective, Scores, cost_of
from .sampling import Rule, Stopping
from .space import Value

TRIAL = "trial.json"
"""In the run folder of a trial: its number, its values and what became of it."""


@dataclass(frozen=True)
class Job:
    """A trial to train, as plain values: its recipe, its folder, what it is scored by, when it is stopped."""

    number: int
    values: Mapping[str, Value]
    recipe: Mapping[str, Any]
    path: Path
    objectives: tuple[Objective, ...]
    rule: Rule | None


@dataclass(frozen=True)
class Ending:
    """How a trial ended: why it failed (None: it did not) and the status of that, or its scores."""

    reason: str | None = None
    status: int = 0
    pruned: bool = False
    scores: tuple[float, ...] = ()
    curve: tuple[tuple[int, float], ...] = ()
    epochs: int = 0
    chosen_epoch: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """The ending in a word."""
        return "failed" if self.reason is not None else "pruned" if self.pruned else "finished"


class _Told(Progress):
    """Remembers warnings, and nothing else of a run."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def attempt(job: Job, registry: Registry, device: torch.device) -> Ending:
    """Train a trial; what goes wrong in it is in its ending, and only an interruption is raised."""
    told, began = _Told(), time.perf_counter()
    try:
        recipe = read(RecipeSource(dict(job.recipe)), registry)
        ending = _trained(job, recipe, Pipeline(registry, device, told, publishes=False))
    except Exception as error:  # a plugin may fail in any way: it becomes a row that says so
        reason, status = reason_of(error)
        ending = Ending(reason, status)
    took = time.perf_counter() - began
    return Ending(**{**vars(ending), "seconds": took, "warnings": tuple(dict.fromkeys(told.warnings))})


def _trained(job: Job, recipe: Recipe, pipeline: Pipeline) -> Ending:
    folder = RunFolder(job.path)
    if can_go_on(folder, recipe, pipeline.registry):
        with folder.enter(pipeline.progress.warning):
            return _finished(job, pipeline, pipeline.restart(folder, recipe))
    if job.path.exists():
        with enter(job.path, pipeline.progress.warning) as workplace:
            workplace.abandon()
    started = pipeline.start(recipe, job.path, notes={TRIAL: told_of(job)})
    with started.folder:
        return _finished(job, pipeline, started)


def _finished(job: Job, pipeline: Pipeline, started: Started) -> Ending:
    """Train what is missing, epoch by epoch, unless it is stopped; return the scores."""
    composition, splits, first = started.composition, started.splits, job.objectives[0]
    needed = any(item.name == MEAN for item in job.objectives)
    constant = baseline(composition, splits.train, splits.validation, "validation")[0] if needed else {}
    stopping, curve, stopped = Stopping(job.rule), dict[int, float](), list[int]()

    def enough(row: Row) -> bool:
        epoch = int(row["epoch"])
        curve[epoch] = first.score(metrics_in(row), constant)
        # A trial that has had all its epochs is finished, however bad it is.
        if stopping.reached(epoch, curve[epoch]) and epoch < composition.recipe.train.epochs:
            stopped.append(epoch)
        return bool(stopped)

    if job.rule is None:
        pipeline.train(started)
    elif not any(enough(row) for row in started.history):
        pipeline.train(started, enough)
    pruned = bool(stopped)
    return _ended(job, pipeline, started, constant, tuple(curve.items()), pruned)


def _ended(
    job: Job,
    pipeline: Pipeline,
    started: Started,
    constant: Scores,
    curve: tuple[tuple[int, float], ...],
    pruned: bool,
) -> Ending:
    """Score a training at the epoch that is kept, or at its last one where it was stopped."""
    epoch = int(started.history[-1]["epoch"])
    chosen = epoch if pruned else started.folder.checkpoints.best()[0]
    row = next(row for row in started.history if row["epoch"] == chosen)
    scores = tuple(
        item.score(metrics_in(row), constant)
        if item.learned
        else cost_of(item.name, started.composition, pipeline.device)
        for item in job.objectives
    )
    wrong = [
        item.title for item, score in zip(job.objectives, scores, strict=True) if not math.isfinite(score)
    ]
    if wrong:
        raise UsageError(f"its {wrong[0]} is not finite", hint="choose another metric, or a smaller space")
    ending = Ending(None, 0, pruned, scores, curve, epoch, chosen)
    started.folder.check()
    write_json(started.folder.path / TRIAL, told_of(job, ending))
    started.tracking.end("finished")
    return ending


def metrics_in(row: Row) -> dict[str, dict[str, float]]:
    """Return the metrics of the validation split in a line of the history, by task and name.

    >>> metrics_in({"epoch": 1, "train/a/loss": 0.5, "validation/a/loss": 0.4})
    {'a': {'loss': 0.4}}
    """
    found: dict[str, dict[str, float]] = {}
    for key, value in row.items():
        split, _, rest = key.partition("/")
        if split == "validation":
            task, _, name = rest.partition("/")
            found.setdefault(task, {})[name] = value
    return found


def told_of(job: Job, ending: Ending | None = None) -> dict[str, Any]:
    """Return what `trial.json` says: which trial this run is, and how it ended, if it has."""
    known: dict[str, Any] = {"number": job.number, "values": dict(job.values), "state": "running"}
    if ending is None:
        return known
    names = [item.name for item in job.objectives]
    scores = dict(zip(names, ending.scores, strict=True))
    return known | {"state": ending.state, "epochs": ending.epochs, "validation": scores}
