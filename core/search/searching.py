"""A search from its first trial to the best recipe: ask, train, tell, until the budget is spent."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch

from ..base.errors import MtlError
from ..base.files import read_bytes, reading, write_bytes, write_json, write_text
from ..base.progress import Progress
from ..comparison.training import reason_of, train
from ..discovery.registry import Registry
from ..folders.run_folder import RunFolder
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..running.pipeline import Pipeline
from .folder import SEARCH, SearchFolder
from .layout import Layout
from .page import page
from .progress import SearchProgress
from .training import TRIAL, Ending, Job, attempt, told_of
from .trials import Trial, best_of

BEST = "best.yaml"
MOST = 20
"""Trials where neither a number nor a time was given."""
IN_VAIN = 10
"""Trials from the first one on that may fail before a search is given up."""
_LARGEST = 2**20


@dataclass(frozen=True)
class Limits:
    """How long is searched: so many trials, so many seconds of them, or both; whatever comes first."""

    trials: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Search:
    """A search as far as it went: its folder, the content of its `search.json`, the best trials first."""

    path: Path
    results: Mapping[str, Any] = field(repr=False)
    best: tuple[Trial, ...] = ()
    trials: tuple[Trial, ...] = field(default=(), repr=False)

    def raise_if_in_vain(self) -> None:
        """Raise `VainError`, with the reasons, when no trial was finished."""
        if self.best:
            return
        reasons: dict[str, list[int]] = {}
        for trial in self.trials:
            if trial.reason is not None:
                reasons.setdefault(trial.reason, []).append(trial.number)
        lines = [f"{_counted(numbers)}: {reason}" for reason, numbers in list(reasons.items())[:5]]
        more = len(reasons) - len(lines)
        said = "".join(
            f"\n  {line}" for line in [*lines, *([f"and {more} more reasons"] if more > 0 else [])]
        )
        status = next((trial.status for trial in self.trials if trial.status), 1)
        raise VainError(f"none of {len(self.trials)} trials could be trained:{said}", status)


def _counted(numbers: Sequence[int]) -> str:
    return f"trial {numbers[0]}" + (f" and {len(numbers) - 1} more" if len(numbers) > 1 else "")


class VainError(MtlError):
    """No trial of a search was finished; `status` is that of the first failure."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(
            message, hint="search a smaller space, or mend the recipe: mtl compose tries it alone"
        )
        self.status = status


@dataclass
class Searching:
    """How a search is made: on what, told to whom, and whether the best trial is exported too."""

    registry: Registry
    device: torch.device
    progress: SearchProgress = field(default_factory=SearchProgress)
    publishes: bool = False

    def run(self, layout: Layout, path: Path, limits: Limits, *, force: bool = False) -> Search:
        """Search until the limits are reached, the space is exhausted, or nothing can be trained."""
        with SearchFolder.open(path, layout.plan(), self.progress.warning, force=force) as folder:
            with reading(folder.path / SEARCH, "a search", hint="replace it with --force"):
                layout.sampler.check(folder.trials)
            self.progress.started(len(folder.trials), limits.trials)
            while (trial := self._next(layout, folder, limits)) is not None:
                self._train(layout, folder, trial)
            best = best_of(folder.trials, layout.objectives)
            test = {trial.folder_name: self._judged(layout, folder, trial) for trial in best}
            found = self._results(layout, folder, best, test)
            folder.workplace.finish()
            return Search(path, found, tuple(best), tuple(folder.trials))

    def _next(self, layout: Layout, folder: SearchFolder, limits: Limits) -> Trial | None:
        """Return the trial to train: one that was interrupted, or a new one; None where the search ends."""
        trials = folder.trials
        if (begun := next((trial for trial in trials if trial.state == "running"), None)) is not None:
            return begun
        if len(trials) >= IN_VAIN and all(trial.state == "failed" for trial in trials):
            return None
        if limits.trials is not None and len(trials) >= limits.trials:
            return None
        # What would end beyond the time is not begun.
        longer = folder.seconds + median([trial.seconds for trial in trials] or [0.0])
        if limits.seconds is not None and trials and longer > limits.seconds:
            return None
        number = len(trials)
        values = layout.own if number == 0 else None
        values = values or layout.sampler.draw(number, trials, ())
        if values is None:
            self.progress.exhausted(number)
            return None
        trial = Trial(number, values, number)
        folder.put(trial)
        return trial

    def _train(self, layout: Layout, folder: SearchFolder, trial: Trial) -> None:
        began = time.perf_counter()
        known = folder.trials[: trial.known]
        try:
            recipe = read(layout.source(trial.values, self.registry), self.registry)
        except MtlError as error:  # values that do not go together
            ending = Ending(*reason_of(error))
        else:
            ending = attempt(self._job(layout, folder, trial, recipe, known), self.registry, self.device)
        for text in ending.warnings:
            self.progress.warning(f"trial {trial.number}: {text}")
        ended = replace(
            trial,
            state=ending.state,
            **{name: getattr(ending, name) for name in _TAKEN},
        )
        folder.put(ended, time.perf_counter() - began)
        self.progress.ended(ended, layout.objectives)

    def _job(
        self, layout: Layout, folder: SearchFolder, trial: Trial, recipe: Recipe, known: Sequence[Trial]
    ) -> Job:
        place, rule = folder.place(trial), layout.rule(recipe, known)
        return Job(trial.number, trial.values, recipe.to_plain(), place, layout.objectives, rule)

    def _judged(self, layout: Layout, folder: SearchFolder, trial: Trial) -> Mapping[str, Any]:
        """Return the test metrics of one of the best trials: evaluated now, exported if asked, once."""
        path = folder.place(trial)
        recipe = read(layout.source(trial.values, self.registry), self.registry)
        whole = (path / "metrics.json").is_file() and (not self.publishes or (path / "report.html").is_file())
        if not whole:
            self.progress.judging(trial)
            train(Pipeline(self.registry, self.device, _Heard(self.progress), self.publishes), recipe, path)
            job = self._job(layout, folder, trial, recipe, ())
            ending = Ending(scores=trial.scores, epochs=trial.epochs)
            write_json(path / TRIAL, told_of(job, ending))
        test: Mapping[str, Any] = RunFolder(path).read_metrics()["test"]
        return test

    def _results(
        self,
        layout: Layout,
        folder: SearchFolder,
        best: Sequence[Trial],
        test: Mapping[str, Mapping[str, Any]],
    ) -> dict[str, Any]:
        """Write what was found, and return it."""
        found = {"best": [trial.number for trial in best], "own": bool(layout.own), "test": dict(test)}
        whole = {**folder.to_json(), **found}
        folder.keep(found)
        write_text(folder.path / "search.html", page(whole, layout.objectives))
        if best:
            there = folder.place(best[0]) / "recipe.yaml"
            content = read_bytes(there, "a recipe", hint="repeat the command", most=_LARGEST)
            write_bytes(folder.path / BEST, content)
        return whole


_TAKEN = ("scores", "curve", "epochs", "chosen_epoch", "seconds", "reason", "status")
"""What a trial takes from its ending."""


class _Heard(Progress):
    """Passes warnings on."""

    def __init__(self, progress: SearchProgress) -> None:
        self._progress = progress

    def warning(self, text: str) -> None:
        self._progress.warning(text)
