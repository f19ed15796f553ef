"""Trains one trial in its run folder and scores it on validation; the test split is not looked at."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..base.device import choose_device
from ..base.errors import UsageError
from ..base.files import write_json
from ..base.leases import BEAT, Lease
from ..base.workplace import enter
from ..contracts import Job, JobEnding, Seat
from ..discovery.registry import Registry
from ..evaluation.evaluation import baseline
from ..execution.address import recipe_key
from ..execution.cells import discovered, refuse_other_code, stand_in
from ..execution.claiming import attempted
from ..execution.origin import origin
from ..execution.records import CellLog, TakenOver
from ..execution.training import can_go_on, reason_of
from ..folders.kept_runs import TRIAL
from ..folders.run_folder import RunFolder
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import RecipeSource
from ..running.pipeline import Pipeline, Row, Started
from .objectives import MEAN, Objective, Scores, cost_of
from .records import end, failed, has_ended
from .sampling import Rule, Stopping
from .trials import State, Trial


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
        "abandoned": -1,
    }
    return Job(f"{recipe_key(recipe)}-{trial.number}", f"trial {trial.number}", content)


@dataclass(frozen=True)
class TrainsTrials:
    """Trains one trial, leaves in its folder what became of it, and keeps beside it how it ended.

    Whoever does that has claimed the trial; where somebody else has, or it has ended, nothing is done. A
    `registry` stays in this process: others find their plugins, and those in `plugin_files`. `beat` is that
    of the claim, in seconds.
    """

    plugin_files: tuple[Path, ...] = ()
    beat: float = BEAT
    registry: Registry | None = field(default=None, compare=False)

    def __reduce__(self) -> tuple[type[TrainsTrials], tuple[Any, ...]]:
        return TrainsTrials, (self.plugin_files, self.beat)

    def __call__(self, job: Job, seat: Seat) -> JobEnding:
        """Train a trial; what goes wrong in it is in the ending, and only an interruption is raised."""
        return attempted(job, seat, partial(self._attempt, seat=seat), self.beat)

    def _attempt(self, job: Job, lease: Lease, where: str, seat: Seat) -> JobEnding:
        began, asked = time.perf_counter(), _Asked.of(job)
        log = CellLog(asked.path, where, lambda: not lease.lost)
        if has_ended(asked.path):
            return JobEnding(job.key, elsewhere=True)
        try:
            log.line(f"claimed, {job.title}, {job.key}")
            trial = self._trained(asked, job, seat, log)
            log.line(trial.state)
        except Exception as error:  # a plugin may fail in any way: it becomes a row that says so
            if isinstance(error, TakenOver) or lease.lost:
                log.line("taken over by somebody else: stopped")
                return JobEnding(job.key, elsewhere=True)
            reason, status = reason_of(error)
            log.failed(error, reason)
            trial = failed(asked.trial, reason, status)
        took = time.perf_counter() - began
        if lease.lost or not end(asked.path, replace(trial, seconds=took)):
            return JobEnding(job.key, elsewhere=True)
        # That it failed is kept: what the claim was for is done.
        return JobEnding(job.key, warnings=tuple(dict.fromkeys(log.texts)))

    def _trained(self, asked: _Asked, job: Job, seat: Seat, log: CellLog) -> Trial:
        stand_in(Path(job.content["cwd"]))
        registry = self.registry or discovered(self.plugin_files)
        device = choose_device(seat.device)
        refuse_other_code(job.content["code"], origin(registry, device.type)["code"])
        pipeline = Pipeline(registry, device, log, publishes=False)
        return _train(asked, read(RecipeSource(job.content["recipe"]), registry), pipeline)


@dataclass(frozen=True)
class _Asked:
    """What a job asks, beside its recipe."""

    trial: Trial
    path: Path
    objectives: tuple[Objective, ...]
    rule: Rule | None

    @classmethod
    def of(cls, job: Job) -> _Asked:
        content, rule = job.content, job.content["rule"]
        return cls(
            Trial(content["number"], content["values"]),
            Path(content["path"]),
            tuple(Objective.from_plain(item) for item in content["objectives"]),
            None if rule is None else Rule(**rule),
        )


def _train(asked: _Asked, recipe: Recipe, pipeline: Pipeline) -> Trial:
    folder = RunFolder(asked.path)
    if can_go_on(folder, recipe, pipeline.registry):
        with folder.enter(pipeline.progress.warning):
            return _finish(asked, pipeline, pipeline.restart(folder, recipe))
    if asked.path.exists():
        with enter(asked.path, pipeline.progress.warning) as workplace:
            workplace.abandon()
    notes = {TRIAL: {**_known(asked), "state": "running"}}
    started = pipeline.start(recipe, asked.path, notes=notes)
    with started.folder:
        return _finish(asked, pipeline, started)


def _known(asked: _Asked) -> dict[str, Any]:
    return {"number": asked.trial.number, "values": dict(asked.trial.values)}


def _finish(asked: _Asked, pipeline: Pipeline, started: Started) -> Trial:
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
    return _told(asked, pipeline, started, constant, curve, pruned=bool(stopped))


def _told(
    asked: _Asked,
    pipeline: Pipeline,
    started: Started,
    constant: Scores,
    curve: Mapping[int, float],
    *,
    pruned: bool,
) -> Trial:
    """Write what became of a trial, and return it: its scores at the kept epoch, or where it was stopped."""
    epoch = int(started.history[-1]["epoch"])
    chosen = epoch if pruned else started.folder.checkpoints.best()[0]
    metrics = metrics_in(next(row for row in started.history if row["epoch"] == chosen))
    scores = tuple(
        _finite(item, item.score(metrics, constant))
        if item.learned
        else cost_of(item.name, started.composition, pipeline.device)
        for item in asked.objectives
    )
    state: State = "pruned" if pruned else "finished"
    found: dict[str, Any] = {
        "state": state,
        "scores": list(scores),
        "curve": [list(point) for point in curve.items()],
    }
    found |= {"objectives": [item.name for item in asked.objectives], "epochs": epoch, "chosen_epoch": chosen}
    started.folder.check()
    write_json(started.folder.path / TRIAL, {**_known(asked), **found})
    started.tracking.end("finished")
    return replace(
        asked.trial,
        state=state,
        scores=scores,
        curve=tuple(curve.items()),
        epochs=epoch,
        chosen_epoch=chosen,
    )


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
