"""What the samples of a run are: what makes another content, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mtl.core.data.content import changes, content_of
from mtl.core.data.samples import Samples, Splits


def samples(count: int, first: int = 0) -> Samples:
    image = torch.arange(first, first + count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    return Samples(image.contiguous(), {"even": torch.arange(first, first + count) % 2})


def splits(train: int = 200) -> Splits:
    return Splits(samples(train), samples(8, 40), samples(8, 60))


def test_the_same_samples_have_the_same_content() -> None:
    assert changes(content_of(splits()), content_of(splits())) == ""


def test_a_run_of_an_earlier_version_knows_no_content() -> None:
    assert changes(None, content_of(splits())) == ""


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (samples(201), "train has 201 samples instead of 200"),
        (samples(200, 1), "train has other samples"),
        (samples(200).select(torch.arange(200).roll(1)), "train has other samples"),
        (replace(samples(200), labels={"even": torch.zeros(200)}), "train has other labels 'even'"),
    ],
)
def test_what_differs_is_said(part: Samples, told: str) -> None:
    known = splits()
    assert changes(content_of(known), content_of(replace(known, train=part))) == told


def test_a_single_label_in_the_middle_counts() -> None:
    known = splits()
    labels = known.train.labels["even"].clone()
    labels[100] = 1 - labels[100]
    here = replace(known, train=replace(known.train, labels={"even": labels}))
    assert changes(content_of(known), content_of(here)) == "train has other labels 'even'"


def test_a_column_that_came_later_changes_nothing() -> None:
    known = splits()
    labels = known.train.labels | {"third": torch.arange(200) % 3}
    here = replace(known, train=replace(known.train, labels=labels))
    assert changes(content_of(known), content_of(here)) == ""
