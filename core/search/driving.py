"""One driver of a search: it asks, has trained, and takes note, beside any number of others in a folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from ..base.errors import MtlError
from ..base.leases import Watch
from ..contracts import Job, JobEnding, Work
from ..discovery.registry import Registry
from ..execution.choosing import Hands
from ..execution.claiming import PAUSE, after
from ..execution.origin import origin
from ..execution.training import reason_of
from ..recipe.recipe_reader import read
from . import records
from .folder import SearchFolder
from .layout import Layout
from .progress import SearchProgress
from .training import TrainsTrials, trial_job
from .trials import Trial

IN_VAIN = 10
"""Trials from the first one on that may fail before a search is given up."""
_LOST = 0.05
"""Seconds before a driver asks again whose trial somebody else has asked for."""


@dataclass(frozen=True)
class Limits:
    """How long is searched: so many trials, so many seconds of them, or both; whatever comes first."""

    trials: int | None = None
    seconds: float | None = None


@dataclass
class Driver:
    """Has trials trained that nobody is at, asks for new ones, and waits for those that others have.

    Which trials there are, and how they ended, is told by the folder alone: of drivers who ask for a trial of
    the same number one is heard, and who trains it has claimed it.
    """

    layout: Layout
    folder: SearchFolder
    limits: Limits
    registry: Registry
    hands: Hands
    progress: SearchProgress
    watch: Watch
    _given: dict[str, int] = field(default_factory=dict)
    _last: int | None = None
    """How many trials there were when this driver would ask for no more."""

    def run(self, plugin_files: tuple[Path, ...]) -> None:
        """Return when no trial is to be asked for, and all that there were then have ended."""
        perform = TrainsTrials(plugin_files, registry=self.registry)
        work = Work(perform, self.hands.device, self.folder.path.absolute(), self.hands.at_once)
        while True:
            idle = True
            for ending in self.hands.endings(self._jobs(), work):
                idle = idle and ending.elsewhere
                self._take(ending)
            self._look()
            if all(trial.state != "running" for trial in self.folder.trials[: self._last]):
                return
            if idle:
                time.sleep(PAUSE)

    def _take(self, ending: JobEnding) -> None:
        """Take note of how a job ended; whoever did it has said in the folder what became of the trial."""
        number = self._given[ending.key]
        for text in ending.warnings:
            self.progress.warning(f"trial {number}: {text}")
        if ending.reason is not None:
            # Where it could not say so itself, as its process died; else this is no news.
            self._fail(self.folder.trials[number], ending.reason, ending.status, ending.seconds)
        self._look()

    def _look(self) -> None:
        """Take note of what anybody has done since."""
        for trial in self.folder.look():
            self.progress.ended(trial, self.layout.objectives)

    def _fail(self, trial: Trial, reason: str, status: int, seconds: float = 0.0) -> None:
        records.end(self.folder.place(trial), records.failed(trial, reason, status, seconds))

    def _jobs(self) -> Iterator[Job]:
        """Yield trials that nobody is at, then new ones, when they are asked for."""
        given: set[int] = set()
        while True:
            self._look()
            trial, abandoned = self._begun(given) or (self._new(), -1)
            if trial is None:
                return
            given.add(trial.number)
            if (job := self._job(trial)) is not None:
                self._given[job.key] = trial.number
                yield after(job, abandoned)

    def _begun(self, given: set[int]) -> tuple[Trial, int] | None:
        """Return a trial that was asked for and that nobody is at, and the number of its last claim."""
        for trial in self.folder.trials:
            if trial.state == "running" and trial.number not in given:
                abandoned = self.watch.free(self.folder.place(trial))
                if abandoned is not None:
                    return trial, abandoned
        return None

    def _job(self, trial: Trial) -> Job | None:
        """Return the job of training a trial; None where its values do not go together."""
        try:
            recipe = read(self.layout.source(trial.values), self.registry)
        except MtlError as error:
            self._fail(trial, *reason_of(error))
            return None
        before = self.folder.trials[: trial.number]
        rule = self.layout.rule(recipe, [one for one in before if one.number not in trial.unknown])
        code = origin(self.registry, self.hands.device)["code"]
        return trial_job(trial, recipe, self.folder.place(trial), self.layout.objectives, rule, code)

    def _new(self) -> Trial | None:
        """Return a trial that this driver has asked for; None when it is to ask for no more."""
        while not self._is_over():
            trials = self.folder.trials
            known = [trial for trial in trials if trial.state != "running"]
            others = [trial for trial in trials if trial.state == "running"]
            own = None if trials else self.layout.own
            values = own or self.layout.sampler.draw(len(trials), known, others)
            if values is None:
                self._last = len(trials)
                self.progress.exhausted(len(trials))
                return None
            trial = self.folder.ask(values, tuple(trial.number for trial in others))
            if trial is not None:
                return trial
            time.sleep(_LOST)
            self._look()
        return None

    def _is_over(self) -> bool:
        trials, limits = self.folder.trials, self.limits
        # What would end beyond the time is not begun.
        usual = median([trial.seconds for trial in trials if trial.state != "running"] or [0.0])
        over = (
            self._last is not None
            or (limits.trials is not None and len(trials) >= limits.trials)
            or (len(trials) >= IN_VAIN and all(trial.state == "failed" for trial in trials))
            or (limits.seconds is not None and bool(trials) and self.folder.clock + usual > limits.seconds)
        )
        if over and self._last is None:
            self._last = len(trials)
        return over
