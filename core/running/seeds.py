"""Many seeds of one recipe: independent models trained in one process, with mean and spread per task.

On a CPU the seeds train side by side, each on one core: a small model keeps one core busy and gains little
from a second. They take turns there where layers or the balancer draw from torch's own generator, of which
there is one per process. On CUDA a block of steps of all seeds is one replay of one graph, with a branch for
each; they take turns where a step cannot be captured.
"""

from __future__ import annotations

import shutil
import statistics
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from ..base.errors import MtlError, UsageError
from ..base.files import refuse_link, write_json, writing_to
from ..base.progress import Progress
from ..data.samples import Splits
from ..folders.json_files import Seeds, read_form
from ..folders.run_folder import METRICS, RunFolder
from ..recipe.recipe import Recipe
from ..recipe.recipe_source import RecipeSource
from ..recipe.seed_list import SEEDS
from ..report import write_seeds_report
from ..training.together import Member, Together, ways_of
from ..training.trainer import Trainer
from ..training.trial import draws_from_torch
from .pipeline import Outcome, Pipeline, Started
from .recomposing import compose_again

Job = TypeVar("Job")


@dataclass(frozen=True)
class SeedsOutcome:
    """The finished runs by seed, and the content of the summary `metrics.json`."""

    path: Path
    runs: Mapping[int, Outcome | Path]
    metrics: Mapping[str, Any]


