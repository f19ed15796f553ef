"""The rows of a comparison: what each variant reached, what it is held against did, and what follows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from .curves import curves_of
from .delta import delta_m, relative_gain
from .grid import Grid, Variant
from .look import Look
from .outcomes import Outcome
from .statistics import MINIMUM_SEEDS, Estimate, difference, equivalence, holm
from .verdicts import BASELINE, REPEATED, Verdict, sentence, verdict_on
from .yardsticks import Yardstick


class Row:
    """One variant: its values over seeds beside those that it is held against, single-task runs or a variant.

    `repeats` names an earlier variant that reached the same in every seed: the same computation, which is
    one comparison and has one verdict.
    """

    def __init__(self, grid: Grid, variant: Variant, outcomes: Mapping[str, Outcome], look: Look) -> None:
        self.variant = variant
        self.yardsticks = grid.yardsticks
        self.margins = grid.margins
        self.look = look
        self.against = grid.against
        self.is_baseline = variant.name == grid.against
        self.repeats: str | None = None
        self.adjusted: dict[str, float | None] = {}
        self.equal: dict[str, float | None] = {}
        self.adjusted_delta: float | None = None
        cell = variant.cell
        seeds = grid.seeds if cell is not None else ()
        self.outcomes = [outcomes[cell.at(seed).key] for seed in seeds] if cell is not None else []
        self._values = [judged(outcome, grid.yardsticks) for outcome in self.outcomes]
        compared = () if self.is_baseline else seeds
        self._alone = [_values_alone(grid, variant, outcomes, seed) for seed in compared]
        self.gains = {task: self._gain(task) for task in grid.yardsticks}
        self.delta = delta_m(
            grid.yardsticks, self._complete(self._values), self._complete(self._alone), look.level
        )

    @property
    def results(self) -> list[Mapping[str, Any]] | None:
        """Every test metric of every seed; None where a training failed."""
        whole = bool(self.outcomes) and all(outcome.status == "trained" for outcome in self.outcomes)
        return [outcome.metrics for outcome in self.outcomes] if whole else None

    def _gain(self, task: str) -> Estimate | None:
        own, alone = (
            [self.yardsticks[task].gain(seed[task], 0.0) for seed in seeds if task in seed]
            for seeds in (self._values, self._alone)
        )
        return difference(own, alone, self.look.level) if own and alone else None

    def spreads(self, task: str) -> list[float]:
        """Return the standard deviations over seeds of a task's values, here and alone; none of one value."""
        groups = ([seed[task] for seed in seeds if task in seed] for seeds in (self._values, self._alone))
        return [stdev(group) for group in groups if len(group) > 1]

    def _complete(self, seeds: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
        return [seed for seed in seeds if seed.keys() >= self.yardsticks.keys()]

    def to_json(self, units: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return the row of `compare.json`; `units` are the tasks as they stand there."""
        trained = [outcome for outcome in self.outcomes if outcome.status == "trained"]
        tasks = {task: self._task(task) for task in self.yardsticks} if self.outcomes else {}
        status = self.variant.status
        if len(trained) < len(self.outcomes):
            status = f"{len(trained)} of {len(self.outcomes)} seeds" if trained else "failed"
        reasons = list(dict.fromkeys(outcome.reason for outcome in self.outcomes if outcome.reason))
        reason = self.variant.reason or "; ".join(reasons) or None
        if self.repeats is not None:
            said = f"{self.variant.name}: the same results as {self.repeats} in every seed"
        elif trained:
            said = self._sentence(tasks, units)
        else:
            said = f"{self.variant.name}: {status}: {reason}"
        return {
            "name": self.variant.name,
            "settings": dict(self.variant.settings),
            "status": status,
            "reason": reason,
            "repeats": self.repeats,
            "parameters": dict(self.variant.parameters) or None,
            "parameters_alone": dict(self.variant.parameters_alone) or None,
            "seconds": spread([outcome.training["seconds"] for outcome in trained]),
            "tasks": tasks,
            "delta_m": self.delta.to_json() if self.delta is not None else None,
            "delta_m_verdict": self._verdict(self.delta, self.adjusted_delta).to_json(),
            "sentence": said,
            "curves": curves_of([outcome.history for outcome in trained], list(self.yardsticks)),
        }

    def _sentence(self, tasks: Mapping[str, Any], units: Mapping[str, Any]) -> str:
        if self.is_baseline:
            return f"{self.variant.name}: the others are held against it"
        against = self.against or "single-task"
        return sentence(self.variant.name, tasks, units, self._wanted, len(self.outcomes), against)

    def _task(self, task: str) -> dict[str, Any]:
        gain = self.gains[task]
        value, alone = (
            spread([seed[task] for seed in seeds if task in seed]) for seeds in (self._values, self._alone)
        )
        relative = None
        if value is not None and alone is not None:
            relative = relative_gain(self.yardsticks[task], value["mean"], alone["mean"])
        return {
            "value": value,
            "alone": alone,
            "gain": gain.to_json() if gain is not None else None,
            "relative_gain": relative,
            "verdict": self._verdict(gain, self.adjusted.get(task), self.equal.get(task)).to_json(),
        }

    @property
    def _wanted(self) -> int:
        """How many seeds must count for anything to be sure: all of them, and all that were planned."""
        return max(len(self.outcomes), self.look.planned)

    def _verdict(
        self, estimate: Estimate | None, adjusted: float | None, equal: float | None = None
    ) -> Verdict:
        if self.is_baseline:
            return Verdict(BASELINE)
        if self.repeats is not None:
            return Verdict(REPEATED, adjusted, equal)
        return verdict_on(estimate, adjusted, self._wanted, equal)


def _values_alone(
    grid: Grid, variant: Variant, outcomes: Mapping[str, Outcome], seed: int
) -> dict[str, float]:
    """Return what a variant is held against at a seed: its single-task runs, or a variant."""
    if grid.against is not None:
        (cell,) = (other.cell for other in grid.variants if other.name == grid.against)
        return judged(outcomes[cell.at(seed).key], grid.yardsticks) if cell is not None else {}
    return {
        task: value
        for task, single in variant.alone.items()
        for value in judged(outcomes[single.at(seed).key], {task: grid.yardsticks[task]}).values()
    }


def find_repeats(rows: Sequence[Row]) -> None:
    """Name, in every row with the results of an earlier one (or of the baseline), that one."""
    ordered = sorted(rows, key=lambda row: not row.is_baseline)
    for index, row in enumerate(ordered):
        for other in ordered[:index]:
            if other.repeats is None and row.results is not None and row.results == other.results:
                row.repeats = other.variant.name
                break


def correct(rows: Sequence[Row], look: Look, earlier: int = 0) -> None:
    """Adjust the p-values for the number of comparisons, and for looking again after more seeds.

    Those of tasks, those of delta-m and those of equality are each corrected among their own. A row that
    repeats another is no comparison of its own, and has that one's p-values. `earlier` variants were judged
    before and are no rows any more: they are counted.
    """
    own = [row for row in rows if row.repeats is None]
    able = [(row, task) for row in own for task in row.yardsticks]
    p_values = [p_of(row.gains[task]) for row, task in able]
    more = earlier * max(len(row.yardsticks) for row in rows)
    for (row, task), adjusted in zip(able, holm(p_values, more), strict=True):
        row.adjusted[task] = look.adjusted(adjusted)
    for row, adjusted in zip(own, holm([p_of(row.delta) for row in own], earlier), strict=True):
        row.adjusted_delta = look.adjusted(adjusted)
    bounded = [(row, task) for row, task in able if task in row.margins]
    p_values = [_p_of_equality(row.gains[task], row.margins[task]) for row, task in bounded]
    more = earlier * max(len(row.margins) for row in rows)
    for (row, task), adjusted in zip(bounded, holm(p_values, more), strict=True):
        row.equal[task] = look.adjusted(adjusted)
    by_name = {row.variant.name: row for row in own}
    for row in rows:
        if row.repeats is not None:
            row.adjusted = by_name[row.repeats].adjusted
            row.adjusted_delta = by_name[row.repeats].adjusted_delta
            row.equal = by_name[row.repeats].equal


def _p_of_equality(found: Estimate | None, margin: float) -> float | None:
    if found is None or found.n < MINIMUM_SEEDS:
        return None
    p = equivalence(found, margin)
    return 1.0 if p is None else p


def p_of(found: Estimate | None) -> float | None:
    """Return the p-value of a comparison that counts; one without a known spread counts as no evidence."""
    if found is None or found.n < MINIMUM_SEEDS:
        return None
    return 1.0 if found.p is None else found.p


def judged(outcome: Outcome, yardsticks: Mapping[str, Yardstick]) -> dict[str, float]:
    """Return the judged metric of each task where there is a finite one."""
    found = {task: outcome.metrics.get(task, {}).get(item.metric) for task, item in yardsticks.items()}
    return {task: value for task, value in found.items() if value is not None and math.isfinite(value)}


def spread(values: Sequence[float]) -> dict[str, Any] | None:
    """Return mean, standard deviation and number of values over seeds."""
    if not values:
        return None
    return {"mean": fmean(values), "sd": stdev(values) if len(values) > 1 else None, "n": len(values)}
