"""One training as a job: what is sent to whoever does it, and what he does."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch

from ..base.device import choose_device
from ..base.progress import Progress
from ..contracts import Job, JobEnding, Seat
from ..discovery.registry import Registry, discover
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import RecipeSource
from ..running.pipeline import Pipeline
from .address import recipe_key
from .marks import mark
from .origin import data_origin, origin
from .training import reason_of, train


def cell_job(recipe: Recipe, title: str, path: Path) -> Job:
    """Return the job of training a recipe into the run folder at `path`."""
    return Job(recipe_key(recipe), title, {"recipe": recipe.to_plain(), "path": str(path.absolute())})


@dataclass(frozen=True)
class TrainsCells:
    """Trains one cell and marks it as finished; with `publishes` it is exported and verified too.

    A `registry` stays in this process: others find their plugins, and those in `plugin_files`.
    """

    publishes: bool
    plugin_files: tuple[Path, ...] = ()
    registry: Registry | None = field(default=None, compare=False)

    def __reduce__(self) -> tuple[type[TrainsCells], tuple[Any, ...]]:
        return TrainsCells, (self.publishes, self.plugin_files)

    def __call__(self, job: Job, seat: Seat) -> JobEnding:
        """Train a cell; what goes wrong in it is in the ending, and only an interruption is raised."""
        if seat.threads is not None:
            torch.set_num_threads(seat.threads)
        told, started = Warnings(), time.perf_counter()
        reason, status = None, 0
        try:
            self._train(job, seat, told)
        except Exception as error:  # a plugin may fail in any way: it becomes a row that says so
            reason, status = reason_of(error)
        return JobEnding(job.key, reason, status, tuple(told.texts), time.perf_counter() - started)

    def _train(self, job: Job, seat: Seat, told: Progress) -> None:
        registry = self.registry or discovered(self.plugin_files)
        device, path = choose_device(seat.device), Path(job.content["path"])
        recipe = read(RecipeSource(job.content["recipe"]), registry)
        train(Pipeline(registry, device, told, self.publishes), recipe, path)
        # Asked for anew with every cell: the first may have downloaded the data.
        data = data_origin(recipe.dataset, registry)
        mark(path, job.key, {**origin(registry, device.type), "data": data})


class Warnings(Progress):
    """Remembers warnings, and nothing else of a run."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def warning(self, text: str) -> None:
        self.texts.append(text)


@cache
def discovered(plugin_files: tuple[Path, ...]) -> Registry:
    """Return the plugins of a process that does jobs, found once."""
    return discover(plugin_files)
