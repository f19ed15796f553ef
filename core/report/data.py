"""What the model was told: the data as it was understood, and the labels of each part."""

from __future__ import annotations

from ..telling import labels_by_task
from .markup import Html, section, table, tag
from .numbers import number
from .subject import Subject

_SPLITS = ("train", "validation", "test")


def data(subject: Subject) -> Html:
    """Return the section about the data: what it made of its files, samples and labels by part."""
    composition, splits = subject.composition, subject.splits
    understood = composition.understood()
    counts = {"samples": {name: len(splits.named(name)) for name in _SPLITS}}
    counts |= {f"labels of {task}": found for task, found in labels_by_task(composition, splits).items()}
    rows = [[what, *(number(found[name]) for name in _SPLITS)] for what, found in counts.items()]
    return section(
        "Data",
        table(["", *_SPLITS], rows, caption="Samples and labels of each part", numeric=(1, 2, 3)),
        *([tag("pre", "\n".join(map(str, understood)), tabindex=0)] if understood else []),
        id_="data",
    )
