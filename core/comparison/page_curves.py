"""The sections of a comparison's page with curves: validation, gradient conflict, balancer weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..report.markup import Html, tag
from ..report.numbers import number
from .pictures import Band, Points, band_chart, span
from .summary import baseline_of

Results = Mapping[str, Any]
Part = tuple[str, str, Html] | None


def curves(results: Results) -> Part:
    """Return the section with every variant's validation curves beside those that it is held against."""
    groups = []
    for task, yardstick in results["tasks"].items():
        key = f"validation/{task}/{yardstick['metric']}"
        alone = _curves_alone(results, task, key)

        def bands(
            row: Mapping[str, Any], key: str = key, alone: Mapping[str, Points | None] = alone
        ) -> list[Band]:
            found = []
            if single := alone.get(row["name"]):
                found.append(Band(results["against"] or "single-task", single, "alone"))
            if own := row["curves"].get(key):
                found.append(Band(row["name"], own, "variant"))
            return found

        way = "higher is better" if yardstick["direction"] == "higher" else "lower is better"
        groups.append(_group(f"{task}: {yardstick['metric']} ({way})", results["variants"], bands))
    shown = [group for group in groups if group is not None]
    if not shown:
        return None
    note = (
        "Validation split. Lines are means over seeds, areas their range; all charts of a task have the same "
        "axes."
    )
    return "curves", "Curves", tag("div", tag("p", note, class_="note"), _key(results), *shown)


def _curves_alone(results: Results, task: str, key: str) -> dict[str, Points | None]:
    """Return by variant the curve that it is held against."""
    rows = {row["name"]: row for row in results["variants"]}
    if (baseline := rows.get(results["against"])) is not None:
        return {name: baseline["curves"].get(key) for name in rows if name != results["against"]}
    single = [item for item in results["single_task"] if item["task"] == task]
    return {name: item["curves"].get(key) for item in single for name in item["variants"]}


def conflict(results: Results) -> Part:
    """Return the section with the cosine between two tasks' gradients over training; None without any."""
    return _by_columns(
        results,
        "cosine/",
        ("conflict", "Gradient conflict"),
        "The cosine between two tasks' gradients on the shared parameters, once per epoch. Above zero a step "
        "for one task helps the other, below zero it hurts: the tasks are in conflict.",
        lambda key: " and ".join(key.split("/")[1:]),
        zero=True,
    )


def weights(results: Results) -> Part:
    """Return the section with the weights that balancers gave the tasks; None without any."""
    return _by_columns(
        results,
        "weight/",
        ("weights", "Balancer weights"),
        "The weight that the balancer gave a task's loss, mean over the epoch.",
        lambda key: key.split("/")[1],
    )


def _by_columns(
    results: Results,
    prefix: str,
    name: tuple[str, str],
    note: str,
    title: Callable[[str], str],
    zero: bool = False,
) -> Part:
    keys = dict.fromkeys(
        key for row in results["variants"] for key in row["curves"] if key.startswith(prefix)
    )
    groups = []
    for key in keys:

        def bands(row: Mapping[str, Any], key: str = key) -> list[Band]:
            points = row["curves"].get(key)
            return [Band(row["name"], points, "variant")] if points else []

        groups.append(_group(title(key), results["variants"], bands, zero=zero))
    shown = [group for group in groups if group is not None]
    return (*name, tag("div", tag("p", note, class_="note"), *shown)) if shown else None


def _group(
    title: str,
    rows: Sequence[Mapping[str, Any]],
    bands: Callable[[Mapping[str, Any]], list[Band]],
    zero: bool = False,
) -> Html | None:
    """Return one chart per variant that has curves, all on the same axes."""
    drawn = {row["name"]: found for row in rows if (found := bands(row)) and found[-1].style == "variant"}
    if not drawn:
        return None
    over = span([band for found in drawn.values() for band in found])
    charts = [
        band_chart(name, found, over, label=f"{title}, {name}: {_told(found)}", zero=zero)
        for name, found in drawn.items()
    ]
    return tag("section", tag("h3", title), tag("div", *charts, class_="panels"))


def _told(bands: Sequence[Band]) -> str:
    return "; ".join(
        f"{band.label} from {number(band.points[0]['mean'])} to {number(band.points[-1]['mean'])}"
        for band in bands
    )


def _key(results: Results) -> Html:
    return tag(
        "p",
        tag("span", tag("i"), "the variant", class_="legend-line"),
        tag("span", tag("i", class_="alone"), baseline_of(results), class_="legend-line"),
        class_="note",
    )
