"""Several seeds of one recipe by an executor: a run folder each, and what they reach together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..base.errors import MtlError, UsageError
from ..base.files import read_json, write_new
from ..base.progress import Progress
from ..base.workplace import enter, enter_new, is_empty
from ..contracts import Job, Work
from ..discovery.registry import Registry
from ..folders.differences import difference
from ..recipe.recipe import Recipe
from ..recipe.recipe_source import RecipeSource
from ..recipe.seed_list import SEEDS
from ..running.seeds import SeedsOutcome, conclude
from ..running.starting import compose_started
from .cells import TrainsCells, cell_job, is_done
from .choosing import Hands
from .marks import DamagedCell
from .once import Driver
from .origin import origin

PLAN = "plan.json"
_HINT = "choose another folder with --out"


@dataclass(frozen=True)
class SeedsByExecutor:
    """Has a recipe trained once per seed, each into an ordinary run folder `seed-N` of its own."""

    registry: Registry
    hands: Hands
    progress: Progress
    plugin_files: tuple[Path, ...] = ()

    def run(
        self,
        recipe: Recipe,
        path: Path,
        seeds: Sequence[int],
        *,
        source: RecipeSource | None = None,
        numbered: bool = False,
    ) -> SeedsOutcome:
        """Train what nobody has trained yet in the folder, and summarise all seeds.

        Others may do the same in it. Raises `UsageError` for a folder of another recipe or of other seeds,
        and the reason of the first seed that failed, after the others are trained.
        """
        composition, _ = compose_started(recipe, self.registry, self.progress.warning, source)
        composition.glance()  # what is wrong with the data is told once, not by every seed
        self.progress.planned(composition.plan())
        asked = {"recipe": {**composition.recipe.to_plain(), "seed": None}, "seeds": list(seeds)}
        with self._entered(path, asked, numbered) as folder:
            self._train(composition.recipe, folder, seeds)
            return conclude(folder, seeds)

    @contextmanager
    def _entered(self, path: Path, asked: dict[str, Any], numbered: bool) -> Iterator[Path]:
        warn = self.progress.warning
        if not numbered:
            _refuse(path, asked)
        with enter_new(path, warn) if numbered else enter(path, warn, create=True, shared=True) as workplace:
            content = json.dumps(asked, indent=2, allow_nan=False).encode() + b"\n"
            if is_empty(workplace.path):
                write_new(workplace.path / PLAN, content)
            _refuse(workplace.path, asked)  # another driver may have been first just now
            self.progress.note(f"{len(asked['seeds'])} seeds into {workplace.path}")
            yield workplace.path

    def _train(self, recipe: Recipe, path: Path, seeds: Sequence[int]) -> None:
        jobs = [self._job(recipe, path, seed) for seed in seeds]
        missing = [job for job in jobs if not self._is_done(job)]
        if missing:
            # A run beside it could not be entered alone.
            (path / SEEDS).unlink(missing_ok=True)
        work = Work(TrainsCells(self.plugin_files), self.hands.device, path.absolute(), self.hands.at_once)
        titles, failures = {job.key: job.title for job in missing}, []
        for ending in Driver(self.hands, work, tell=self._tell).endings(missing):
            title = titles[ending.key]
            for text in dict.fromkeys(ending.warnings):
                self.progress.warning(f"{title}: {text}")
            if ending.reason is None:
                self.progress.note(f"{title}: trained in {ending.seconds:.1f} s  {ending.where}".rstrip())
            else:
                self.progress.warning(f"{title}: failed: {ending.reason}")
                failures.append(_SeedFailedError(f"{title} was not trained: {ending.reason}", ending.status))
        if failures:
            raise failures[0]

    def _job(self, recipe: Recipe, path: Path, seed: int) -> Job:
        code = origin(self.registry, self.hands.device)["code"]
        one = replace(recipe, seed=seed)
        return cell_job(one, f"seed {seed}", path / f"seed-{seed}", publishes=True, code=code)

    def _is_done(self, job: Job) -> bool:
        try:
            return is_done(job)
        except DamagedCell as found:
            self.progress.warning(f"{found}: the seed is trained again")
            return False

    def _tell(self, places: dict[str, str]) -> None:
        if len(places) > 1:
            self.progress.note(
                "at work: " + "; ".join(f"{title} on {where}" for title, where in places.items())
            )


class _SeedFailedError(MtlError):
    """One of several seeds could not be trained; `status` is that of its failure."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, hint="the others are kept; repeating the command tries it again")
        self.status = status


def _refuse(path: Path, asked: dict[str, Any]) -> None:
    """Raise `UsageError` where a folder holds something else than these seeds of this recipe."""
    if is_empty(path):
        return
    if not (path / PLAN).is_file():
        raise UsageError(f"{path} exists already, and no executor's seeds are in it", hint=_HINT)
    known = read_json(path / PLAN, "the plan of several seeds", hint=_HINT)
    if known != asked:
        parted = difference(known, asked) if isinstance(known, dict) else "it is no mapping"
        raise UsageError(f"{path} holds other seeds or another recipe: {parted}", hint=_HINT)
