"""Trains one trial in its run folder and scores it on validation; the test split is not looked at."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from pydantic import FiniteFloat

from ..base.device import choose_device
from ..base.errors import UsageError
from ..base.files import write_json
from ..base.workplace import enter
from ..contracts import Job, JobEnding, Seat
from ..discovery.registry import Registry
from ..evaluation.evaluation import baseline
from ..execution.address import recipe_key
from ..execution.cells import discovered, refuse_other_code, stand_in
from ..execution.origin import origin
from ..execution.records import CellLog, where_on
from ..execution.training import can_go_on, reason_of
from ..folders.json_files import Form, read_form
from ..folders.kept_runs import TRIAL
from ..folders.run_folder import RunFolder
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import RecipeSource
from ..running.pipeline import Pipeline, Row, Started
from .objectives import MEAN, Objective, Scores, cost_of
from .sampling import Rule, Stopping
from .trials import State, Trial


class _Told(Form):
    """`trial.json` of a trial that has ended."""

    state: State
    scores: list[FiniteFloat]
    curve: list[list[int | FiniteFloat]]
    epochs: int
    chosen_epoch: int


def trial_job(
    trial: Trial,
    recipe: Recipe,
    path: Path,
    objectives: Sequence[Objective],
    rule: Rule | None,
    code: str = "",
) -> Job:
    """Return the job of training a trial into the run folder at `path`, and of scoring it.

    It is done by this very `code`, if that is given.
    """
    content = {
        "number": trial.number,
        "values": dict(trial.values),
        "recipe": recipe.to_plain(),
        "path": str(path.absolute()),
        "objectives": [item.to_plain() for item in objectives],
        "rule": None if rule is None else asdict(rule),
        "cwd": str(Path.cwd()),
        "code": code,
    }
    return Job(f"{recipe_key(recipe)}-{trial.number}", f"trial {trial.number}", content)


def ended(trial: Trial, path: Path, ending: JobEnding) -> Trial:
    """Return a trial as it ended; `path` is its run folder."""
    if ending.reason is not None:
        return replace(
            trial, state="failed", reason=ending.reason, status=ending.status, seconds=ending.seconds
        )
    told = read_form(_Told, path / TRIAL, "what became of a trial", hint="repeat the command with --force")
    return replace(
        trial,
        state=told["state"],
        scores=tuple(told["scores"]),
        curve=tuple((int(epoch), float(score)) for epoch, score in told["curve"]),
        epochs=told["epochs"],
        chosen_epoch=told["chosen_epoch"],
        seconds=ending.seconds,
    )


@dataclass(frozen=True)
class TrainsTrials:
    """Trains one trial and leaves in its folder what became of it.

    A `registry` stays in this process: others find their plugins, and those in `plugin_files`.
    """

    plugin_files: tuple[Path, ...] = ()
    registry: Registry | None = field(default=None, compare=False)

    def __reduce__(self) -> tuple[type[TrainsTrials], tuple[Any, ...]]:
        return TrainsTrials, (self.plugin_files,)

    def __call__(self, job: Job, seat: Seat) -> JobEnding:
        """Train a trial; what goes wrong in it is in the ending, and only an interruption is raised."""
        if seat.threads is not None:
            torch.set_num_threads(seat.threads)
        where, began = where_on(seat.device), time.perf_counter()
        log = CellLog(Path(job.content["path"]), where, lambda: True)
        reason, status = None, 0
        try:
            stand_in(Path(job.content["cwd"]))
            registry = self.registry or discovered(self.plugin_files)
            device = choose_device(seat.device)
            refuse_other_code(job.content["code"], origin(registry, device.type)["code"])
            pipeline = Pipeline(registry, device, log, publishes=False)
            recipe = read(RecipeSource(job.content["recipe"]), registry)
            _train(_Asked.of(job), recipe, pipeline)
        except Exception as error:  # a plugin may fail in any way: it becomes a row that says so
            reason, status = reason_of(error)
            log.failed(error, reason)
        took = time.perf_counter() - began
        return JobEnding(job.key, reason, status, tuple(dict.fromkeys(log.texts)), took, where)


@dataclass(frozen=True)
class _Asked:
    """What a job asks, beside its recipe."""

    number: int
    values: Mapping[str, Any]
    path: Path
    objectives: tuple[Objective, ...]
    rule: Rule | None

    @classmethod
    def of(cls, job: Job) -> _Asked:
        content, rule = job.content, job.content["rule"]
        return cls(
            content["number"],
            content["values"],
            Path(content["path"]),
            tuple(Objective.from_plain(item) for item in content["objectives"]),
            None if rule is None else Rule(**rule),
        )


def _train(asked: _Asked, recipe: Recipe, pipeline: Pipeline) -> None:
    folder = RunFolder(asked.path)
    if can_go_on(folder, recipe, pipeline.registry):
        with folder.enter(pipeline.progress.warning):
            _finish(asked, pipeline, pipeline.restart(folder, recipe))
        return
    if asked.path.exists():
        with enter(asked.path, pipeline.progress.warning) as workplace:
            workplace.abandon()
    notes = {TRIAL: {"number": asked.number, "values": dict(asked.values), "state": "running"}}
    started = pipeline.start(recipe, asked.path, notes=notes)
    with started.folder:
        _finish(asked, pipeline, started)


def _finish(asked: _Asked, pipeline: Pipeline, started: Started) -> None:
    """Train what is missing, epoch by epoch, unless it is stopped; leave the scores in the folder."""
    composition, splits, first = started.composition, started.splits, asked.objectives[0]
    needed = any(item.name == MEAN for item in asked.objectives)
    constant = baseline(composition, splits.train, splits.validation, "validation")[0] if needed else {}
    stopping, curve, stopped = Stopping(asked.rule), dict[int, float](), list[int]()

    def enough(row: Row) -> bool:
        epoch = int(row["epoch"])
        curve[epoch] = _finite(first, first.score(metrics_in(row), constant))
        # A trial that has had all its epochs is finished, however bad it is.
        if stopping.reached(epoch, curve[epoch]) and epoch < composition.recipe.train.epochs:
            stopped.append(epoch)
        return bool(stopped)

    if asked.rule is None:
        pipeline.train(started)
    elif not any(enough(row) for row in started.history):
        pipeline.train(started, enough)
    _tell(asked, pipeline, started, constant, curve, pruned=bool(stopped))


def _tell(
    asked: _Asked,
    pipeline: Pipeline,
    started: Started,
    constant: Scores,
    curve: Mapping[int, float],
    *,
    pruned: bool,
) -> None:
    """Write what became of a trial: its scores at the epoch that is kept, or where it was stopped."""
    epoch = int(started.history[-1]["epoch"])
    chosen = epoch if pruned else started.folder.checkpoints.best()[0]
    metrics = metrics_in(next(row for row in started.history if row["epoch"] == chosen))
    scores = [
        _finite(item, item.score(metrics, constant))
        if item.learned
        else cost_of(item.name, started.composition, pipeline.device)
        for item in asked.objectives
    ]
    started.folder.check()
    write_json(
        started.folder.path / TRIAL,
        {
            "number": asked.number,
            "values": dict(asked.values),
            "state": "pruned" if pruned else "finished",
            "objectives": [item.name for item in asked.objectives],
            "scores": scores,
            "curve": [list(point) for point in curve.items()],
            "epochs": epoch,
            "chosen_epoch": chosen,
        },
    )
    started.tracking.end("finished")


def _finite(objective: Objective, score: float) -> float:
    if not math.isfinite(score):
        hint = "choose another metric, or a smaller space"
        raise UsageError(f"its {objective.title} on validation is not finite", hint=hint)
    return score


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
