"""Which columns have classes in order, and which tasks take them."""

import pytest

from mtl.core.base.errors import Incompatible
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.plugins.forms import Binary, Categorical, Ordinal
from mtl.plugins.tasks.classify import Classify
from mtl.plugins.tasks.parity import Parity
from mtl.plugins.tasks.rank import Rank

GRADE, KIND = Ordinal(("poor", "fair", "good")), Categorical(("cat", "dog"))
COUNT = Categorical(("0", "1", "10"))


def dataset(**labels):
    return DatasetSpec(ImageSpec(1, 8, 8), labels)


def test_the_only_column_with_an_order_is_told():
    task = Rank(dataset(kind=KIND, grade=GRADE, count=COUNT))
    assert (task.needs, task.target_spec) == (("grade",), GRADE)


def test_rising_whole_numbers_have_an_order():
    assert Rank(dataset(kind=KIND, count=COUNT)).target_spec == Ordinal(COUNT.classes)
    assert Rank(dataset(grade=GRADE, count=COUNT), label="count").target_spec == Ordinal(COUNT.classes)
    with pytest.raises(
        Incompatible, match="needs a column of classes in order; falling is categorical: 2, 1"
    ):
        Rank(dataset(falling=Categorical(("2", "1"))), label="falling")


def test_what_is_missing_is_said():
    with pytest.raises(Incompatible, match="needs a column of classes in order; the data set has kind"):
        Rank(dataset(kind=KIND, alive=Binary()))


def test_classes_in_order_are_classes_for_who_asks_for_these():
    assert Classify(dataset(grade=GRADE)).target_spec == Categorical(GRADE.classes)
    assert Classify(dataset(grade=GRADE, kind=KIND)).needs == ("kind",)
    assert Parity(dataset(grade=Ordinal(("1", "2")), count=COUNT)).needs == ("count",)
