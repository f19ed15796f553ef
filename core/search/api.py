"""`mtl.search`: the names and options of the command line, from Python."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..base.places import refuse_unusable
from ..discovery.options import plain
from ..discovery.registry import installed
from ..execution.choosing import Hands
from ..recipe.request import Request
from .driving import Limits
from .folder import usual_folder
from .layout import Question, lay_out
from .progress import SearchProgress
from .searching import MOST, Search, Searching
from .space import read_space

Named = str | Mapping[str, Any]


def search(
    tasks: Sequence[str] | Mapping[str, Any] | None = None,
    *,
    space: Mapping[str, str | Sequence[Any]],
    recipe: str | Path | Mapping[str, Any] | None = None,
    dataset: Named | None = None,
    data: str | Path | None = None,
    data_dir: str | Path | None = None,
    encoder: Named | None = None,
    sharing: Named | None = None,
    balancer: Named | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    set: Mapping[str, Any] | None = None,
    trials: int | None = None,
    seconds: float | None = None,
    objectives: Sequence[str] = (),
    metrics: Mapping[str, str] | None = None,
    sampler: str = "tpe",
    pruner: str = "median",
    out: str | Path | None = None,
    device: str = "auto",
    jobs: int | None = None,
    executor: Named | None = None,
    export: bool = False,
    force: bool = False,
    progress: SearchProgress | None = None,
) -> Search:
    """Search for the values of options that are best on validation; return the trials, the best first.

    `space` says what is tried: a list of values, or a range as on the command line
    (`{"train.learning_rate": "log:1e-4..1e-2", "encoder.hidden": [[32], [128]]}`). `trials` is how many there
    shall be in all (without `seconds`: 20), `seconds` after which none is begun. `objectives` are tasks,
    `"mean"` (the default), `"parameters"`, `"multiply-adds"` or `"latency"`; `metrics` says what judges a
    task. The rest are those of `mtl.compose` and `mtl.compare`. What `out` has is not trained again. Raises
    `UsageError` for a space or a folder that does not fit, `RecipeError` with all mistakes of the recipe, and
    another of `mtl.errors` where no trial could be trained.
    """
    flags: dict[str, Any] = {"dataset": dataset, "data": data, "data_dir": data_dir, "encoder": encoder}
    flags |= {"sharing": sharing, "balancer": balancer, "epochs": epochs, "seed": seed}
    request = Request(recipe, tasks, flags, [f"{key}={_text(value)}" for key, value in (set or {}).items()])
    asked = read_space([f"{key}={_values(values)}" for key, values in space.items()])
    question = Question(request, asked, tuple(objectives), metrics or {}, sampler, pruner)
    limits = Limits(trials or (MOST if seconds is None else None), seconds)
    hands = Hands.chosen(registry := installed(), executor, device, jobs)
    searching = Searching(registry, hands, progress or SearchProgress(), export)
    return _searched(searching, question, limits, out, force=force)


def _searched(
    searching: Searching, question: Question, limits: Limits, out: str | Path | None, *, force: bool
) -> Search:
    layout = lay_out(question, searching.registry)
    path = Path(out or usual_folder(Path("runs"), layout.name, layout.plan()))
    refuse_unusable(path)
    found = searching.run(layout, path, limits, force=force)
    found.raise_if_in_vain()
    return found


def _values(values: str | Sequence[Any]) -> str:
    if isinstance(values, str):
        return values
    return ",".join(value if isinstance(value, str) else _text(value) for value in values)


def _text(value: Any) -> str:
    # JSON is YAML: read back, a value is what it was.
    return json.dumps(plain(value))
