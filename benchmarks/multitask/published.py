"""Published figures beside ours: reproduced, not reproduced or not comparable, by a rule of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from mtl.core.base.errors import UsageError
from mtl.core.recipe.recipe_source import read_recipe

from .plan import Plan

PUBLISHED = Path(__file__).with_name("published")
REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
SINGLE = "single"
"""The row of a published table that is a network per task."""

Bounds = tuple[float, float]


class Source(BaseModel):
    """One published table: its rows, and by which protocol they were made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    protocol: dict[str, str | int]
    rows: dict[str, dict[str, float]]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    published: tuple[Source, ...]


@dataclass(frozen=True)
class Beside:
    """A published row with ours (the mean of each task, as it is shown) and what may be said of the two."""

    source: str
    row: str
    published: Mapping[str, float]
    ours: Mapping[str, float]
    verdict: str


def read_published(plan: Plan) -> tuple[Source, ...]:
    """Return the published tables that stand beside a plan's; none where there is no file of its name."""
    path = PUBLISHED / f"{plan.name}.yaml"
    if not path.is_file():
        return ()
    try:
        return _File.model_validate(read_recipe(path).tree).published
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path}: {where}: {first['msg']}", hint="mend the file") from None


def verdict_of(
    plan: Plan, source: Source, row: str, means: Mapping[str, float], bounds: Mapping[str, Bounds]
) -> str:
    """Return what may be said of a published row: `bounds` are the intervals of our means, as they are shown.

    Comparable is what has every part of the plan's protocol; reproduced, what lies within the plan's number
    of points of our interval on every task.
    """
    parted = [name for name, value in plan.protocol.items() if source.protocol.get(name) != value]
    if parted:
        return f"not comparable: other {', '.join(parted)}"
    figures = source.rows[row]
    if not means.keys() >= figures.keys() or not bounds.keys() >= figures.keys():
        return "not trained yet"
    near = (
        bounds[task][0] - plan.reproduced_within <= value <= bounds[task][1] + plan.reproduced_within
        for task, value in figures.items()
    )
    return REPRODUCED if all(near) else NOT_REPRODUCED
