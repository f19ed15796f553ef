"""The results as tables: one row per training, and one per variant and task."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any


def cells_sheet(results: Mapping[str, Any]) -> str:
    """Return CSV with a row per cell, task and metric, on the test split; a failed cell has its reason."""
    header = [
        "name",
        "single_task",
        "seed",
        "status",
        "reason",
        "task",
        "metric",
        "value",
        "seconds",
        "epoch",
    ]
    rows = []
    for cell in results["cells"]:
        start = [cell["name"], cell["task"], cell["seed"], cell["status"], cell["reason"]]
        measured = [
            (task, metric, value)
            for task, metrics in cell["metrics"].items()
            for metric, value in metrics.items()
        ]
        for task, metric, value in measured or [(None, None, None)]:
            chosen = cell["chosen_epoch"]
            epoch = chosen[task] if isinstance(chosen, Mapping) else chosen
            rows.append([*start, task, metric, value, cell["seconds"], epoch])
    return _written(header, rows)


def summary_sheet(results: Mapping[str, Any]) -> str:
    """Return CSV with a row per variant and task: means, gains, intervals and verdicts."""
    axes = [axis["key"] for axis in results["axes"]]
    header = [
        "name", *axes, "status", "reason", "parameters", "seconds", "task", "metric", "direction", "n",
        "mean", "sd", "single_task_mean", "single_task_sd", "gain", "low", "high", "error", "degrees", "p",
        "adjusted_p", "margin", "equality_p", "relative_gain_percent", "verdict",
        "delta_m_percent", "delta_m_low", "delta_m_high", "delta_m_adjusted_p", "delta_m_verdict",
    ]  # fmt: skip
    rows = []
    for row in results["variants"]:
        start = [
            row["name"],
            *(row["settings"].get(axis) for axis in axes),
            row["status"],
            row["reason"],
            (row["parameters"] or {}).get("total"),
            (row["seconds"] or {}).get("mean"),
        ]
        delta = row["delta_m"] or {}
        verdict = row["delta_m_verdict"]
        end = [delta.get("mean"), *_bounds(delta), verdict["adjusted_p"], verdict["outcome"]]
        for task in results["tasks"]:
            rows.append([*start, *_task(task, results["tasks"][task], row["tasks"].get(task, {})), *end])
    return _written(header, rows)


def _task(name: str, yardstick: Mapping[str, Any], row: Mapping[str, Any]) -> list[Any]:
    value, alone, gain = (row.get(key) or {} for key in ("value", "alone", "gain"))
    verdict = row.get("verdict") or {}
    return [
        name,
        yardstick["metric"],
        yardstick["direction"],
        gain.get("n"),
        value.get("mean"),
        value.get("sd"),
        alone.get("mean"),
        alone.get("sd"),
        gain.get("mean"),
        *_bounds(gain),
        gain.get("error"),
        gain.get("degrees"),
        gain.get("p"),
        verdict.get("adjusted_p"),
        yardstick["margin"],
        verdict.get("equality_p"),
        row.get("relative_gain"),
        verdict.get("outcome"),
    ]


def _bounds(estimate: Mapping[str, Any]) -> Sequence[float | None]:
    return estimate.get("interval") or (None, None)


def _written(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()
