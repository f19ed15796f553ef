"""search.html: one self-contained page, drawn from the content of `search.json` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..report.charts import Point, Series, line_chart
from ..report.frame import Section, framed
from ..report.markup import Html, pairs, table, tag
from ..report.numbers import ABSENT, number
from .objectives import Objective
from .tables import caveat, counted, trial_rows

Results = Mapping[str, Any]


def page(results: Results, objectives: Sequence[Objective]) -> Html:
    """Return the whole page; the same results give the same bytes."""
    shown = [("trials", "Trials", _trials(results, objectives))]
    if results["best"]:
        shown = [
            ("course", "Course", _course(results, objectives)),
            *shown,
            *([("test", "On test", _test(results))] if results["test"] else []),
        ]
    shown.append(("method", "Method", _method(results, objectives)))
    title = f"mtl search: {', '.join(results['plan']['space'])}"
    header = tag(
        "header",
        tag("p", "mtl: search", class_="kicker"),
        tag("h1", ", ".join(results["plan"]["space"])),
        tag("p", f"{counted(results)}. {caveat(results)}", class_="lead"),
    )
    return framed(title, header, [Section(*part) for part in shown])


def _course(results: Results, objectives: Sequence[Objective]) -> Html:
    charts = [_chart(results, index, item) for index, item in enumerate(objectives)]
    note = "The score of every finished trial, and the best so far, in the order of the trials."
    return tag("div", tag("p", note, class_="note"), tag("div", *charts, class_="charts"))


def _chart(results: Results, index: int, objective: Objective) -> Html:
    points: list[Point] = [
        (trial["number"], trial["scores"][index])
        for trial in results["trials"]
        if trial["state"] == "finished"
    ]
    pick = max if objective.direction == "higher" else min
    so_far = [(at, pick(score for _, score in points[: place + 1])) for place, (at, _) in enumerate(points)]
    series = [Series("each", points, "train"), Series("best so far", so_far, "validation")]
    drawn = line_chart(series, label=f"{objective.title} by trial", x_title="trial")
    return tag("figure", tag("figcaption", f"{objective.title} ({objective.direction} is better)"), drawn)


def _trials(results: Results, objectives: Sequence[Objective]) -> Html:
    header, rows = trial_rows(results, objectives)
    return table(header, rows, caption="Trials, the best first", numeric=range(len(header) - 1))


def _test(results: Results) -> Html:
    rows = [
        [f"trial {int(name)}", task, metric, ABSENT if value is None else number(value)]
        for name, test in results["test"].items()
        for task, values in test.items()
        for metric, value in values.items()
    ]
    return table(["", "task", "metric", "test"], rows, caption="Test metrics of the best", numeric=(3,))


def _method(results: Results, objectives: Sequence[Objective]) -> Html:
    plan = results["plan"]
    judged = [
        f"{item.title} ({item.direction} is better)"
        + (
            f" of {', '.join(item.yardsticks)}"
            if item.name not in item.yardsticks and item.yardsticks
            else ""
        )
        for item in objectives
    ]
    return pairs(
        [
            ("Space", "; ".join(f"{key}: {values}" for key, values in plan["space"].items())),
            ("Judged by", f"{', '.join(judged)}, on the validation split at the epoch that is kept"),
            ("Sampler", f"{plan['sampler']}, seed {plan['recipe']['seed']}; the same for the same seed"),
            ("Pruner", plan["pruner"] if len(objectives) == 1 else "none: there are several objectives"),
            ("Skill", "0: as good as a constant answer; 1: the best there is, or its size away from it"),
        ]
    )
