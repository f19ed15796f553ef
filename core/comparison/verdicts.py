"""Verdicts in plain words, and the rule behind them.

A scheme beats (or loses to) single-task training, or the variant that is chosen instead, on a task when three
things hold: there are at least 3 seeds, and no fewer than were planned; no training of them failed; and
Welch's t test stays below 5 % after Holm's correction for all comparisons of the table and for looking again
after more seeds (`look.py`). It perhaps does where the interval is on one side of zero and the corrected p
below 20 %. Where a margin was stated beforehand, it is equal when two one-sided tests, corrected in the same
way, say that the difference is within it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .statistics import ALPHA, LEVEL, MINIMUM_SEEDS, Estimate

PERHAPS = 0.2
"""Above this p, corrected for all comparisons, not even *perhaps* is said."""

BETTER, WORSE, EQUAL = "better", "worse", "equal"
UNSURE_BETTER, UNSURE_WORSE = "perhaps better", "perhaps worse"
OPEN, TOO_FEW, UNKNOWN, REPEATED = "no evidence", "too few seeds", "not known", "same results"
BASELINE = "baseline"
"""Of the variant that the others are held against."""


@dataclass(frozen=True)
class Verdict:
    """What an estimate allows to say; `adjusted` is its p-value after the correction.

    `equal` is the one of equality, None where no margin was stated.
    """

    outcome: str
    adjusted: float | None = None
    equal: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        return {"outcome": self.outcome, "adjusted_p": self.adjusted, "equality_p": self.equal}


def verdict_on(
    estimate: Estimate | None, adjusted: float | None, seeds: int, equal: float | None = None
) -> Verdict:
    """Return the verdict on a gain, whose p-value after the correction for all comparisons is `adjusted`.

    Where fewer than `seeds` count, nothing is sure: those that failed may be the worst, and those that were
    planned and are not there yet may say otherwise. `equal` is the corrected p-value of equality.
    """
    if estimate is None:
        return Verdict(UNKNOWN)
    if estimate.n < MINIMUM_SEEDS:
        return Verdict(TOO_FEW)
    interval, whole = estimate.interval, estimate.n >= seeds
    same = whole and equal is not None and equal < ALPHA
    if interval is None or adjusted is None or adjusted >= PERHAPS or interval[0] <= 0 <= interval[1]:
        return Verdict(EQUAL if same else OPEN, adjusted, equal)
    sure = adjusted < ALPHA and whole
    if same and not sure:
        return Verdict(EQUAL, adjusted, equal)
    if interval[0] > 0:
        return Verdict(BETTER if sure else UNSURE_BETTER, adjusted, equal)
    return Verdict(WORSE if sure else UNSURE_WORSE, adjusted, equal)


def sentence(
    name: str,
    rows: Mapping[str, Mapping[str, Any]],
    units: Mapping[str, Mapping[str, Any]],
    seeds: int,
    trained: int | None = None,
    against: str = "single-task",
) -> str:
    """Return what is found about one variant: `rows` and `units` are its and the tasks' parts of the results.

    `cross-stitch beats single-task on third, 95 % interval +0.05 to +0.21 points, p=0.003; no evidence on
    even (p=1)`. Where fewer than `seeds` count, that is said: of the `trained` ones (by
    default all) some may have failed, the others were planned.
    """
    by_outcome: dict[str, list[str]] = {}
    for task, row in rows.items():
        by_outcome.setdefault(row["verdict"]["outcome"], []).append(task)
    parts = []
    for outcome, pattern in _WORDS.items():
        words = pattern.format(against=against)
        tasks = by_outcome.get(outcome, [])
        if outcome in _WITH_INTERVAL:
            parts += [f"{words} {task}, {_found(rows[task], units[task])}" for task in tasks]
        elif outcome == EQUAL:
            parts += [f"{words} {task} {_within(rows[task], units[task])}" for task in tasks]
        elif tasks:
            told = [f"{task}{_p_in_brackets(rows[task])}" for task in tasks]
            parts.append(f"{words} {_listed(told)}{_seeds(outcome, [rows[task] for task in tasks])}")
    text = "; ".join(parts)
    trained = seeds if trained is None else trained
    counted = min((row["gain"]["n"] for row in rows.values() if row["gain"]), default=0)
    if 0 < counted < seeds:
        why = "since trainings failed" if counted < trained else "the others were planned"
        text += f" (of {seeds} seeds {counted} count, {why}: nothing is sure)"
    return f"{name} {text}" if parts and parts[0].split()[0] in _VERBS else f"{name}: {text}"


_WORDS = {
    BETTER: "beats {against} on",
    WORSE: "loses to {against} on",
    EQUAL: "equals {against} on",
    UNSURE_BETTER: "perhaps beats {against} on",
    UNSURE_WORSE: "perhaps loses to {against} on",
    OPEN: "no evidence on",
    TOO_FEW: "nothing can be concluded on",
    UNKNOWN: "nothing is known on",
}
_WITH_INTERVAL = (BETTER, WORSE, UNSURE_BETTER, UNSURE_WORSE)
_VERBS = ("beats", "loses", "equals", "perhaps")


def _within(row: Mapping[str, Any], unit: Mapping[str, Any]) -> str:
    """Return the margin and p of an equality as text: `within 0.2 points, p=0.003`."""
    margin = f"{unit['margin'] * unit['scale']:g} {unit['unit']}"
    return f"within {margin}, {shown_p(row['verdict']['equality_p'])}"


def _found(row: Mapping[str, Any], unit: Mapping[str, Any]) -> str:
    """Return interval and p of a gain as text: `95 % interval +0.05 to +0.21 points, p=0.003`."""
    shown = [signed(bound * unit["scale"], unit["scale"]) for bound in row["gain"]["interval"]]
    p = shown_p(row["verdict"]["adjusted_p"])
    return f"{100 * LEVEL:.0f} % interval {shown[0]} to {shown[1]} {unit['unit']}, {p}"


def _p_in_brackets(row: Mapping[str, Any]) -> str:
    p = row["verdict"]["adjusted_p"]
    return "" if p is None else f" ({shown_p(p)})"


def shown_p(p: float) -> str:
    """Return a p-value as text.

    >>> shown_p(0.00004), shown_p(0.0123), shown_p(0.394), shown_p(1.0)
    ('p<0.001', 'p=0.012', 'p=0.39', 'p=1')
    """
    return "p<0.001" if p < 0.001 else f"p={p:.{2 if p >= 0.1 else 3}f}".replace("p=1.00", "p=1")


def signed(value: float, scale: float = 1.0) -> str:
    """Return a number with its sign: shares in percent with two digits behind the point, others as needed.

    >>> signed(0.2134, 100.0), signed(-0.00123), signed(12.3456)
    ('+0.21', '-0.0012', '+12.35')
    """
    size = abs(value)
    return f"{value:+.{2 if size >= 10 or scale == 100 else 3 if size >= 0.1 or size == 0 else 4}f}"


def _seeds(outcome: str, rows: Sequence[Mapping[str, Any]]) -> str:
    if outcome != TOO_FEW:
        return ""
    n = min(row["gain"]["n"] for row in rows)
    return f" from {n} seed{'s' if n != 1 else ''}: {MINIMUM_SEEDS} are the least"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
