"""The class and the counts of shapes."""

from itertools import combinations

import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.core.contracts.batch import Batch
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.plugins.forms import Categorical, Regression
from mtl.plugins.tasks.shape_class import ShapeClass, class_index
from mtl.plugins.tasks.shape_count import ShapeCount

NAMES = ("squares", "circles", "up", "right", "down", "left")
SHAPES = DatasetSpec(ImageSpec(1, 28, 28), {"counts": Regression(NAMES, "shapes")})


def every_class():
    """All 135 counts in class order, by brute force."""
    rows = []
    for first, second in combinations(range(6), 2):
        for count in range(1, 10):
            row = [0.0] * 6
            row[first], row[second] = float(count), float(10 - count)
            rows.append(row)
    return torch.tensor(rows)


def test_all_135_counts_have_their_class_in_order():
    assert class_index(every_class()).tolist() == list(range(135))


def test_class_names_tell_the_counts():
    classes = ShapeClass(SHAPES).target_spec.classes
    assert len(set(classes)) == 135
    for name, row in zip(classes, every_class().tolist(), strict=True):
        told = {part.split()[0]: float(part.split()[1]) for part in name.split(" + ")}
        assert told == {kind: count for kind, count in zip(NAMES, row, strict=True) if count}


def test_an_example_of_the_class_names():
    assert ShapeClass(SHAPES).target_spec.classes[9 + 2] == "squares 3 + up 7"


@pytest.mark.parametrize(
    "row",
    [
        [float("nan")] * 6,
        [float("nan"), 3.0, 7.0, 0.0, 0.0, 0.0],
        [10.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [3.0, 3.0, 4.0, 0.0, 0.0, 0.0],
        [3.0, 3.0, 0.0, 0.0, 0.0, 0.0],
        [0.0] * 6,
    ],
)
def test_other_counts_have_no_class(row):
    assert class_index(torch.tensor([row])).tolist() == [-1]


def test_the_column_is_found_by_its_six_counts():
    task = ShapeClass(SHAPES)
    batch = Batch(torch.zeros(135, 1, 28, 28), {"counts": every_class()})
    assert task.needs == ("counts",)
    assert task.target(batch).tolist() == list(range(135))


def test_counting_hands_the_column_on():
    task = ShapeCount(SHAPES)
    assert task.target_spec == Regression(NAMES, "shapes")
    assert torch.equal(
        task.target(Batch(torch.zeros(135, 1, 28, 28), {"counts": every_class()})), every_class()
    )


@pytest.mark.parametrize("task", [ShapeClass, ShapeCount])
def test_digits_are_no_shapes(task):
    with pytest.raises(Incompatible, match="needs a column of 6 counts; the data set has digit"):
        task(DatasetSpec(ImageSpec(1, 8, 8), {"digit": Categorical(("0", "1"))}))
