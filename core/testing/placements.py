"""Whole models with the component in them: recipes that a composer accepts, the smallest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..composition.composition import Composition
from ..contracts import Form
from ..contracts.specs import ImageSpec
from ..data.samples import Samples
from ..discovery.plugin_loading import HOME
from ..evaluation.fitting import fit
from .bench import (
    ANSWER,
    PICTURES,
    SIZES,
    all_that_fit,
    offline_options,
    spread,
)
from .checks import CheckSkipped
from .kit_task import NUMBER
from .specimens import place_of_head, places_of
from .stated_forms import stated
from .subjects import Subject

TASK = "answer"
OTHER = "other"
Tree = dict[str, Any]


@dataclass(frozen=True)
class Placement:
    """A composition with the component in it, and eight samples of its data set."""

    composition: Composition
    eight: Samples


def placed(subject: Subject, *, train: Mapping[str, Any] | None = None) -> Placement:
    """Return the first placement of a component; skip when nothing installed works with it.

    Every call builds it anew, with the same seed.
    """
    trees = ({**tree, "train": {**(train or {}), **tree.get("train", {})}} for tree in _trees(subject))
    for composition in all_that_fit(subject.bench, trees):
        try:
            splits = subject.bench.splits(composition)
        except CheckSkipped as skipped:
            reason = skipped
            continue
        return _fitted(composition, spread(splits.train))
    raise reason


def every_placement(subject: Subject, *, train: Mapping[str, Any]) -> Iterator[Placement]:
    """Yield a placement for every form of answer that a head or a loss accepts, otherwise the first."""
    if subject.kind not in ("head", "loss"):
        yield placed(subject, train=train)
        return
    trees = ({**tree, "train": dict(train)} for tree in _trees(subject))
    seen = set()
    for composition in all_that_fit(subject.bench, trees):
        if (target := composition.tasks[TASK].target) not in seen:
            seen.add(target)
            yield _fitted(composition, spread(subject.bench.splits(composition).train))


def _fitted(composition: Composition, eight: Samples) -> Placement:
    fit(composition, eight)
    return Placement(composition, eight)


def part_of(subject: Subject, composition: Composition) -> nn.Module:
    """Return the part of the model in which the component's parameters are."""
    if subject.kind in ("encoder", "sharing"):
        return composition.model.sharing
    if subject.kind == "head":
        return composition.model.head(TASK)
    if subject.kind == "balancer":
        return composition.balancer
    return composition.model


def _trees(subject: Subject) -> Iterator[Tree]:
    for tree in _OF_KIND[subject.kind](subject):
        yield {"dataset": subject.bench.pictures(SIZES[0]), **tree}


def _answer(form: Form, **options: Any) -> dict[str, Any]:
    return {"task": ANSWER, "form": stated(form), **options}


def _two_tasks(subject: Subject) -> Tree:
    first, second, *_ = subject.bench.forms(SIZES[0])
    return {TASK: _answer(first), OTHER: _answer(second)}


def _encoders(subject: Subject) -> Iterator[Tree]:
    for seen, inputs in places_of(subject):
        first, second, *_ = subject.bench.forms(seen if isinstance(seen, ImageSpec) else SIZES[0])
        tasks = {TASK: _answer(first, number=NUMBER in inputs), OTHER: _answer(second)}
        yield {"dataset": subject.bench.offering(seen, inputs), "encoder": subject.choice, "tasks": tasks}


def _heads(subject: Subject) -> Iterator[Tree]:
    for form in subject.bench.forms(SIZES[0]):
        if (place := place_of_head(subject, form)) is not None:
            encoder, spec = place
            task = _answer(form, number=bool(spec.inputs), head=subject.choice)
            yield {"encoder": encoder, "tasks": {TASK: task}}


def _losses(subject: Subject) -> Iterator[Tree]:
    for form in subject.bench.forms(SIZES[0]):
        yield {"tasks": {TASK: _answer(form, loss=subject.choice)}}


def _tasks(subject: Subject) -> Iterator[Tree]:
    task = {"task": subject.record.qualified_name, **subject.options}
    for dataset in _datasets(subject):
        yield {"dataset": dataset, "tasks": {TASK: task}}


def _datasets(subject: Subject) -> list[dict[str, Any]]:
    """Return the data sets for a task: its plugin's own, the kit's, then the others."""
    others = [entry for entry in subject.bench.entries("dataset") if entry.component.name != PICTURES]
    own = [
        entry
        for entry in others
        if entry.provider == subject.provider and entry.provider.distribution != HOME
    ]
    kit = [subject.bench.pictures(SIZES[0])]
    return [
        *({"name": entry.qualified_name, **offline_options(entry)} for entry in own),
        *kit,
        *({"name": entry.qualified_name, **offline_options(entry)} for entry in others if entry not in own),
    ]


def _sharings(subject: Subject) -> Iterator[Tree]:
    yield {"sharing": subject.choice, "tasks": _two_tasks(subject)}


def _balancers(subject: Subject) -> Iterator[Tree]:
    yield {"balancer": subject.choice, "tasks": _two_tasks(subject)}


def _training(subject: Subject) -> Iterator[Tree]:
    yield {"train": {subject.kind: subject.choice}, "tasks": _two_tasks(subject)}


def _exporters(subject: Subject) -> Iterator[Tree]:
    first, *others = subject.bench.forms(SIZES[0])
    second = next((form for form in others if form.is_image), others[0])
    yield {"export": subject.choice, "tasks": {TASK: _answer(first), OTHER: _answer(second)}}


_OF_KIND: Mapping[str, Callable[[Subject], Iterator[Tree]]] = {
    "encoder": _encoders,
    "head": _heads,
    "loss": _losses,
    "task": _tasks,
    "sharing": _sharings,
    "balancer": _balancers,
    "optimizer": _training,
    "schedule": _training,
    "exporter": _exporters,
}
