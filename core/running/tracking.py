"""Tells trackers of a run, each in a thread of its own: none is waited for while a run trains."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import described
from ..base.progress import Progress
from ..composition.composition import Composition
from ..contracts import Ending, TrackedRun, Tracker
from ..discovery.registry import Registry
from ..folders.run_folder import RunFolder
from ..recipe.building import Builder
from ..recipe.recipe import Recipe
from ..recipe.recipe_source import RecipeSource
from ..recipe.seed_list import SEEDS

FOLDER = "tracking"
"""Where trackers write in the folder of a run."""

_MOST_WAITING = 1000
"""Calls that a tracker may be behind; what comes then is left out."""

_SILENT = 1.0
"""Seconds that are waited for a tracker without a word."""

Call = Callable[[Tracker], None]


@dataclass(frozen=True)
class NamedTracker:
    """A tracker, what messages call it, and the name of its folder in a run's."""

    tracker: Tracker
    label: str
    folder: str


def build_trackers(
    recipe: Recipe, registry: Registry, source: RecipeSource | None = None
) -> list[NamedTracker]:
    """Build what a recipe names; raise as components do, `MissingRequirementError` without a package."""
    builder = Builder(registry, source or RecipeSource())
    found: list[NamedTracker] = []
    for place, choice in enumerate(recipe.trackers):
        tracker = builder.build("tracker", choice, ("trackers", place))
        name = choice.name.rpartition("/")[2]
        again = sum(item.folder.split(".")[0] == name for item in found)
        found.append(
            NamedTracker(tracker, f"tracker {choice.name!r}", f"{name}.{again + 1}" if again else name)
        )
    return found


def track(
    trackers: Iterable[NamedTracker],
    progress: Progress,
    folder: RunFolder,
    composition: Composition,
    history: Sequence[Mapping[str, float]] = (),
) -> Tracking:
    """Begin to tell trackers of a run, which goes on after the epochs of a history."""
    tracking = Tracking(trackers, progress)
    tracking.begin(folder, composition.recipe, history)
    return tracking


class _Line:
    """One tracker, and the calls that it has not taken yet."""

    def __init__(self, named: NamedTracker) -> None:
        self.named = named
        self.trouble: str | None = None
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._began = time.monotonic()
        self._given_up = False
        self._thread = Thread(target=self._work, name=named.label, daemon=True)
        self._thread.start()

    def put(self, call: Call) -> None:
        if self._given_up:
            return
        if self._calls.qsize() < _MOST_WAITING:
            self._calls.put(call)
        else:
            self._complain(f"takes too long: it is {_MOST_WAITING} calls behind, and some are left out")

    def begin(self, run: TrackedRun) -> None:
        """Let the tracker begin; one that cannot is told nothing more."""

        def start(tracker: Tracker) -> None:
            try:
                tracker.start(run)
            except BaseException:
                self._given_up = True
                raise

        self._calls.put(start)

    def end(self, ended: Ending, patience: float, told: Callable[[str], None]) -> None:
        """Let the tracker finish, and wait for it; no longer than `patience`, in all and for one call."""
        if not self._given_up:
            self._calls.put(lambda tracker: tracker.finish(ended))
        self._calls.put(None)
        self._thread.join(min(_SILENT, patience))
        if self._thread.is_alive():
            told(f"waiting for {self.named.label}, {patience:g} s at most")
        ends = time.monotonic() + patience
        while self._thread.is_alive() and time.monotonic() < min(ends, self._began + patience):
            self._thread.join(0.1)
        if self._thread.is_alive():
            self._complain(f"did not answer within {patience:g} s: what it has not taken is lost to it")

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            self._began = time.monotonic()
            if self._given_up:
                continue
            try:
                call(self.named.tracker)
            # Whatever it raises, an exit too, is its own matter.
            except BaseException as error:
                self._complain(f"failed: {described(error)}")

    def _complain(self, what: str) -> None:
        self.trouble = self.trouble or f"{self.named.label} {what}; the run goes on"


class Tracking:
    """The trackers of one run; what goes wrong with one is told once, to `progress`, and stops nothing."""

    def __init__(self, trackers: Iterable[NamedTracker] = (), progress: Progress | None = None) -> None:
        self._progress = progress or Progress()
        self._lines = [_Line(named) for named in trackers]
        self._told: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._lines)

    def begin(self, folder: RunFolder, recipe: Recipe, history: Sequence[Mapping[str, float]]) -> None:
        """A run begins, or goes on after the epochs of a history."""
        path = folder.path.absolute()
        name = f"{path.parent.name}/{path.name}" if (path.parent / SEEDS).is_file() else path.name
        for line in self._lines:
            own = path / FOLDER / line.named.folder
            line.begin(TrackedRun(path, own, name, recipe.portable(), recipe.hash(), tuple(history)))

    def epoch(
        self, row: Mapping[str, float], pictures: Callable[[], Mapping[str, NDArray[np.uint8]]] | None
    ) -> None:
        """An epoch is in the history; `pictures` are drawn where somebody wants them."""
        if not self._lines:
            return
        epoch = int(row["epoch"])
        self._put(_scalars(epoch, {key: value for key, value in row.items() if key != "epoch"}))
        for name, pixels in (pictures() if pictures else {}).items():
            self._put(_picture(epoch, name, pixels))
        self._tell()

    def measured(self, metrics: Mapping[str, Any]) -> None:
        """The chosen epoch was judged on the test split, beside what a constant answer would reach."""
        values = {
            f"{part}/{task}/{name}": float(value)
            for part in ("test", "baseline")
            for task, named in metrics.get(part, {}).items()
            for name, value in named.items()
            if isinstance(value, int | float)
        }
        self._put(_scalars(metrics["training"]["chosen_epoch"], values))

    def published(self, files: Iterable[Path]) -> None:
        """Files of the run are complete."""
        for path in files:
            self._put(_artifact(path.absolute()))

    def end(self, ended: Ending) -> None:
        """The run is over: wait for its trackers, for a while."""
        for line in self._lines:
            longest = line.named.tracker.patience
            line.end(ended, longest if ended == "finished" else min(longest, 5.0), self._progress.note)
        self._tell()
        self._lines = []

    @contextmanager
    def ends_with_failure(self) -> Iterator[None]:
        """End what is tracked when the block does not go well."""
        try:
            yield
        except KeyboardInterrupt:
            self.end("interrupted")
            raise
        except BaseException:
            self.end("failed")
            raise

    def _put(self, call: Call) -> None:
        for line in self._lines:
            line.put(call)

    def _tell(self) -> None:
        for line in self._lines:
            if line.trouble is not None and line.named.folder not in self._told:
                self._told.add(line.named.folder)
                self._progress.warning(line.trouble)


def _scalars(epoch: int, values: Mapping[str, float]) -> Call:
    return lambda tracker: tracker.scalars(epoch, dict(values))


def _picture(epoch: int, name: str, pixels: NDArray[np.uint8]) -> Call:
    return lambda tracker: tracker.picture(epoch, name, pixels.copy())


def _artifact(path: Path) -> Call:
    return lambda tracker: tracker.artifact(path)
