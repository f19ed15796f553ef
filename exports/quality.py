"""What a float16 or int8 file loses in quality, per task, and whether that is allowed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..core.base.errors import UsageError, VerificationError
from ..core.contracts import ExportSubject, Leading, Predict
from ..core.contracts.quality import allowed_for, drop, unit_of
from .precision import Precision

GATED = "validation"
"""The split that decides; the test split is reported and decides nothing."""


def check_measurable(tasks: Iterable[str], leading: Mapping[str, Leading], name: str) -> None:
    """Raise `UsageError` for a task of which nothing says whether it lost."""
    for task in tasks:
        if task not in leading:
            raise UsageError(
                f"{name}: what task {task!r} loses cannot be measured: "
                "no metric of it says which way is better",
                hint="train it with a metric that does, or export it in float32",
            )


def allowed_drops(subject: ExportSubject, given: Mapping[str, float]) -> dict[str, float]:
    """Return what each task may lose; `given` is by task or by metric, and a task's own wins.

    Raises as `check_drops` does.
    """
    # A part of a model may get what was said for the whole.
    allowed = allowed_for(subject.judge.leading if subject.judge is not None else {}, given)
    return {task: most for task, most in allowed.items() if task in subject.targets}


def measure_change(
    subject: ExportSubject, predict: Predict, precision: Precision, name: str
) -> dict[str, dict[str, Any]]:
    """Return what each task loses on validation and test, measured by `predict`, the file's predictions.

    Raises `VerificationError` where that cannot be measured, or it is not said what a task may lose.
    """
    judge = subject.judge
    if judge is None:
        raise VerificationError(f"{name}: what it loses cannot be measured, there is no data at hand")
    check_measurable(subject.targets, judge.leading, name)
    before, after = judge.reference(), judge.measure(predict, tuple(subject.targets))
    report: dict[str, dict[str, Any]] = {}
    for task, leading in _leading(subject).items():
        if task not in precision.max_drop:
            raise VerificationError(f"{name} does not say what task {task!r} may lose")
        pairs = {
            split: (before[split][task][leading.metric], after[split][task][leading.metric])
            for split in after
        }
        report[task] = {
            "metric": leading.metric,
            "unit": unit_of(leading).name,
            "allowed": precision.max_drop[task],
            "drop": {split: _plain(drop(leading, *pair)) for split, pair in pairs.items()},
            "before": {split: _plain(pair[0]) for split, pair in pairs.items()},
            "after": {split: _plain(pair[1]) for split, pair in pairs.items()},
        }
    return report


def losing_tasks(change: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the tasks that lose more than allowed on the validation split, or nobody knows how much."""
    lost = {task: item["drop"][GATED] for task, item in change.items()}
    return tuple(task for task, drop in lost.items() if drop is None or not drop <= change[task]["allowed"])


def check_change(change: Mapping[str, Mapping[str, Any]], precision: Precision, name: str) -> None:
    """Raise `VerificationError`, naming the first task that loses more than allowed."""
    for task in losing_tasks(change):
        item = change[task]
        before, after, lost = (_shown(item[key][GATED]) for key in ("before", "after", "drop"))
        raise VerificationError(
            f"{name}: task {task!r} loses too much quality: {item['metric']} "
            f"{before:.4g} -> {after:.4g} on the {GATED} split, {lost:.3g} "
            f"{item['unit']} worse; allowed: {precision.max_drop[task]:g}",
            hint=_way_out(task, precision),
        )


def _way_out(task: str, precision: Precision) -> str:
    allow = f"allow more (--max-drop {task}=VALUE)"
    if precision.type != "int8":
        return allow
    kept = f"keep its own layers in float (--set 'keep_float=[{task}]'), "
    larger = "let more operators go back to float32 (--set max_size=0.8), "
    return f"{'' if task in precision.keep_float else kept}{larger}or {allow}"


def _shown(value: float | None) -> float:
    return math.nan if value is None else value


def _leading(subject: ExportSubject) -> dict[str, Leading]:
    known = subject.judge.leading if subject.judge is not None else {}
    return {task: known[task] for task in subject.targets if task in known}


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
