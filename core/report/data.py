"""What the model was told: the data as it was understood, and the labels of each part."""

from __future__ import annotations

import torch

from ..composition.telling import labels_by_task
from ..data.near_duplicates import near_duplicates
from ..data.samples import Splits
from .label_shares import label_shares
from .markup import Html, join, table, tag
from .numbers import number
from .pixels import picture
from .subject import Subject

_SPLITS = ("train", "validation", "test")
_SHOWN = 12
"""Pairs of pictures that are nearly the same, as many as are shown."""


def data(subject: Subject) -> Html:
    """Return the section about the data: what it made of its files, samples and labels by part."""
    composition, splits = subject.composition, subject.splits
    understood = composition.understood()
    counts = {"samples": {name: len(splits.named(name)) for name in _SPLITS}}
    counts |= {f"labels of {task}": found for task, found in labels_by_task(composition, splits).items()}
    rows = [[what, *(number(found[name]) for name in _SPLITS)] for what, found in counts.items()]
    charts = label_shares(subject)
    unsifted = composition.dataset.unsifted and composition.dataset_spec.image
    return join(
        [
            table(["What", *_SPLITS], rows, caption="Samples and labels of each part", numeric=(1, 2, 3)),
            *([tag("div", *charts, class_="charts")] if charts else []),
            *([tag("pre", "\n".join(map(str, understood)), tabindex=0)] if understood else []),
            *(_look_alikes(splits) if unsifted else []),
        ]
    )


def _look_alikes(splits: Splits) -> list[Html]:
    """Return the pictures that are nearly the same in two splits, side by side."""
    pairs = near_duplicates(splits)
    if not pairs:
        return []

    def shown(split: str, index: int) -> Html:
        samples = splits.named(split)
        pixels = samples.pixels(torch.tensor([index], device=samples.home))[0].cpu().numpy()
        return picture(pixels, alt=f"sample {index} of {split}")

    rows = [
        [
            shown(pair.split, pair.index),
            f"{pair.split}, sample {pair.index:,}",
            shown(pair.other, pair.other_index),
            f"{pair.other}, sample {pair.other_index:,}",
            "pixel by pixel" if pair.identical else "nearly",
        ]
        for pair in pairs[:_SHOWN]
    ]
    caption = f"Pictures that are nearly the same in two splits: {number(len(pairs))}"
    caption += f", the first {_SHOWN} of them" if len(pairs) > _SHOWN else ""
    return [table(["One", "where", "other", "where", "same"], rows, caption=caption)]
