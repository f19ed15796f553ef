"""Splits are seeded, disjoint and complete; broken columns are the data set author's mistake."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.base.errors import ComponentError, UsageError
from mtl.core.contracts import Columns, Dataset
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.core.data import samples as data
from mtl.core.data.column_checks import check_columns
from mtl.core.data.samples import (
    Samples,
    Splits,
    channel_statistics,
    count_labels,
    load_splits,
)
from mtl.plugins.forms import Categorical, Regression

SPEC = DatasetSpec(ImageSpec(1, 2, 2), {"class": Categorical(("a", "b")), "size": Regression(("x",))})


def columns(count: int) -> Columns:
    image = np.arange(count, dtype=np.uint8)[:, None, None, None].repeat(2, 2).repeat(2, 3)
    return Columns(
        image, {"class": np.arange(count) % 2, "size": np.arange(count, dtype=np.float32)[:, None]}
    )


class Numbered(Dataset):
    def __init__(self, train: int, test: int) -> None:
        self.counts = {"train": train, "test": test}

    def spec(self) -> DatasetSpec:
        return SPEC

    def load(self) -> Mapping[str, Columns]:
        return {name: columns(count) for name, count in self.counts.items()}


@given(st.integers(2, 200), st.floats(0.01, 0.5), st.integers(0, 5))
@settings(deadline=None, max_examples=30)
def test_validation_is_carved_from_train_alone(count: int, share: float, seed: int) -> None:
    splits = load_splits(Numbered(count, 3), validation=share, split_seed=seed)
    train = splits.train.labels["size"].flatten().tolist()
    validation = splits.validation.labels["size"].flatten().tolist()
    assert sorted(train + validation) == list(range(count))
    assert len(validation) == int(np.ceil(count * share))
    assert len(splits.test) == 3


def test_the_split_depends_on_its_seed_alone() -> None:
    first, second, other = (
        load_splits(Numbered(100, 1), validation=0.2, split_seed=seed).validation.image for seed in (1, 1, 2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("train", "test"), [(1, 5), (0, 5), (5, 0)])
def test_a_data_set_that_leaves_nothing_is_refused(train: int, test: int) -> None:
    with pytest.raises(UsageError, match="too small"):
        load_splits(Numbered(train, test), validation=0.5, split_seed=0)


def test_a_batch_is_float_in_0_to_1_with_its_labels() -> None:
    splits = load_splits(Numbered(200, 256), validation=0.1, split_seed=0)
    batch = splits.test.batch(torch.tensor([255, 0]))
    assert batch.image.dtype == torch.float32
    assert batch.image.flatten(1)[:, 0].tolist() == [1.0, 0.0]
    assert batch.labels["class"].tolist() == [1, 0]


BROKEN = {
    "float images": Columns(columns(2).image.astype(np.float32), columns(2).labels),  # type: ignore[arg-type]
    "wrong size": Columns(columns(2).image[:, :, :1], columns(2).labels),
    "missing column": Columns(columns(2).image, {"class": columns(2).labels["class"]}),
    "wrong length": Columns(columns(2).image, {**columns(2).labels, "class": np.zeros(3, dtype=np.int64)}),
    "wrong type": Columns(columns(2).image, {**columns(2).labels, "class": np.zeros(2)}),
    "out of range": Columns(columns(2).image, {**columns(2).labels, "class": np.array([0, 2])}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_columns_are_refused(case: str) -> None:
    with pytest.raises(ComponentError, match="train: "):
        check_columns(BROKEN[case], SPEC, "train")


@pytest.mark.parametrize(
    ("column", "hint"),
    [
        (np.array([0, 2]), "would hold it: categorical (task classify), ordinal (task rank)"),
        (np.array([[0.5], [np.nan]], dtype=np.float32), "would hold it: regression (task regress)"),
        (np.array([[1, 0], [-1, 1]], dtype=np.int8), "would hold it: multilabel (task attributes)"),
        (np.full((2, 1, 2), 0.25, dtype=np.float32), "would hold it: points (task keypoints)"),
        (np.array([[[0, 1], [1, 255]]] * 2, dtype=np.uint8), "would hold it: pixel-classes (task segment)"),
        (np.full((2, 1, 2, 2), 7.5, dtype=np.float32), "would hold it: pixel-values (task depth)"),
        (np.array(["a", "b"]), "no form holds such a column"),
    ],
)
def test_a_column_that_does_not_fit_names_the_forms_that_hold_it(
    column: np.ndarray[Any, Any], hint: str
) -> None:
    wrong = Columns(columns(2).image, {**columns(2).labels, "class": column})
    with pytest.raises(ComponentError, match="train: label column 'class' must ") as caught:
        check_columns(wrong, SPEC, "train")
    assert caught.value.hint == hint


def test_every_column_that_does_not_fit_is_named_at_once() -> None:
    wrong = Columns(columns(2).image, {"class": np.zeros((2, 1), dtype=np.float32)})
    with pytest.raises(ComponentError, match=r"column 'class' must .*; label column 'size' is promised but"):
        check_columns(wrong, SPEC, "train")


def test_channel_statistics_are_mean_and_deviation() -> None:
    samples = load_splits(Numbered(200, 1), validation=0.1, split_seed=0).train
    mean, std = channel_statistics(samples)
    values = samples.image.double() / 255
    assert mean[0] == pytest.approx(float(values.mean()))
    assert std[0] == pytest.approx(float(values.std(correction=0)))


def test_splits_share_their_images() -> None:
    splits = load_splits(Numbered(100, 1), validation=0.2, split_seed=0)
    assert splits.train.store is splits.validation.store
    assert splits.size == 101 * prod(splits.train.shape)


def test_what_is_selected_is_what_it_was() -> None:
    train = load_splits(Numbered(100, 1), validation=0.2, split_seed=0).train
    chosen = train.select(torch.tensor([5, 3, 3])).select(torch.tensor([2, 0]))
    assert torch.equal(chosen.image, train.image[[3, 5]])
    assert torch.equal(chosen.pixels(torch.tensor([1])), train.image[[5]])
    for name, column in chosen.labels.items():
        assert torch.equal(column, train.labels[name][[3, 5]])
    assert torch.equal(train.first(7).image, train.image[:7])
    assert len(train.first(1000)) == len(train)


def test_statistics_are_the_same_however_many_are_counted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    train = load_splits(Numbered(100, 1), validation=0.2, split_seed=0).train
    whole = channel_statistics(train)
    monkeypatch.setattr(data, "_PART", 1)
    assert channel_statistics(train) == whole


class WithValidation(Numbered):
    def load(self) -> Mapping[str, Columns]:
        return {**super().load(), "validation": columns(self.counts.get("validation", 4))}

    def spec(self) -> DatasetSpec:
        return SPEC


def test_a_validation_part_of_the_data_sets_own_is_taken_as_it_is() -> None:
    splits = load_splits(WithValidation(9, 3), validation=0.5, split_seed=0)
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [9, 4, 3]
    assert splits.own_validation
    assert splits.to("cpu").own_validation
    assert not load_splits(Numbered(9, 3), validation=0.5, split_seed=0).own_validation


def test_an_empty_validation_part_breaks_the_contract() -> None:
    empty = WithValidation(9, 3)
    empty.counts["validation"] = 0
    with pytest.raises(ComponentError, match="split 'validation' without samples"):
        load_splits(empty, validation=0.5, split_seed=0)


def test_labels_are_counted_where_all_of_a_tasks_columns_have_one() -> None:
    spec = DatasetSpec(ImageSpec(1, 2, 2), {"class": Categorical(("a", "b")), "size": Regression(("size",))})
    part = Samples(
        torch.zeros(3, 1, 2, 2, dtype=torch.uint8),
        {"class": torch.tensor([0, -1, 1]), "size": torch.tensor([[1.0], [2.0], [float("nan")]])},
    )
    counts = count_labels(
        Splits(part, part, part), {"a": ("class",), "both": ("class", "size"), "none": ()}, spec
    )
    assert counts == {
        "a": {"train": 2, "validation": 2, "test": 2},
        "both": {"train": 1, "validation": 1, "test": 1},
    }


class Given(Numbered):
    """What it gives is set from outside."""

    def __init__(self, given: object) -> None:
        self.given = given

    def load(self) -> Mapping[str, Columns]:
        return self.given  # type: ignore[return-value]


ILL = {
    "no mapping": ((columns(9), columns(3)), "load answered of type tuple, stated Mapping[str, Columns]"),
    "no arrays": ({"train": Columns([[1]], {}), "test": columns(3)}, "load answered of type dict"),  # type: ignore[arg-type]
    "no test": ({"train": columns(9)}, "gave no split 'test'"),
    "broken": ({"train": BROKEN["float images"], "test": columns(3)}, "train: images must be uint8"),
    "no samples": (
        {"train": columns(9), "test": columns(3), "validation": columns(0)},
        "gave a split 'validation' without samples",
    ),
}


@pytest.mark.parametrize("case", ILL)
def test_what_a_data_set_gives_wrongly_is_told_with_its_name(case: str) -> None:
    given, told = ILL[case]
    with pytest.raises(ComponentError) as caught:
        load_splits(Given(given), validation=0.5, split_seed=0, label="dataset 'given' of plugin 1.0")
    assert str(caught.value).startswith("dataset 'given' of plugin 1.0")
    assert told in str(caught.value)


def test_arrays_that_cannot_be_written_are_taken_without_a_word() -> None:
    given = {"train": columns(9), "test": columns(3)}
    for part in given.values():
        for array in (part.image, *part.labels.values()):
            array.flags.writeable = False
    splits = load_splits(Given(given), validation=0.5, split_seed=0)
    splits.test.image.fill_(7)
    assert given["test"].image.max() == 2
