"""A search from its first trial to the best recipe: ask, train, tell, until the budget is spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from ..base.device import choose_device
from ..base.errors import MtlError
from ..base.files import read_bytes, read_json, reading, write_bytes, write_json, write_text
from ..base.progress import Progress
from ..contracts import Job, Work
from ..discovery.registry import Registry
from ..execution.choosing import Hands
from ..execution.origin import origin
from ..execution.training import reason_of, train
from ..folders.kept_runs import TRIAL
from ..folders.run_folder import METRICS, RunFolder
from ..recipe.recipe_reader import read
from ..running.pipeline import Pipeline
from .folder import SEARCH, SearchFolder
from .layout import Layout
from .page import page
from .progress import SearchProgress
from .training import TrainsTrials, ended, trial_job
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
    """How a search is made: by whose hands, and whether the best is exported too."""

    registry: Registry
    hands: Hands
    progress: SearchProgress = field(default_factory=SearchProgress)
    publishes: bool = False
    plugin_files: tuple[Path, ...] = ()
    judges: bool = True
    """Whether the best are evaluated on test."""

    def run(self, layout: Layout, path: Path, limits: Limits, *, force: bool = False) -> Search:
        """Search until the limits are reached, the space is exhausted, or nothing can be trained."""
        with SearchFolder.open(path, layout.plan(), self.progress.warning, force=force) as folder:
            with reading(folder.path / SEARCH, "a search", hint="replace it with --force"):
                layout.sampler.check(folder.trials)
            self.progress.started(len(folder.trials), limits.trials)
            self._train(layout, folder, limits)
            best = best_of(folder.trials, layout.objectives)
            judged = best if self.judges else []
            test = {trial.folder_name: self._judged(layout, folder, trial) for trial in judged}
            found = self._results(layout, folder, best, test)
            folder.workplace.finish()
            return Search(path, found, tuple(best), tuple(folder.trials))

    def _train(self, layout: Layout, folder: SearchFolder, limits: Limits) -> None:
        """Have trials trained, each with values that follow from those that have ended."""
        perform = TrainsTrials(self.plugin_files, self.registry)
        work = Work(perform, self.hands.device, folder.path.absolute(), self.hands.at_once)
        given: dict[str, int] = {}
        for ending in self.hands.endings(self._jobs(layout, folder, limits, given), work):
            trial = folder.trials[given[ending.key]]
            for text in ending.warnings:
                self.progress.warning(f"trial {trial.number}: {text}")
            if not ending.elsewhere:
                self._end(layout, folder, ended(trial, folder.place(trial), ending))

    def _end(self, layout: Layout, folder: SearchFolder, trial: Trial) -> None:
        folder.put(trial)
        self.progress.ended(trial, layout.objectives)

    def _jobs(
        self, layout: Layout, folder: SearchFolder, limits: Limits, given: dict[str, int]
    ) -> Iterator[Job]:
        """Yield trials that were interrupted, then new ones, when they are asked for."""
        code = origin(self.registry, self.hands.device)["code"]
        begun = [trial for trial in folder.trials if trial.state == "running"]
        for trial in chain(begun, self._new(layout, folder, limits)):
            try:
                recipe = read(layout.source(trial.values), self.registry)
            except MtlError as error:  # values that do not go together
                reason, status = reason_of(error)
                self._end(layout, folder, replace(trial, state="failed", reason=reason, status=status))
                continue
            known = [one for one in folder.trials[: trial.number] if one.number not in trial.unknown]
            place, rule = folder.place(trial), layout.rule(recipe, known)
            job = trial_job(trial, recipe, place, layout.objectives, rule, code)
            given[job.key] = trial.number
            yield job

    def _new(self, layout: Layout, folder: SearchFolder, limits: Limits) -> Iterator[Trial]:
        while not self._is_over(folder, limits):
            trials = folder.trials
            known = [trial for trial in trials if trial.state != "running"]
            others = [trial for trial in trials if trial.state == "running"]
            own = None if trials else layout.own
            values = own or layout.sampler.draw(len(trials), known, others)
            if values is None:
                self.progress.exhausted(len(trials))
                return
            trial = Trial(len(trials), values, tuple(trial.number for trial in others))
            folder.put(trial)
            yield trial

    def _is_over(self, folder: SearchFolder, limits: Limits) -> bool:
        trials = folder.trials
        if limits.trials is not None and len(trials) >= limits.trials:
            return True
        if len(trials) >= IN_VAIN and all(trial.state == "failed" for trial in trials):
            return True
        # What would end beyond the time is not begun.
        usual = median([trial.seconds for trial in trials if trial.state != "running"] or [0.0])
        return limits.seconds is not None and bool(trials) and folder.seconds + usual > limits.seconds

    def _judged(self, layout: Layout, folder: SearchFolder, trial: Trial) -> Mapping[str, Any]:
        """Return the test metrics of one of the best trials: evaluated now, exported if asked, once."""
        path = folder.place(trial)
        recipe = read(layout.source(trial.values), self.registry)
        whole = (path / METRICS).is_file() and (not self.publishes or (path / "report.html").is_file())
        if not whole:
            self.progress.judging(trial)
            told = read_json(path / TRIAL, "what became of a trial", hint="repeat the command with --force")
            # Here, by who leads the search: where others compute there may be no such device.
            device = choose_device("auto" if self.hands.executor.elsewhere else self.hands.device)
            train(Pipeline(self.registry, device, _Heard(self.progress), self.publishes), recipe, path)
            write_json(path / TRIAL, told)
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


class _Heard(Progress):
    """Passes warnings on."""

    def __init__(self, progress: SearchProgress) -> None:
        self._progress = progress

    def warning(self, text: str) -> None:
        self._progress.warning(text)
