"""What was trained: the model by its parts, inputs and outputs, and the recipe."""

from __future__ import annotations

import json

from ..base.shapes import shown_shape
from ..contracts import Form
from ..recipe.recipe_source import write_yaml
from .architecture import architecture
from .markup import Html, folded, join, table, tag
from .numbers import number
from .subject import Subject


def plan(subject: Subject) -> Html:
    """Return the section about the model and its recipe."""
    planned = subject.composition.plan()
    again = tag("p", "Run it again: ", tag("code", "mtl compose --recipe recipe.yaml"), ". ",
                f"Its SHA-256 is {planned['recipe_hash']}.", class_="note")  # fmt: skip
    return join(
        [
            architecture(subject.composition),
            _costs(subject),
            _inputs(subject),
            _outputs(subject),
            *_classes(subject),
            tag("h3", "Recipe"),
            _unusual(subject),
            again,
            folded("The recipe in full", tag("pre", tag("code", write_yaml(planned["recipe"])), tabindex=0)),
        ]
    )


def meaning(target: Form, *, raw: bool) -> str:
    """Return what the numbers of an output are; `raw` outputs are those before the last step."""
    said = target.meaning(raw=raw)
    return said.replace("values", ", ".join(target.labels), 1) if target.quantities else said


def _unusual(subject: Subject) -> Html:
    if not subject.unusual:
        return tag("p", "Every option has its default.", class_="note")
    rows = [[name, json.dumps(value, ensure_ascii=False)] for name, value in subject.unusual.items()]
    return table(["Option", "Here"], rows, caption="What differs from the defaults")


def _costs(subject: Subject) -> Html:
    costs = {part: cost for part, cost in subject.composition.costs().items() if any(vars(cost).values())}
    rows = [
        [part, *map(number, (cost.parameters, cost.trained, cost.multiply_adds, cost.bytes))]
        for part, cost in costs.items()
    ]
    totals = [sum(getattr(cost, name) for cost in costs.values()) for name in _COLUMNS]
    rows.append(["all", *map(number, totals)])
    head = ["Part", "Parameters", "of them trained", "Multiply-adds", "Bytes kept for the backward pass"]
    return table(head, rows, caption="What each part has, and what one sample costs", numeric=range(1, 5))


_COLUMNS = ("parameters", "trained", "multiply_adds", "bytes")


def _inputs(subject: Subject) -> Html:
    extra = {spec.name: spec for spec in subject.composition.inputs}
    rows = []
    for item in subject.composition.plan()["inputs"]:
        spec = extra.get(item["name"])
        about = "pixels in 0..1; normalisation is inside the model"
        if spec is not None:
            about = spec.meaning()
        rows.append([item["name"], item["dtype"], shown_shape(item["shape"]), about])
    return table(["Input", "Type", "Shape", "Meaning"], rows, caption="What the model reads")


def _outputs(subject: Subject) -> Html:
    rows = [
        [item["name"], item["target"]["form"], shown_shape(item["shape"]), meaning(target, raw=False)]
        for item, target in zip(
            subject.composition.plan()["outputs"], subject.composition.targets.values(), strict=True
        )
    ]
    return table(["Output", "Form", "Shape", "Meaning"], rows, caption="What the model answers")


def _classes(subject: Subject) -> list[Html]:
    return [
        folded(
            f"The {len(target.choices)} classes of {task}, in order",
            tag("ol", *(tag("li", name) for name in target.choices), start=0, class_="classes"),
        )
        for task, target in subject.composition.targets.items()
        if target.choices
    ]
