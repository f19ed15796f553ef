"""How results look on a terminal: one table of metrics, test beside the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

import click


def print_table(rows: list[list[str]], header: list[str]) -> None:
    """Write an aligned table to stdout."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def describe_verification(verification: Mapping[str, Any]) -> str:
    """Return what an exporter's verification found, in a few words."""
    if verification.get("proven") is False:
        return f"not proven here: {verification['reason']}"
    worst = verification.get("worst")
    if not isinstance(worst, Mapping) or "difference" not in worst:
        return "verified"
    allowed = f" (allowed there: {worst['allowed']:.2g})" if "allowed" in worst else ""
    return f"verified: largest difference {worst['difference']:.2g}{allowed}"


def tell_fine_tuning(verification: Mapping[str, Any]) -> None:
    """Print what a smaller file loses, without and with fine-tuning, where its model was trained on."""
    before, after = verification.get("without_fine_tuning"), verification.get("quality", {})
    if not before:
        return
    rows = [
        [task, item["metric"], split, *(_lost(found[task], split) for found in (before, after)), item["unit"]]
        for task, item in after.items()
        for split in item["drop"]
    ]
    print_table(rows, ["task", "metric", "split", "lost, only rounded", "lost, fine-tuned", "in"])


def tell_losses(verification: Mapping[str, Any]) -> None:
    """Say on stderr what each task loses by a smaller file, where that was measured and no table tells it."""
    if verification.get("without_fine_tuning"):
        return
    for task, item in verification.get("quality", {}).items():
        lost = [f"{_lost(item, split)} on {split}" for split in item["drop"] if _lost(item, split)]
        allowed = f"in {item['unit']}; {item['allowed']:g} allowed on validation"
        click.echo(f"{task}: {item['metric']} lost {', '.join(lost)} ({allowed})", err=True)


def _lost(found: Mapping[str, Any], split: str) -> str:
    drop = found["drop"][split]
    return "" if drop is None else f"{drop:+z.2f}"


def print_metrics(
    metrics: Mapping[str, Mapping[str, float | None]], baseline: Mapping[str, Any] | None = None
) -> None:
    """Write one row per task and metric, with the baseline's value beside where there is one."""
    rows = []
    for task, values in metrics.items():
        for name, value in values.items():
            other = (baseline or {}).get(task, {}).get(name)
            rows.append([task, name, shown(value), shown(other)])
    header = ["task", "metric", "value", "baseline"]
    if baseline is None:
        rows, header = [row[:3] for row in rows], header[:3]
    print_table(rows, header)


def tell_shortfalls(metrics: Mapping[str, Any]) -> None:
    """Name on stderr each task that does not beat its baseline, and what may explain it."""
    for task, found in metrics.get("below_baseline", {}).items():
        how = "worse than" if found["standing"] == "worse" else "no better than"
        answer = metrics["baseline_answer"][task]
        numbers = f"{found['metric']} {shown(found['value'])}, baseline {shown(found['baseline'])} ({answer})"
        click.echo(f"warning: task {task!r} is {how} its baseline: {numbers}", err=True)
        for reason in found["reasons"]:
            click.echo(f"  perhaps: {reason}", err=True)


def shown(value: float | None) -> str:
    """Return a number with four decimals, or three digits where these would hide it.

    >>> shown(0.98765), shown(0.0), shown(1.23456e-07), shown(2.5e9), shown(None)
    ('0.9877', '0.0000', '1.23e-07', '2.50e+09', '')
    """
    if value is None:
        return ""
    return f"{value:.2e}" if 0 < abs(value) < 1e-3 or 1e6 <= abs(value) < inf else f"{value:.4f}"


def print_spread(metrics: Mapping[str, Any]) -> None:
    """Write one row per task and metric of the test split: mean and standard deviation over the seeds."""
    rows = []
    for task, values in metrics["test"].items():
        for name, spread in values.items():
            baseline = metrics["baseline"].get(task, {}).get(name, {}).get("mean")
            rows.append([task, name, *map(shown, (spread["mean"], spread["std"], baseline))])
    print_table(rows, ["task", "metric", "mean", "std", "baseline"])


def tell_extension(found: Mapping[str, Any]) -> None:
    """Say what became of the tasks of the run that was extended."""
    if "tasks" in found:
        where = "in torch and in the file" if found["file"] == "bit for bit" else "in torch"
        names = ", ".join(found["tasks"])
        click.echo(
            f"{names}: as in {found['run']}, bit for bit, {where} ({found['samples']} samples)", err=True
        )
    if "test" in found:
        rows = [
            [task, name, shown(before), shown(after)]
            for task, metrics in found["test"].items()
            for name, (before, after) in metrics.items()
        ]
        click.echo()
        print_table(rows, ["old task", "metric", "before", "after"])


def tell_pruning(found: Mapping[str, Any]) -> None:
    """Print what pruning saved, and what it cost."""
    sizes = [
        [name.replace("_", " "), *map(_size, found[name])]
        for name in ("parameters", "bytes", "milliseconds_at_1", "milliseconds_at_64")
        if name in found
    ]
    click.echo()
    print_table(sizes, ["", "before", "after"])
    rows = [
        [task, item["metric"], *map(shown, item["test"]), f"{item['drop']:.3g} {item['unit']}"]
        for task, item in found["quality"].items()
    ]
    click.echo()
    print_table(rows, ["task", "metric", "test before", "after", "lost on validation"])


def _size(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
