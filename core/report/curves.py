"""How losses and metrics went from epoch to epoch, task by task."""

from __future__ import annotations

from .charts import Point, Series, line_chart
from .markup import Html, section, tag
from .numbers import number
from .subject import Subject


def curves(subject: Subject) -> Html:
    """Return the section with one group of charts per task."""
    groups = [_task(subject, task) for task in subject.composition.tasks]
    chosen = subject.chosen_epoch
    kept = f" The weights kept are those of epoch {chosen}." if chosen is not None else ""
    note = f"One point per epoch.{kept} The numbers are in history.csv."
    return section("Training", tag("p", note, class_="note"), *groups, id_="training")


def _task(subject: Subject, task: str) -> Html:
    prefix = f"validation/{task}/"
    keys = list(dict.fromkeys(key for row in subject.history for key in row if key.startswith(prefix)))
    charts = [_loss(subject, task)]
    charts += [_metric(subject, task, key.removeprefix(prefix)) for key in keys if key != f"{prefix}loss"]
    return tag("section", tag("h3", task), tag("div", *charts, class_="charts"))


def _loss(subject: Subject, task: str) -> Html:
    return _chart(
        subject,
        task,
        "loss",
        [
            Series("train", _points(subject, f"train/{task}/loss"), "train"),
            Series("validation", _points(subject, f"validation/{task}/loss"), "validation"),
        ],
    )


def _metric(subject: Subject, task: str, metric: str) -> Html:
    points = _points(subject, f"validation/{task}/{metric}")
    return _chart(subject, task, metric, [Series("validation", points, "validation")])


def _chart(subject: Subject, task: str, metric: str, series: list[Series]) -> Html:
    chosen = subject.chosen_epoch
    mark = None if chosen is None else (float(chosen), f"kept: {chosen}")
    way = subject.direction(task, metric)
    title = f"{metric} ({way} is better)" if way else metric
    drawing = line_chart(series, label=_said(task, metric, series), x_title="epoch", mark=mark)
    return tag("figure", tag("figcaption", title), drawing, class_="card")


def _points(subject: Subject, key: str) -> list[Point]:
    return [(row["epoch"], row[key]) for row in subject.history if key in row]


def _said(task: str, metric: str, series: list[Series]) -> str:
    """Return what the chart shows, for those who cannot see it."""
    lines = [
        f"{line.label} from {number(line.points[0][1])} at epoch {line.points[0][0]:g} "
        f"to {number(line.points[-1][1])} at epoch {line.points[-1][0]:g}"
        for line in series
        if line.points
    ]
    return f"{metric} of {task} by epoch: {'; '.join(lines)}"
