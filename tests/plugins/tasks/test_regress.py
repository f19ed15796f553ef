"""Numbers are told as they are."""

import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.core.contracts.batch import Batch
from mtl.core.contracts.specs import DatasetSpec, ImageSpec, Symmetry
from mtl.plugins.forms import Categorical, Regression
from mtl.plugins.tasks.regress import Regress

WEIGHT, PLACE = Regression(("weight",), "kg"), Regression(("x", "y"))
TURNS = Symmetry(quarter_turn=(1, 0), mirror=(0, 1))


def dataset(**labels):
    return DatasetSpec(ImageSpec(1, 8, 8), labels, {"place": TURNS} if "place" in labels else {})


def test_the_only_column_of_numbers_is_told_in_its_units():
    task = Regress(dataset(kind=Categorical(("a", "b")), weight=WEIGHT))
    assert (task.needs, task.target_spec, task.symmetry) == (("weight",), WEIGHT, None)
    column = torch.tensor([[3.5], [float("nan")]])
    batch = Batch(torch.zeros(2, 1, 8, 8), {"weight": column})
    assert task.target(batch) is column


def test_a_named_column_moves_as_the_data_set_says():
    task = Regress(dataset(weight=WEIGHT, place=PLACE), label="place")
    assert (task.needs, task.symmetry) == (("place",), TURNS)


def test_what_is_missing_or_unclear_is_said():
    with pytest.raises(Incompatible, match="needs a column of numbers; the data set has kind"):
        Regress(dataset(kind=Categorical(("a", "b"))))
    with pytest.raises(Incompatible, match="option `label` must say which column: weight, place"):
        Regress(dataset(weight=WEIGHT, place=PLACE))
