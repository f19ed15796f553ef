"""`mtl.compare`: the names and options of the command line, from Python."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..base.errors import UsageError
from ..discovery.options import plain
from ..discovery.registry import Registry, installed
from ..execution.choosing import Hands
from ..recipe.request import Request
from ..recipe.seed_list import read_seeds
from .axes import COMPONENTS, Axis, component_axis
from .comparison import Comparing, Comparison
from .folder import usual_folder
from .grid import Question, folder_name, lay_out
from .progress import ComparisonProgress

Named = str | Mapping[str, Any]


def compare(
    tasks: Sequence[str] | Mapping[str, Any] | None = None,
    *,
    recipe: str | Path | Mapping[str, Any] | None = None,
    dataset: Named | None = None,
    data: str | Path | None = None,
    data_dir: str | Path | None = None,
    encoder: Named | Sequence[Named] | None = None,
    sharing: Named | Sequence[Named] | None = None,
    balancer: Named | Sequence[Named] | None = None,
    balance_on: str | None = None,
    init_from: str | Path | None = None,
    axes: Mapping[str, Sequence[Any]] | None = None,
    seeds: int | Sequence[int] = 5,
    metrics: Mapping[str, str] | None = None,
    equal_within: Mapping[str, float] | None = None,
    against: str | None = None,
    epochs: int | None = None,
    precision: str | None = None,
    set: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    jobs: int | None = None,
    executor: Named | None = None,
    export: bool = False,
    force: bool = False,
    progress: ComparisonProgress | None = None,
    registry: Registry | None = None,
) -> Comparison:
    """Train every combination at every seed beside single-task runs; return what can be concluded.

    `encoder`, `sharing` and `balancer` are one or a list of names or `{"name": ..., options}`; `axes` varies
    anything else (`{"tasks.denoise.weight": [0.2, 0.5]}`). `seeds` is a number of seeds or the seeds.
    `metrics` says what judges a task (else its first metric with a direction), `equal_within` which gains
    count as none, as they are shown (`{"classify": 0.2}`: 0.2 points). `against` names the variant that the
    others are held against, not single-task runs. `recipe`, `set` and the rest are those of `mtl.compose`.
    What `out` has finished is not trained again. `executor` names who trains (`"ray"`, `{"name": "slurm",
    "minutes": 60}`), `jobs` how many at a time (above 1: under `if __name__ == "__main__"`); any number of
    programs may then share `out`. Raises `RecipeError` with all mistakes at once, `UsageError` for a folder
    of another comparison; a cell that fails is a row of `results["cells"]` with its reason.
    """
    flags: dict[str, Any] = {"dataset": dataset, "data": data, "data_dir": data_dir, "balance_on": balance_on}
    flags |= {"init_from": init_from, "epochs": epochs, "precision": precision}
    request = Request(recipe, tasks, flags, _assignments(set or {}))
    varied = _axes({"sharing": sharing, "balancer": balancer, "encoder": encoder}, axes or {})
    question = Question(request, varied, read_seeds(seeds), metrics or {}, equal_within or {}, against)
    hands = Hands.chosen(found := _registry(registry, jobs, executor), executor, device, jobs)
    grid = lay_out(question, found)
    path = Path(out or usual_folder(Path("runs"), folder_name(grid), grid.plan()))
    return Comparing(found, hands, progress or ComparisonProgress(), export).run(grid, path, force=force)


def _registry(given: Registry | None, jobs: int | None, executor: Named | None) -> Registry:
    if given is not None and ((jobs or 1) > 1 or executor is not None):
        hint = "leave out registry, or jobs and executor"
        raise UsageError("a registry cannot go to other processes", hint=hint)
    return given or installed()


def _axes(components: Mapping[str, Any], axes: Mapping[str, Sequence[Any]]) -> tuple[Axis, ...]:
    named = [component_axis(key, value) for key in COMPONENTS if (value := components[key]) is not None]
    return (*named, *(Axis(key, tuple(values)) for key, values in axes.items()))


def _assignments(values: Mapping[str, Any]) -> tuple[str, ...]:
    # JSON is YAML: read back, a value is what it was.
    return tuple(f"{key}={json.dumps(plain(value))}" for key, value in values.items())
