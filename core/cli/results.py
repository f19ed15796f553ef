"""How results look on a terminal: one table of metrics, test beside the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click


def print_table(rows: list[list[str]], header: list[str]) -> None:
    """Write an aligned table to stdout."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def describe_verification(verification: Mapping[str, Any]) -> str:
    """Return what an exporter's verification found, in a few words."""
    worst = verification.get("worst")
    if not isinstance(worst, Mapping) or "difference" not in worst:
        return "verified"
    allowed = f" (allowed there: {worst['allowed']:.2g})" if "allowed" in worst else ""
    return f"verified: largest difference {worst['difference']:.2g}{allowed}"


def print_metrics(
    metrics: Mapping[str, Mapping[str, float | None]], baseline: Mapping[str, Any] | None = None
) -> None:
    """Write one row per task and metric, with the baseline's value beside where there is one."""
    rows = []
    for task, values in metrics.items():
        for name, value in values.items():
            other = (baseline or {}).get(task, {}).get(name)
            rows.append([task, name, *("" if item is None else f"{item:.4f}" for item in (value, other))])
    header = ["task", "metric", "value", "baseline"]
    if baseline is None:
        rows, header = [row[:3] for row in rows], header[:3]
    print_table(rows, header)


def print_spread(metrics: Mapping[str, Any]) -> None:
    """Write one row per task and metric of the test split: mean and standard deviation over the seeds."""
    rows = []
    for task, values in metrics["test"].items():
        for name, spread in values.items():
            baseline = metrics["baseline"].get(task, {}).get(name, {}).get("mean")
            shown = (spread["mean"], spread["std"], baseline)
            rows.append([task, name, *("" if item is None else f"{item:.4f}" for item in shown)])
    print_table(rows, ["task", "metric", "mean", "std", "baseline"])