@dataclass
class SeedsPipeline:
    """Runs a recipe once per seed, each into an ordinary run folder `seed-N` of its own."""

    pipeline: Pipeline
    _stop: threading.Event = field(default_factory=threading.Event)
    _telling: threading.Lock = field(default_factory=threading.Lock)

    def run(
        self,
        recipe: Recipe,
        path: Path,
        seeds: Sequence[int],
        *,
        source: RecipeSource | None = None,
        force: bool = False,
        numbered: bool = False,
    ) -> SeedsOutcome:
        """Train all seeds and summarise them in a folder; `force` and `numbered` as in `RunFolder.create`."""
        warn = self.pipeline.progress.warning
        with RunFolder.create(path, warn, force=force, numbered=numbered) as folder:
            self.pipeline.progress.placed(folder.path)
            write_json(folder.path / SEEDS, {"seeds": list(seeds)})
            try:
                outcome = self._run(recipe, folder, seeds, source)
            except MtlError:
                if not any((folder.path / f"seed-{seed}").exists() for seed in seeds):
                    # Found wrong before anything was made: nothing is left behind, as with one seed.
                    folder.abandon()
                raise
            folder.complete()
        return outcome

    def resume(self, path: Path, read: Callable[[Path], Recipe]) -> SeedsOutcome:
        """Continue every seed that is not finished; `read` reads a recipe file."""
        with RunFolder(path).enter(self.pipeline.progress.warning) as folder:
            self.pipeline.progress.placed(path)
            seeds = seeds_of(path)
            known = [RunFolder(path / f"seed-{seed}") for seed in seeds]
            found = [run for run in known if run.checkpoints.exist]
            if not found:
                raise UsageError(
                    f"no seed of {path} finished an epoch",
                    hint="start again with mtl compose --seeds --force",
                )
            recipe = read(found[0].path / "recipe.yaml")
            # The others are trained with it too: those that have no checkpoint could not tell.
            compose_again(found[0], recipe, self.pipeline.registry, found[0].checkpoints.newest().state)
            outcome = self._run(recipe, folder, seeds, None)
            folder.complete()
        return outcome

    def _run(
        self, recipe: Recipe, whole: RunFolder, seeds: Sequence[int], source: RecipeSource | None
    ) -> SeedsOutcome:
        path = whole.path
        for seed in seeds:
            refuse_link(path / f"seed-{seed}")
        waiting = [seed for seed in seeds if not (path / f"seed-{seed}" / "report.html").is_file()]
        runs: dict[int, Outcome | Path] = {seed: path / f"seed-{seed}" for seed in seeds}
        if waiting:
            started = self._start(recipe, whole, waiting, source)
            self._train(started)
            self.pipeline.progress.stage(f"evaluate and export {len(waiting)} seeds")
            for seed, (pipeline, run) in started.items():
                runs[seed] = pipeline.finish(run)
        whole.check()
        metrics = _conclude(path, seeds)
        return SeedsOutcome(path, runs, metrics)

    def _start(
        self, recipe: Recipe, whole: RunFolder, seeds: Sequence[int], source: RecipeSource | None
    ) -> dict[int, tuple[Pipeline, Started]]:
        """Return every seed's run, ready to train; the data are common to all."""
        started: dict[int, tuple[Pipeline, Started]] = {}
        shared: Splits | None = None
        for seed in seeds:
            pipeline = replace(self.pipeline, progress=self._progress(seed, first=shared is None))
            folder = RunFolder(whole.path / f"seed-{seed}", whole.workplace)
            one = replace(recipe, seed=seed)
            if folder.checkpoints.exist:
                run = pipeline.restart(folder, one, shared)
                self.pipeline.progress.note(f"seed {seed} goes on {run.place}")
            else:
                prepared = pipeline.prepare(one, source, shared)
                with writing_to(folder.path):
                    if folder.path.exists():
                        shutil.rmtree(folder.path)
                    folder.path.mkdir()
                run = pipeline.begin(prepared, folder)
            shared = shared or run.splits
            started[seed] = (pipeline, run)
        first = started[seeds[0]][1]
        counts = {name: len(first.splits.named(name)) for name in ("train", "validation", "test")}
        device = f"{self.pipeline.device}, {len(seeds)} seeds"
        self.pipeline.progress.started(recipe.train.epochs, device, counts)
        for seed, (pipeline, _) in started.items():
            pipeline.progress = _Locked(self.pipeline.progress.of_seed(seed), self._telling, self._stop)
        return started

    def _progress(self, seed: int, first: bool) -> Progress:
        """The plan is told once: it is the same for all seeds."""
        return self.pipeline.progress if first else self.pipeline.progress.of_seed(seed)

    def _train(self, started: Mapping[int, tuple[Pipeline, Started]]) -> None:
        """Train every run; side by side where nothing is shared that they could disturb."""
        trainers = [run.trainer for _, run in started.values()]
        members = self.join(trainers)
        alone = not members and self.takes_turns(trainers)
        for trainer in trainers:
            trainer.on_step = self._on_step
            trainer.seeds_layers = alone
        jobs = list(started.values())
        if not members:
            self.each(jobs, lambda job: job[0].train(job[1]), alone=alone)
            return

        def train(place: int) -> None:
            pipeline, run = jobs[place]
            try:
                pipeline.train(run)
            finally:
                # Whatever ended it: the others must not wait for it.
                members[place].release()

        self.each(range(len(jobs)), train, at_once=len(jobs))

    def join(self, trainers: Sequence[Trainer]) -> list[Member]:
        """Let trainings take their blocks together where the device gains by it; empty: they do not."""
        if len(trainers) < 2 or not all(trainer.may_join for trainer in trainers):
            return []
        together = Together(ways_of(trainers[0].device), self.pipeline.progress.warning)
        return [trainer.join(together) for trainer in trainers]

    def takes_turns(self, trainers: Sequence[Trainer]) -> bool:
        """Return whether the seeds must train one after the other: they would disturb each other."""
        first = trainers[0]
        # There is one compiler per process too.
        if first.device.type != "cpu" or first.composition.recipe.train.compile:
            return True
        with first.composition.at_work("in a step of training that was tried"):
            return draws_from_torch(first.composition, first.splits.train, first.device)

    def each(
        self,
        jobs: Sequence[Job],
        work: Callable[[Job], object],
        *,
        alone: bool = False,
        at_once: int | None = None,
    ) -> None:
        """Do the work of every job: one after the other (`alone`), `at_once`, or as many as cores."""
        threads = torch.get_num_threads()
        at_once = at_once or min(threads, len(jobs))
        if alone or at_once == 1:
            for job in jobs:
                work(job)
            return
        workers = ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=(1,))
        try:
            waiting = [workers.submit(work, job) for job in jobs]
            for ended in wait(waiting, return_when=FIRST_EXCEPTION).done:
                ended.result()
        finally:
            # After an error or Ctrl-C the others end at their next step; their checkpoints stay.
            self._stop.set()
            workers.shutdown(wait=True, cancel_futures=True)
            self._stop.clear()
            torch.set_num_threads(threads)

    def _on_step(self, done: int, total: int) -> None:
        if self._stop.is_set():
            raise _Stopped


class _Stopped(Exception):  # noqa: N818 - no error: it only leaves the loop
    """Ends a seed's training because another one failed."""


@dataclass(frozen=True)
class _Locked(Progress):
    """Tells of one seed at a time."""

    progress: Progress
    lock: threading.Lock
    stop: threading.Event

    def epoch(self, epoch: int, row: Mapping[str, float], best: bool) -> None:
        with self.lock:
            self.progress.epoch(epoch, row, best)

    def warning(self, text: str) -> None:
        with self.lock:
            self.progress.warning(text)


