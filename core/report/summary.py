"""The top of the page: what was trained, and in one plain sentence per task how good it is."""

from __future__ import annotations

from typing import NamedTuple

from .charts import SERIES
from .markup import Html
from .numbers import duration, listed, number
from .subject import Subject
from .templating import rendered


class _Statement(NamedTuple):
    """What is said of a task; `kind` is the class that colours it."""

    task: str
    metric: str
    value: str
    said: str
    kind: str
    icon: str


def summary(subject: Subject) -> Html:
    """Return the title and one statement per task; a model that does not beat the baseline is said so."""
    recipe = subject.composition.recipe
    names = list(subject.composition.tasks)
    lead = (
        f"Data set {recipe.dataset.name}, encoder {recipe.encoder.name}, sharing {recipe.sharing.name}, "
        f"balancer {recipe.balancer.name}, {number(subject.composition.parameters()['total'])} parameters. "
        f"{_training(subject)}"
    )
    statements = [_statement(subject, name) for name in names]
    return rendered(
        "headline.html",
        title=listed(names),
        lead=lead,
        statements=statements,
        colours=SERIES,
        columns=_columns(len(names)),
    )


def _columns(count: int) -> int:
    """Return how many columns leave the least of the last row empty."""
    return count if count < 4 else min((4, 3), key=lambda columns: -count % columns)


def _training(subject: Subject) -> str:
    training = subject.metrics.get("training", {})
    if not training:
        return ""
    epochs = training["epochs"]
    counted = f"{epochs} epoch{'s' if epochs != 1 else ''}"
    kept = f"; the weights of epoch {subject.chosen_epoch} were kept" if epochs != 1 else ""
    return (
        f"Trained for {counted} in {duration(training['seconds'])} on {subject.environment['device']}{kept}."
    )


def _statement(subject: Subject, task: str) -> _Statement:
    metric = subject.leading(task) or "loss"
    verdict = subject.against_baseline(task, metric)
    said = [_comparison(subject, task, metric, verdict)]
    others = [name for name in subject.judged(task) if subject.against_baseline(task, name) == "worse"]
    if others and verdict == "better":
        said.append(f"By {listed(others)} the baseline is better.")
    said += [f"Perhaps: {reason}." for reason in _reasons(subject, task)]
    kind = "good" if verdict == "better" else "poor" if verdict else "open"
    icon = {"good": "✓", "poor": "!", "open": "·"}[kind]
    value = number(subject.value("test", task, metric))
    return _Statement(task, metric, value, " ".join(said), kind, icon)


def _reasons(subject: Subject, task: str) -> list[str]:
    found = subject.metrics.get("below_baseline", {}).get(task, {})
    return list(found.get("reasons", ()))


def _comparison(subject: Subject, task: str, metric: str, verdict: str | None) -> str:
    answer = subject.metrics.get("baseline_answer", {}).get(task)
    baseline = f"the baseline ({answer})" if answer else "the baseline"
    if metric not in subject.metrics.get("baseline", {}).get(task, {}):
        return "There is no baseline to compare it with."
    other = number(subject.value("baseline", task, metric))
    if verdict is None:
        return f"It cannot be compared: {baseline} has a value that is {other}."
    reached = f"{baseline[0].upper()}{baseline[1:]} reaches {other}"
    ending = {
        "better": "the model is better.",
        "worse": "the model does not beat the baseline, it is worse.",
        "equal": "the model does not beat the baseline, it is no better.",
    }[verdict]
    return f"{reached}: {ending}"
