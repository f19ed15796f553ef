"""What several runs have that differs: in their recipes, and in what they reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .kept_runs import KeptRun

Values = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Differing:
    """Runs side by side: values in the order of `names`, None where a run has none.

    `recipe` is by option (`train.epochs`), `test` and `baseline` by task and metric (`classify/accuracy`).
    """

    names: Sequence[str]
    recipe: Values
    test: Values
    baseline: Values

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"runs": [*self.names], "recipe": self.recipe, "test": self.test, "baseline": self.baseline}


def differing(names: Sequence[str], runs: Sequence[KeptRun]) -> Differing:
    """Lay runs side by side; of the recipes only what is not the same in all of them."""
    settings = [run.settings for run in runs]
    keys = dict.fromkeys(key for each in settings for key in each)
    recipe = {
        key: [each.get(key) for each in settings]
        for key in keys
        if any(
            (key in each, each.get(key)) != (key in settings[0], settings[0].get(key)) for each in settings
        )
    }
    return Differing(names, recipe, _measured(runs, "test"), _measured(runs, "baseline"))


def _measured(runs: Sequence[KeptRun], part: str) -> dict[str, list[float | None]]:
    found = [run.metrics.get(part, {}) for run in runs]
    keys = dict.fromkeys((task, name) for each in found for task in each for name in each[task])
    return {f"{task}/{name}": [each.get(task, {}).get(name) for each in found] for task, name in keys}
