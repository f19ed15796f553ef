"""The rows of a table as text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from scipy.special import stdtrit

from mtl.core.comparison.statistics import LEVEL
from mtl.core.comparison.summary import gain_text

from .plan import Plan, alone
from .tables import Table

ABSENT = "-"


def header(plan: Plan, table: Table) -> list[str]:
    """Return the titles of the columns."""
    against = [f"delta-m against {plan.against} (%)"] if table.against_row is not None else []
    tasks = [f"{task}: {metric}" for task, metric in plan.judged_by.items()]
    return ["row", "rate", "parameters", *tasks, "delta-m against single-task (%)", *against, "seconds"]


def single_row(plan: Plan, table: Table) -> list[str]:
    """Return the row of the networks of one task, all in one."""
    names = {str(method.task): method.name for method in alone(plan)}
    rates = [table.rates[name] for name in names.values()]
    seconds = [seconds_of(table, name) for name in names.values()]
    known = [value for value in seconds if value is not None]
    return [
        "a network per task",
        ", ".join(dict.fromkeys(f"{rate:g}" for rate in rates if rate is not None)),
        f"{sum(table.parameters(name) or 0 for name in names.values()):,}",
        *(_shown(table, names[task], task) for task in plan.judged_by),
        *([""] * (2 if table.against_row is not None else 1)),
        f"{sum(known):.0f}" if len(known) == len(names) else ABSENT,
    ]


def rows_of(plan: Plan, table: Table) -> list[list[str]]:
    """Return a row for every method of a table that has whole seeds."""
    assert table.against_alone is not None
    beside = table.against_row["variants"] if table.against_row is not None else ()
    against = {row["name"]: row for row in beside}
    return [_row(plan, table, row, against) for row in table.against_alone["variants"]]


def _row(plan: Plan, table: Table, row: Mapping[str, Any], against: Mapping[str, Any]) -> list[str]:
    name = row["name"]
    count, rate, seconds = table.parameters(name), table.rates[name], seconds_of(table, name)
    return [
        name,
        ABSENT if rate is None else f"{rate:g}",
        ABSENT if count is None else f"{count:,}",
        *(_shown(table, name, task) for task in plan.judged_by),
        _delta(row),
        *([_delta(against[name])] if against else []),
        ABSENT if seconds is None else f"{seconds:.0f}",
    ]


def _delta(row: Mapping[str, Any]) -> str:
    """Return delta-m, which is in per cent already, with its interval and its verdict."""
    found = row["delta_m"]
    if found is None:
        return ABSENT if row["delta_m_verdict"]["outcome"] != "baseline" else ""
    parts = {"mean": found["mean"] / 100, "interval": None}
    if found["interval"] is not None:
        parts["interval"] = [bound / 100 for bound in found["interval"]]
    return gain_text(parts, 100.0, row["delta_m_verdict"])


def _shown(table: Table, row: str, task: str) -> str:
    found = table.value(row, task)
    if found is None:
        return ABSENT
    scale = table.scale(task)
    digits = 2 if scale == 100 else 4
    text = f"{scale * mean_of(found):.{digits}f}"
    return text if found["sd"] is None else f"{text} ± {scale * interval_of(found):.{digits}f}"


def mean_of(spread: Mapping[str, Any]) -> float:
    """Return the mean of values over seeds."""
    return float(spread["mean"])


def interval_of(spread: Mapping[str, Any]) -> float:
    """Return half the width of the t interval of a mean over seeds.

    >>> round(interval_of({"mean": 1.0, "sd": 1.0, "n": 10}), 3)
    0.715
    """
    n = spread["n"]
    return float(stdtrit(n - 1, 0.5 + LEVEL / 2)) * float(spread["sd"]) / math.sqrt(n)


def seconds_of(table: Table, row: str) -> float | None:
    """Return the mean seconds of the processor that a training took; None where no cell knows them."""
    known = [entry.seconds.cpu for entry in table.entries[row].values() if entry.seconds is not None]
    told = [seconds for seconds in known if seconds is not None]
    return fmean(told) if told else None
