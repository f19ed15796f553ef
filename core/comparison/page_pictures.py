"""The sections of a comparison's page with intervals and with the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..report.markup import Html, tag
from .pictures import Gain, Spot, forest, plane
from .summary import baseline_of
from .verdicts import BETTER, WORSE

Results = Mapping[str, Any]
Part = tuple[str, str, Html] | None
_KINDS = {BETTER: "good", WORSE: "poor"}


def intervals(results: Results) -> Part:
    """Return the section with a forest plot per task and one of delta-m; None when there is no gain."""
    plots = []
    against = "the single-task value" if results["against"] is None else results["against"]
    for task, yardstick in results["tasks"].items():
        gains = [
            _gain(row["name"], row["tasks"][task]["gain"], row["tasks"][task]["verdict"], yardstick["scale"])
            for row in results["variants"]
            if row["tasks"].get(task, {}).get("gain")
        ]
        plots.append(_plot(gains, f"{task}: gain in {yardstick['metric']}", f"gain ({yardstick['unit']})"))
    deltas = [
        _gain(row["name"], row["delta_m"], row["delta_m_verdict"], 1.0)
        for row in results["variants"]
        if row["delta_m"]
    ]
    plots.append(_plot(deltas, "delta-m: all tasks together", f"mean gain (% of {against})"))
    shown = [plot for plot in plots if plot is not None]
    if not shown:
        return None
    note = (
        f"Gains over {baseline_of(results)}; to the right of the line is better. The lines are the "
        "95 % intervals. A triangle is a verdict (up: better, down: worse), a circle is none."
    )
    return (
        "intervals",
        "Intervals",
        tag("div", tag("p", note, class_="note"), tag("div", *shown, class_="forests")),
    )


def _plot(gains: list[Gain], title: str, x_title: str) -> Html | None:
    if not gains:
        return None
    told = "; ".join(
        f"{gain.label} {gain.mean:+.4g}"
        + (f", {gain.interval[0]:+.4g} to {gain.interval[1]:+.4g}" if gain.interval else "")
        for gain in gains
    )
    drawn = forest(gains, label=f"{title}. {told}", x_title=x_title)
    return tag("figure", tag("figcaption", title), drawn, class_="card forest")


def _gain(name: str, gain: Mapping[str, Any], verdict: Mapping[str, Any], scale: float) -> Gain:
    interval = gain["interval"]
    scaled = None if interval is None else (interval[0] * scale, interval[1] * scale)
    return Gain(name, gain["mean"] * scale, scaled, _KINDS.get(verdict["outcome"], "open"))


def trade_off(results: Results) -> Part:
    """Return the section with the plane and the Pareto front of every two tasks; None for one task."""
    figures = [_plane(results, item) for item in results["pareto"]]
    if not figures:
        return None
    note = (
        "Means over seeds with their standard deviations, on the test split. The dashed front joins the "
        "variants that no other one beats on one task without losing on the other (filled)"
        + ("; single-task training is ringed." if results["against"] is None else ".")
    )
    return "trade-off", "Trade-off", tag("div", tag("p", note, class_="note"), *figures)


def _plane(results: Results, item: Mapping[str, Any]) -> Html:
    tasks = item["tasks"]
    yardsticks = [results["tasks"][task] for task in tasks]
    spots: list[Spot] = []
    key: list[tuple[str, str]] = []
    for row in results["variants"]:
        values = [row["tasks"].get(task, {}).get("value") for task in tasks]
        if all(values):
            best = row["name"] in item["front"]
            spots.append(
                _spot(row["name"], str(len(spots) + 1), values, yardsticks, "best" if best else "other")
            )
            key.append((spots[-1].mark, f"{row['name']}{' (front)' if best else ''}"))
    for name, values in _alone(results, tasks):
        spots.append(_spot(name, "S", values, yardsticks, "alone"))
        key.append(("S", name))
    front = [spot.at for spot in spots if spot.kind == "best"]
    titles = tuple(
        f"{task}: {yardstick['metric']}{' (%)' if yardstick['scale'] == 100 else ''}"
        for task, yardstick in zip(tasks, yardsticks, strict=True)
    )
    told = "; ".join(f"{spot.label} {spot.at[0]:.4g}, {spot.at[1]:.4g}" for spot in spots)
    drawn = plane(
        spots,
        front,
        label=f"{titles[0]} against {titles[1]}. {told}. Front: {', '.join(item['front'])}",
        titles=(titles[0], titles[1]),
        reversed_=(yardsticks[0]["direction"] == "lower", yardsticks[1]["direction"] == "lower"),
    )
    names = tag("ul", *(tag("li", tag("b", mark), tag("span", name)) for mark, name in key), class_="key")
    title = tag("figcaption", f"{tasks[0]} against {tasks[1]}")
    return tag(
        "figure",
        title,
        tag("div", tag("div", drawn, class_="plane"), names, class_="beside"),
        class_="card wide",
    )


def _alone(results: Results, tasks: list[str]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Return the single-task values of both tasks, once for every pair of trainings."""
    found: dict[str, tuple[str, list[Mapping[str, Any]]]] = {}
    for row in results["variants"]:
        single = {item["task"]: item for item in results["single_task"] if row["name"] in item["variants"]}
        if all(single.get(task, {}).get("value") for task in tasks):
            pair = [single[task] for task in tasks]
            seen = "/".join(f"{item['name']}{item['value']}" for item in pair)
            names = " and ".join(item["name"] for item in pair)
            found.setdefault(seen, (f"single-task ({names})", [item["value"] for item in pair]))
    return list(found.values())


def _spot(name: str, mark: str, values: list[Any], yardsticks: list[Any], kind: str) -> Spot:
    at, spread = [
        tuple(
            (value[key] or 0.0) * yardstick["scale"]
            for value, yardstick in zip(values, yardsticks, strict=True)
        )
        for key in ("mean", "sd")
    ]
    return Spot(name, mark, (at[0], at[1]), (spread[0], spread[1]), kind)