def conclude(path: Path, seeds: Sequence[int]) -> SeedsOutcome:
    """Leave what finished runs of several seeds reach together beside them."""
    write_json(path / SEEDS, {"seeds": list(seeds)})
    return SeedsOutcome(path, {seed: path / f"seed-{seed}" for seed in seeds}, _conclude(path, seeds))


def _conclude(path: Path, seeds: Sequence[int]) -> dict[str, Any]:
    metrics = summary(_metrics_of(path, seeds))
    write_json(path / METRICS, metrics)
    write_seeds_report(path, metrics)
    return metrics


def seeds_of(path: Path) -> tuple[int, ...]:
    """Return the seeds of a folder with several runs; raise `UsageError` when it is none."""
    if not (path / SEEDS).is_file():
        raise UsageError(f"{path} does not hold the runs of several seeds", hint="leave --seed out")
    hint = "put back what it was, or train again: mtl compose --seeds --force"
    seeds: list[int] = read_form(Seeds, path / SEEDS, "a list of seeds", hint=hint)["seeds"]
    for folder in sorted(path.glob("seed-*")):
        seed = folder.name.removeprefix("seed-")
        if seed.isdecimal() and int(seed) not in seeds:
            raise UsageError(f"{path / SEEDS} does not name seed {seed}, and {folder} is there", hint=hint)
    return tuple(seeds)


def choose_seed(path: Path, wanted: str) -> Path:
    """Return the run folder of a seed: its number, or `best` by the validation score.

    Raises `UsageError` when there is no such seed.
    """
    seeds = seeds_of(path)
    if wanted == "best":
        if not (path / METRICS).is_file():
            raise UsageError(f"{path} is not finished, so no seed is the best", hint=f"mtl resume {path}")
        return path / f"seed-{summary(_metrics_of(path, seeds))['best']['seed']}"
    if wanted not in map(str, seeds):
        raise UsageError(
            f"no seed {wanted!r} in {path}", hint=f"best, or one of: {', '.join(map(str, seeds))}"
        )
    return path / f"seed-{wanted}"


def summary(metrics: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the summary of several runs' metrics: mean, sample standard deviation and values by seed.

    The best seed has the lowest validation score: the mean of the tasks' losses, each relative to the size of
    its mean over the seeds. A value that is not finite in some run makes mean and deviation null.
    `below_baseline` has the seeds with which a task does not beat its baseline.
    """
    found: dict[str, Any] = {"seeds": list(metrics)}
    first = next(iter(metrics.values()))
    for part in ("test", "validation", "baseline"):
        found[part] = {
            task: {
                name: _spread({seed: run[part][task].get(name) for seed, run in metrics.items()})
                for name in values
            }
            for task, values in first[part].items()
        }
    losses = {task: abs(values["loss"]["mean"] or 1.0) for task, values in found["validation"].items()}
    scores = {
        seed: statistics.fmean(run["validation"][task]["loss"] / mean for task, mean in losses.items())
        for seed, run in metrics.items()
    }
    found["best"] = {
        "seed": min(scores, key=lambda seed: scores[seed]),
        "validation_score": {str(seed): score for seed, score in scores.items()},
    }
    found["below_baseline"] = {
        task: seeds
        for task in first["test"]
        if (seeds := [seed for seed, run in metrics.items() if task in run.get("below_baseline", {})])
    }
    found["seconds"] = sum(run["training"]["seconds"] for run in metrics.values())
    return found


def _spread(values: Mapping[int, float | None]) -> dict[str, Any]:
    known = [value for value in values.values() if value is not None]
    complete = len(known) == len(values)
    return {
        "mean": statistics.fmean(known) if complete else None,
        "std": statistics.stdev(known) if complete and len(known) > 1 else None,
        "values": {str(seed): value for seed, value in values.items()},
    }


def _metrics_of(path: Path, seeds: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return what every seed's run measured; raise `UsageError` when one is damaged or of other tasks."""
    found = {seed: RunFolder(path / f"seed-{seed}").read_metrics() for seed in seeds}
    wanted = _names(found[seeds[0]])
    for seed, metrics in found.items():
        if _names(metrics) != wanted:
            raise UsageError(
                f"{path / f'seed-{seed}' / METRICS} has other tasks or metrics than seed {seeds[0]}",
                hint=f"mtl resume {path / f'seed-{seed}'} measures again",
            )
    return found


def _names(metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return sorted(
        (part, task, name)
        for part in ("test", "validation", "baseline")
        for task, values in metrics[part].items()
        for name in values
    )
