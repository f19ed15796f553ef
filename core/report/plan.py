"""What was trained: parameters by part, inputs and outputs, and the recipe in full."""

from __future__ import annotations

from ..contracts import Form
from ..recipe.recipe_source import write_yaml
from .markup import Html, folded, section, table, tag
from .numbers import number
from .subject import Subject


def plan(subject: Subject) -> Html:
    """Return the section about the model and its recipe."""
    planned = subject.composition.plan()
    return section(
        "Plan",
        _parameters(subject),
        _costs(subject),
        _inputs(subject),
        _outputs(subject),
        *_classes(subject),
        tag("h3", "Recipe"),
        tag("p", "Run it again: ", tag("code", "mtl compose --recipe recipe.yaml"), ". ",
            f"Its SHA-256 is {planned['recipe_hash']}.", class_="note"),
        tag("pre", tag("code", write_yaml(planned["recipe"])), tabindex=0),
        id_="plan",
    )  # fmt: skip


def meaning(target: Form, *, raw: bool) -> str:
    """Return what the numbers of an output are; `raw` outputs are those before the last step."""
    said = target.meaning(raw=raw)
    return said.replace("values", ", ".join(target.labels), 1) if target.quantities else said


def _parameters(subject: Subject) -> Html:
    counts = subject.composition.parameters()
    parts = {"encoder, with what tasks share": counts["encoder"]}
    parts |= {f"head of {task}": count for task, count in counts["heads"].items()}
    rows = [[part, number(count)] for part, count in (*parts.items(), ("total", counts["total"]))]
    return table(["Part", "Trainable parameters"], rows, caption="Parameters by part", numeric=(1,))


def _costs(subject: Subject) -> Html:
    rows = [
        [part, number(cost.parameters), number(cost.multiply_adds), number(cost.bytes)]
        for part, cost in subject.composition.costs().items()
        if cost.parameters or cost.multiply_adds
    ]
    head = ["Part", "Parameters", "Multiply-adds", "Bytes kept for the backward pass"]
    return table(head, rows, caption="What one sample costs, by part", numeric=(1, 2, 3))


def _inputs(subject: Subject) -> Html:
    extra = {spec.name: spec for spec in subject.composition.inputs}
    rows = []
    for item in subject.composition.plan()["inputs"]:
        spec = extra.get(item["name"])
        about = "pixels in 0..1; normalisation is inside the model"
        if spec is not None:
            about = spec.meaning()
        rows.append([item["name"], item["dtype"], _shape(item["shape"]), about])
    return table(["Input", "Type", "Shape", "Meaning"], rows, caption="What the model reads")


def _outputs(subject: Subject) -> Html:
    rows = [
        [item["name"], item["target"]["form"], _shape(item["shape"]), meaning(target, raw=False)]
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


def _shape(shape: list[str | int]) -> str:
    return f"[{', '.join(map(str, shape))}]"
