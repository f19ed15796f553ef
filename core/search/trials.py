"""Trials of a search: one set of values each, what became of it, and which of them are the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from .objectives import Objective
from .space import Value

State = Literal["running", "finished", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """One training with one set of values.

    `unknown` are earlier trials whose ends were not known when its values were drawn. `scores` are those of
    the objectives, on validation at the epoch that is kept; of a pruned trial the last one before it was
    stopped. `curve` has the score of the first objective after each epoch, where trials are held against one
    another. `begun` is after how many seconds of the search it was asked for.
    """

    number: int
    values: Mapping[str, Value]
    unknown: tuple[int, ...] = ()
    state: State = "running"
    scores: tuple[float, ...] = ()
    curve: tuple[tuple[int, float], ...] = ()
    epochs: int = 0
    chosen_epoch: int = 0
    seconds: float = 0.0
    reason: str | None = None
    status: int = 0
    begun: float = 0.0

    @property
    def folder_name(self) -> str:
        """The name of its run folder."""
        return f"{self.number:04d}"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        curve = [list(point) for point in self.curve]
        return {**asdict(self), "unknown": list(self.unknown), "scores": list(self.scores), "curve": curve}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Trial:
        """Return what `to_json` got."""
        known = {item.name: value[item.name] for item in fields(cls)}
        curve = tuple((int(epoch), float(score)) for epoch, score in value["curve"])
        scores, unknown = tuple(map(float, value["scores"])), tuple(value["unknown"])
        return cls(**known | {"unknown": unknown, "scores": scores, "curve": curve})


def best_of(trials: Sequence[Trial], objectives: Sequence[Objective]) -> list[Trial]:
    """Return the finished trials that no other one beats, by the first objective; of one objective the best.

    Of equal ones the earlier is taken.
    """
    able = [trial for trial in trials if trial.state == "finished"]
    front: list[Trial] = []
    for trial in able:
        beaten = any(_dominates(other, trial, objectives) for other in able)
        if not beaten and not any(other.scores == trial.scores for other in front):
            front.append(trial)
    signs = [1 if item.direction == "lower" else -1 for item in objectives]
    return sorted(front, key=lambda trial: (signs[0] * trial.scores[0], trial.number))


def _dominates(first: Trial, second: Trial, objectives: Sequence[Objective]) -> bool:
    gains = [
        one - other if item.direction == "higher" else other - one
        for item, one, other in zip(objectives, first.scores, second.scores, strict=True)
    ]
    return min(gains) >= 0 and max(gains) > 0
