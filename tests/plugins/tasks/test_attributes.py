"""Attributes are told as they are."""

import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.core.contracts.batch import Batch
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.plugins.forms import Categorical, Multilabel
from mtl.plugins.tasks.attributes import Attributes

MARKS, ROOMS = Multilabel(("striped", "round")), Multilabel(("kitchen", "bath"))


def dataset(**labels):
    return DatasetSpec(ImageSpec(1, 8, 8), labels)


def test_the_only_column_of_attributes_is_told():
    task = Attributes(dataset(kind=Categorical(("a", "b")), marks=MARKS))
    assert (task.needs, task.target_spec) == (("marks",), MARKS)
    column = torch.tensor([[1, -1]], dtype=torch.int8)
    assert task.target(Batch(torch.zeros(1, 1, 8, 8), {"marks": column})) is column


def test_what_is_missing_or_unclear_is_said():
    with pytest.raises(Incompatible, match="needs a column of attributes; the data set has kind"):
        Attributes(dataset(kind=Categorical(("a", "b"))))
    with pytest.raises(Incompatible, match="option `label` must say which column: marks, rooms"):
        Attributes(dataset(marks=MARKS, rooms=ROOMS))
