"""All tasks in common axes: how far each loss fell, whether gradients agree, and what the balancer weighs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import isfinite, nan
from statistics import fmean

from ..contracts import LearnedTable
from .charts import SERIES, Point, Series, line_chart
from .markup import Html, folded, join, tag
from .numbers import number
from .shaded import shaded
from .subject import Subject

_PAIRS = 6
"""Most pairs of tasks that have a line each; of more, each task has the mean over its pairs."""

Lines = Mapping[str, Sequence[Point]]


def joint(subject: Subject) -> Html:
    """Return one chart of all tasks each for relative losses, gradient cosines and weights.

    The last two where history.csv has them. A task has the same colour in all of them.
    """
    tasks = list(subject.composition.tasks)
    cosines = _cosines(subject, tasks)
    weights = _weights(subject, tasks)
    charts = [_relative_losses(subject, tasks), *_of_cosines(subject, tasks, cosines)]
    if weights:
        about = "How much the balancer weighs each task's loss, mean over an epoch."
        charts.append(_chart(subject, "Weights", about, weights))
    elif len(tasks) > 2 and cosines:
        charts.append(_matrix(tasks, cosines))
    parts = [tag("div", *charts, class_="charts")]
    if not weights:
        said = f"The balancer {subject.composition.recipe.balancer.name} weighs all epochs alike."
        parts.append(tag("p", said, class_="note"))
    elif len(tasks) > 2 and cosines:
        parts.append(folded("The mean cosine of every pair", _matrix(tasks, cosines)))
    return join(parts)


def _relative_losses(subject: Subject, tasks: Sequence[str]) -> Html:
    lines = {}
    for task in tasks:
        points = _column(subject, f"validation/{task}/loss")
        first = next((value for _, value in points if isfinite(value)), nan)
        lines[task] = [(epoch, value / first if first else nan) for epoch, value in points]
    about = "Each validation loss as a share of its own first value: which tasks still learn."
    return _chart(subject, "Relative losses", about, lines, logarithmic=True)


def _of_cosines(
    subject: Subject, tasks: Sequence[str], cosines: Mapping[tuple[str, str], Sequence[Point]]
) -> list[Html]:
    """Return the chart of pairs, or, of many, of each task's mean over its pairs."""
    if not cosines:
        return []
    told = "Above 0 they pull the shared layers the same way, below 0 they are in conflict."
    if len(cosines) <= _PAIRS:
        pairs = {" · ".join(pair): points for pair, points in cosines.items()}
        about = f"Cosine between two tasks' gradients. {told}"
        return [_chart(subject, "Gradient cosines", about, pairs, level=0.0)]
    means = {}
    for task in tasks:
        own = [dict(points) for pair, points in cosines.items() if task in pair]
        epochs = sorted({epoch for points in own for epoch in points})
        means[task] = [(epoch, fmean(points.get(epoch, nan) for points in own)) for epoch in epochs]
    about = f"Cosine of each task's gradient with the others', their mean. {told}"
    return [_chart(subject, "Gradient cosines", about, means, level=0.0)]


def _chart(
    subject: Subject,
    title: str,
    about: str,
    lines: Lines,
    *,
    logarithmic: bool = False,
    level: float | None = None,
) -> Html:
    series = [
        Series(name, points, f"s{place % SERIES}") for place, (name, points) in enumerate(lines.items())
    ]
    last = "; ".join(f"{line.label} {number(line.points[-1][1])}" for line in series if line.points)
    drawn = line_chart(
        series,
        label=f"{title} by epoch, at the end: {last}",
        x_title="epoch",
        mark=subject.mark_of_chosen_epoch,
        logarithmic=logarithmic,
        level=level,
    )
    return tag("figure", tag("figcaption", title), drawn, tag("p", about, class_="note"), class_="card")


def _cosines(subject: Subject, tasks: Sequence[str]) -> dict[tuple[str, str], list[Point]]:
    columns = {pair: _column(subject, "cosine/" + "/".join(pair)) for pair in combinations(tasks, 2)}
    return {pair: points for pair, points in columns.items() if points}


def _weights(subject: Subject, tasks: Sequence[str]) -> dict[str, list[Point]]:
    columns = {task: _column(subject, f"weight/{task}") for task in tasks}
    return columns if all(columns.values()) else {}


def _column(subject: Subject, key: str) -> list[Point]:
    return [(row["epoch"], row[key]) for row in subject.history if key in row]


def _matrix(tasks: Sequence[str], cosines: Mapping[tuple[str, str], Sequence[Point]]) -> Html:
    known = {pair: fmean(value for _, value in points) for pair, points in cosines.items()}
    rows = tuple(
        tuple(known.get((one, other), known.get((other, one), nan)) for other in tasks) for one in tasks
    )
    meaning = "Cosine between the gradients of two tasks, mean over all epochs"
    return shaded(LearnedTable("Mean gradient cosines", meaning, tuple(tasks), tuple(tasks), rows))
