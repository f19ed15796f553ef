"""What a process does that trains one model with others and does not lead: all of the training, no folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..base.ranks import leave_ranks
from ..composition.composition import Composition
from ..folders.run_folder import RunFolder
from ..recipe.recipe import Recipe
from ..recipe.recipe_source import RecipeSource
from ..training.trainer import Trainer
from .pipeline import Pipeline


@dataclass(frozen=True)
class Follower:
    """Trains along with the rank that leads, step by step; it writes nothing and tells nothing."""

    pipeline: Pipeline

    def run(self, recipe: Recipe, source: RecipeSource | None = None) -> None:
        """Train a recipe from its beginning."""
        prepared = self.pipeline.prepare(recipe, source)
        trainer = self.pipeline.trainer(prepared.composition, prepared.splits)
        self._train(prepared.composition, trainer)

    def resume(self, folder: Callable[[], tuple[RunFolder, Recipe]]) -> None:
        """Go on with a run; `folder` opens it, once the rank that leads has made it ready."""
        self.pipeline.ranks.told(None)
        started = self.pipeline.restart(*folder())
        self._train(started.composition, started.trainer)

    def _train(self, composition: Composition, trainer: Trainer) -> None:
        with composition.at_work("while it trained"):
            for _ in trainer.epochs():
                pass
        leave_ranks(self.pipeline.ranks)
