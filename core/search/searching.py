"""A search from its first trial to the best recipe: ask, train, tell, until the budget is spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..base.device import choose_device
from ..base.errors import MtlError
from ..base.files import read_bytes, read_json, reading, write_bytes, write_json, write_text
from ..base.leases import Watch
from ..base.progress import Progress
from ..discovery.registry import Registry
from ..execution.choosing import Hands
from ..execution.claiming import done_once
from ..execution.records import where_on
from ..execution.training import train
from ..folders.kept_runs import TRIAL
from ..folders.run_folder import METRICS, RunFolder
from ..recipe.recipe_reader import read
from ..running.pipeline import Pipeline
from .driving import Driver, Limits
from .folder import TRIALS, SearchFolder
from .layout import Layout
from .page import page
from .progress import SearchProgress
from .trials import Trial, best_of

BEST = "best.yaml"
MOST = 20
"""Trials where neither a number nor a time was given."""
_LARGEST = 2**20


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
    watch: Watch = field(default_factory=Watch)

    def run(self, layout: Layout, path: Path, limits: Limits, *, force: bool = False) -> Search:
        """Search until the limits are reached, the space is exhausted, or nothing can be trained."""
        with SearchFolder.open(path, layout.plan(), self.progress.warning, force=force) as folder:
            with reading(folder.path / TRIALS, "the trials of a search", hint="replace it with --force"):
                layout.sampler.check(folder.trials)
            before = [trial for trial in folder.trials if trial.state != "running"]
            self.progress.started(len(before), limits.trials)
            driver = Driver(layout, folder, limits, self.registry, self.hands, self.progress, self.watch)
            driver.run(self.plugin_files)
            best = best_of(folder.trials, layout.objectives)
            judged = best if self.judges else []
            test = {trial.folder_name: self._judged(layout, folder, trial) for trial in judged}
            found = self._results(layout, folder, best, test)
            folder.workplace.finish()
            return Search(path, found, tuple(best), tuple(folder.trials))

    def _judged(self, layout: Layout, folder: SearchFolder, trial: Trial) -> Mapping[str, Any]:
        """Return the test metrics of one of the best trials: evaluated now, exported if asked, once."""
        path = folder.place(trial)
        # Here, by who leads the search: where others compute there may be no such device.
        device = choose_device("auto" if self.hands.executor.elsewhere else self.hands.device)

        def is_whole() -> bool:
            there = ["report.html"] if self.publishes else []
            return all((path / name).is_file() for name in (METRICS, *there))

        def judge() -> None:
            self.progress.judging(trial)
            told = read_json(path / TRIAL, "what became of a trial", hint="repeat the command with --force")
            recipe = read(layout.source(trial.values), self.registry)
            train(Pipeline(self.registry, device, _Heard(self.progress), self.publishes), recipe, path)
            write_json(path / TRIAL, told)

        done_once(path, where_on(str(device)), is_whole, judge, self.watch)
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
