"""Cells: one training each, named by what it trains and keyed by its recipe."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ..execution.address import recipe_key
from ..recipe.recipe import Recipe


@dataclass(frozen=True)
class Cell:
    """One training at one seed: a row of the comparison (`task` is None) or the single-task run of `task`."""

    title: str
    recipe: Recipe
    task: str | None = None

    @property
    def seed(self) -> int:
        """The seed of everything random in it."""
        return self.recipe.seed

    @property
    def key(self) -> str:
        """The hash of its recipe, paths included: two cells with one key are the same training."""
        return recipe_key(self.recipe)

    @property
    def folder_name(self) -> str:
        """The name of its folder: for people, made unique by the key."""
        title = re.sub(r"[^A-Za-z0-9.=-]+", "-", self.title).strip("-")[:80]
        return f"{title}-seed-{self.seed}-{self.key[:10]}"

    def at(self, seed: int) -> Cell:
        """Return the same training with another seed."""
        return replace(self, recipe=replace(self.recipe, seed=seed))
