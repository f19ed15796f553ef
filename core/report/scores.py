"""The tables of all metrics: test, the baseline on test, and validation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .markup import Html, join, table, tag
from .numbers import ABSENT, number
from .subject import Subject

_WAYS = {"higher": "\N{NO-BREAK SPACE}↑", "lower": "\N{NO-BREAK SPACE}↓", None: ""}
_VERDICTS = {"better": "✓ better", "worse": "✗ worse", "equal": "= no better", None: ABSENT}


def scores(subject: Subject) -> Html:
    """Return a table per task with one row per metric."""
    header = ["Metric", "Test", "Baseline", "Model is", "Validation"]
    tables = [
        table(header, _rows(subject, task, values), caption=task, numeric=(1, 2, 4))
        for task, values in subject.metrics["test"].items()
    ]
    note = "↑ more is better, ↓ less is better. "
    return join([tag("div", *tables, class_="scores"), tag("p", note, *_answers(subject), class_="note")])


def _rows(subject: Subject, task: str, values: Iterable[str]) -> Iterator[list[str]]:
    for metric in values:
        yield [
            f"{metric}{_WAYS[subject.direction(task, metric)]}",
            _cell(subject, "test", task, metric),
            _cell(subject, "baseline", task, metric),
            _VERDICTS[subject.against_baseline(task, metric)],
            _cell(subject, "validation", task, metric),
        ]


def _cell(subject: Subject, part: str, task: str, metric: str) -> str:
    try:
        return number(subject.value(part, task, metric))
    except KeyError:
        return ABSENT


def _answers(subject: Subject) -> Iterator[str]:
    answers = subject.metrics.get("baseline_answer", {})
    if answers:
        said = "; ".join(f"{task}: {answer}" for task, answer in answers.items())
        yield f"The baseline needs no model. {said}. "
    yield "The test split was never used to choose anything."
