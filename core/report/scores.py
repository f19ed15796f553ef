"""The table of all metrics: test, validation, and the baseline on test."""

from __future__ import annotations

from collections.abc import Iterator

from .markup import Html, section, table, tag
from .numbers import ABSENT, number
from .subject import Subject

_WAYS = {"higher": "↑ higher", "lower": "↓ lower", None: ""}
_VERDICTS = {"better": "✓ better", "worse": "✗ worse", "equal": "= no better", None: ABSENT}


def scores(subject: Subject) -> Html:
    """Return the section with one row per task and metric."""
    return section(
        "Metrics",
        table(
            [
                "Task",
                "Metric",
                "Better is",
                "Test",
                "Validation",
                "Baseline on test",
                "Model against baseline",
            ],
            _rows(subject),
            caption="Every metric of every task",
            numeric=(3, 4, 5),
        ),
        tag("p", *_answers(subject), class_="note"),
        id_="metrics",
    )


def _rows(subject: Subject) -> Iterator[list[str]]:
    for task, values in subject.metrics["test"].items():
        for metric in values:
            yield [
                task,
                metric,
                _WAYS[subject.direction(task, metric)],
                _cell(subject, "test", task, metric),
                _cell(subject, "validation", task, metric),
                _cell(subject, "baseline", task, metric),
                _VERDICTS[subject.against_baseline(task, metric)],
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
