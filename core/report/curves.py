"""How losses, gradients and weights went from epoch to epoch: of all tasks together, and task by task."""

from __future__ import annotations

from .charts import Point, Series, line_chart
from .joint import joint
from .markup import Html, join, tag
from .numbers import number
from .subject import Subject


def training(subject: Subject) -> Html:
    """Return what shows all tasks in common axes; of one task its own curves."""
    chosen = subject.chosen_epoch
    kept = f" The weights kept are those of epoch {chosen}." if chosen is not None else ""
    note = f"One point per epoch.{kept} The numbers are in history.csv."
    tasks = list(subject.composition.tasks)
    shown = joint(subject) if len(tasks) > 1 else tag("div", *_all(subject, tasks[0]), class_="charts")
    return join([tag("p", note, class_="note"), shown])


def _all(subject: Subject, task: str) -> list[Html]:
    first, others = curves(subject, task)
    return first + others


def curves(subject: Subject, task: str) -> tuple[list[Html], list[Html]]:
    """Return a task's charts: of the loss and of what it is judged by; and those of all other metrics."""
    prefix = f"validation/{task}/"
    keys = list(dict.fromkeys(key for row in subject.history for key in row if key.startswith(prefix)))
    leading = subject.leading(task)
    first, others = [_loss(subject, task)], list[Html]()
    for metric in (key.removeprefix(prefix) for key in keys):
        if metric != "loss":
            (first if metric == leading else others).append(_metric(subject, task, metric))
    return first, others


def _loss(subject: Subject, task: str) -> Html:
    series = [Series(part, _points(subject, f"{part}/{task}/loss"), part) for part in ("train", "validation")]
    return _chart(subject, task, "loss", series)


def _metric(subject: Subject, task: str, metric: str) -> Html:
    points = _points(subject, f"validation/{task}/{metric}")
    return _chart(subject, task, metric, [Series("validation", points, "validation")])


def _chart(subject: Subject, task: str, metric: str, series: list[Series]) -> Html:
    way = subject.direction(task, metric)
    title = f"{metric} ({way} is better)" if way else metric
    drawing = line_chart(
        series, label=_said(task, metric, series), x_title="epoch", mark=subject.mark_of_chosen_epoch
    )
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
