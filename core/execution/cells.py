"""One training as a job: what is sent to whoever does it, and what he does."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from ..base.device import choose_device
from ..base.errors import UsageError
from ..base.files import remove
from ..base.leases import BEAT, Lease
from ..contracts import Job, JobEnding, Seat
from ..discovery.registry import Registry, discover
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import RecipeSource
from ..running.pipeline import Pipeline
from .address import recipe_key
from .claiming import attempted, place_of
from .marks import DamagedCell, complete, mark, unmark
from .origin import data_origin, origin
from .records import CellLog, TakenOver, forget_failure, write_failure
from .training import reason_of, train


def cell_job(recipe: Recipe, title: str, path: Path, *, publishes: bool, code: str = "") -> Job:
    """Return the job of training a recipe into the run folder at `path`, by this very `code` if it is given.

    With `publishes` it is exported and verified too. A folder of another recipe there is replaced.
    """
    content = {"recipe": recipe.to_plain(), "path": str(path.absolute()), "publishes": publishes}
    content |= {"cwd": str(Path.cwd()), "code": code, "abandoned": -1}
    return Job(recipe_key(recipe), title, content)


def is_done(job: Job) -> bool:
    """Return whether a job is done; raise `DamagedCell` where it was, and no longer is what it was."""
    return complete(place_of(job), job.key, job.content["publishes"])


@dataclass(frozen=True)
class TrainsCells:
    """Trains one cell and marks it as finished.

    Whoever does that has claimed the cell; where somebody else has, or has finished it, nothing is done. A
    `registry` stays in this process: others find their plugins, and those in `plugin_files`. `beat` is that
    of the claim, in seconds.
    """

    plugin_files: tuple[Path, ...] = ()
    beat: float = BEAT
    registry: Registry | None = field(default=None, compare=False)

    def __reduce__(self) -> tuple[type[TrainsCells], tuple[Any, ...]]:
        return TrainsCells, (self.plugin_files, self.beat)

    def __call__(self, job: Job, seat: Seat) -> JobEnding:
        """Train a cell; what goes wrong in it is in the ending, and only an interruption is raised."""
        return attempted(job, seat, partial(self._attempt, seat=seat), self.beat)

    def _attempt(self, job: Job, lease: Lease, where: str, seat: Seat) -> JobEnding:
        path = place_of(job)
        log = CellLog(path, where, lambda: not lease.lost)
        try:
            if self._is_done(job, log):
                return JobEnding(job.key, elsewhere=True)
            log.line(f"claimed, {job.title}, {job.key}")
            if not self._train(job, seat, log):
                return JobEnding(job.key, elsewhere=True)
            log.line("finished")
            forget_failure(path)
            return JobEnding(job.key, warnings=tuple(log.texts))
        except Exception as error:  # a plugin may fail in any way: it becomes a row that says so
            if isinstance(error, TakenOver) or lease.lost:
                log.line("taken over by somebody else: stopped")
                return JobEnding(job.key, elsewhere=True)
            reason, status = reason_of(error)
            log.failed(error, reason)
            write_failure(path, lease.token, reason, status)
            return JobEnding(job.key, reason, status, tuple(log.texts))

    def _is_done(self, job: Job, log: CellLog) -> bool:
        try:
            return is_done(job)
        except DamagedCell as found:
            log.line(f"{found}: trained again")
            if told := remove(place_of(job)):
                log.warning(told)
            return False

    def _train(self, job: Job, seat: Seat, log: CellLog) -> bool:
        """Train and mark a cell; return whether it was this training that finished it."""
        stand_in(Path(job.content["cwd"]))
        registry = self.registry or discovered(self.plugin_files)
        device, path = choose_device(seat.device), place_of(job)
        here = origin(registry, device.type)
        refuse_other_code(job.content["code"], here["code"])
        recipe = read(RecipeSource(job.content["recipe"]), registry)
        unmark(path)
        train(Pipeline(registry, device, log, job.content["publishes"]), recipe, path)
        # Asked for anew with every cell: the first may have downloaded the data.
        data = data_origin(recipe.dataset, registry)
        return mark(path, job.key, {**here, "data": data})


def refuse_other_code(wanted: str, here: str) -> None:
    """Raise `UsageError` where another code trains than that which was asked for; none is asked for by ""."""
    if wanted not in ("", here):
        raise UsageError(
            "the code of mtl or of a plugin is another one here than where the training was asked for",
            hint="install the same on all machines",
        )


def stand_in(folder: Path) -> None:
    """Be where the command was given, as its paths may be relative; a process that was, stays."""
    if folder != Path.cwd() and folder.is_dir():
        os.chdir(folder)


@cache
def discovered(plugin_files: tuple[Path, ...]) -> Registry:
    """Return the plugins of a process that does jobs, found once."""
    return discover(plugin_files)
