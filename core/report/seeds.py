"""The page about several seeds of one recipe: means, spread, and a link to every run's own page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..base.files import write_text
from .frame import Section, framed
from .markup import Html, table, tag
from .numbers import ABSENT, number

_PARTS = {"test": "Test", "validation": "Validation"}


def write_seeds_report(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write `report.html` atomically from the content of the summary `metrics.json`."""
    write_text(path / "report.html", seeds_page(metrics))


def seeds_page(metrics: Mapping[str, Any]) -> Html:
    """Return the whole page."""
    seeds = [str(seed) for seed in metrics["seeds"]]
    title = f"{len(seeds)} seeds"
    best = metrics["best"]["seed"]
    links = (
        tag("li", tag("a", f"seed {seed}", href=f"seed-{seed}/report.html"), " (best)" * (seed == str(best)))
        for seed in seeds
    )
    header = tag("header", tag("h1", title), tag("p", f"Best by its validation score: seed {best}."))
    parts = [Section(part, name, _scores(metrics, part, seeds)) for part, name in _PARTS.items()]
    runs = Section("runs", "Runs", tag("ul", *links))
    return framed(f"{title}: mtl report", header, [*parts, runs])


def _scores(metrics: Mapping[str, Any], part: str, seeds: list[str]) -> Html:
    header = ["Task", "Metric", "Mean", "Standard deviation", "Baseline", *(f"Seed {seed}" for seed in seeds)]
    rows = []
    for task, values in metrics[part].items():
        for name, spread in values.items():
            baseline = metrics["baseline"].get(task, {}).get(name, {}).get("mean") if part == "test" else None
            shown = [spread["mean"], spread["std"], baseline, *(spread["values"][seed] for seed in seeds)]
            rows.append([task, name, *(ABSENT if item is None else number(item) for item in shown)])
    return table(header, rows, caption=f"{_PARTS[part]} split", numeric=range(2, len(header)))
