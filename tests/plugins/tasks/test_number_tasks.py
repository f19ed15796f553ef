"""Tasks on classes named by numbers: parity, multiples, sums."""

import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.core.contracts.batch import Batch
from mtl.core.contracts.randomness import SampleRandom, StepRandom
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.plugins.forms import Binary, Categorical
from mtl.plugins.tasks.classify import Classify
from mtl.plugins.tasks.multiple_of import MultipleOf
from mtl.plugins.tasks.parity import Parity
from mtl.plugins.tasks.random_sum import RandomSum

DIGITS = DatasetSpec(ImageSpec(1, 2, 2), {"digit": Categorical(tuple("0123456789"))})
UNORDERED = DatasetSpec(ImageSpec(1, 2, 2), {"number": Categorical(("12", "7", "3"))})


def batch(label, column="digit", **inputs):
    return Batch(torch.zeros(len(label), 1, 2, 2), {column: torch.tensor(label)}, inputs)


def targets(task, labels, column="digit"):
    return task.target(batch(labels, column)).tolist()


def test_classify_hands_the_column_on():
    task = Classify(DIGITS)
    assert task.target_spec == DIGITS.labels["digit"]
    assert task.needs == ("digit",)
    assert targets(task, [4, -1]) == [4, -1]


def test_parity_of_every_digit_with_zero_even_and_absent_staying_absent():
    task = Parity(DIGITS)
    assert task.target_spec == Binary("even", "odd")
    assert targets(task, [*range(10), -1]) == [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, -1]


def test_multiples_of_three_with_zero_by_default():
    assert targets(MultipleOf(DIGITS), [*range(10), -1]) == [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, -1]


def test_zero_is_no_multiple_when_the_recipe_says_so():
    assert targets(MultipleOf(DIGITS, zero=False), [*range(10)]) == [0, 0, 0, 1, 0, 0, 1, 0, 0, 1]


def test_multiples_of_two_are_the_even_numbers():
    labels = [*range(10), -1]
    assert targets(MultipleOf(DIGITS, of=2), labels) == targets(Parity(DIGITS), labels)


def test_the_number_is_the_class_name_and_not_its_index():
    assert targets(Parity(UNORDERED), [0, 1, 2], "number") == [1, 0, 0]
    assert targets(MultipleOf(UNORDERED), [0, 1, 2], "number") == [1, 0, 1]


@pytest.mark.parametrize("task", [Parity, MultipleOf, RandomSum])
def test_classes_without_numbers_are_refused(task):
    pets = DatasetSpec(ImageSpec(1, 2, 2), {"pet": Categorical(("cat", "dog"))})
    with pytest.raises(Incompatible, match="needs a column of classes named by whole numbers"):
        task(pets)


def test_nineteen_sums_of_a_digit_and_a_number():
    assert RandomSum(DIGITS).target_spec == Categorical(tuple(str(total) for total in range(19)))


def test_every_sum_is_digit_plus_number():
    digits = torch.arange(10).repeat_interleave(10)
    numbers = torch.arange(10).repeat(10)
    task = RandomSum(DIGITS)
    target = task.target(batch(digits.tolist(), number=numbers))
    names = [int(task.target_spec.classes[index]) for index in target.tolist()]
    assert names == (digits + numbers).tolist()


def test_an_absent_digit_has_no_sum():
    assert RandomSum(DIGITS).target(batch([-1, 2], number=torch.tensor([3, 3]))).tolist() == [-1, 5]


def test_sums_start_at_the_smallest_number():
    task = RandomSum(UNORDERED)
    target = task.target(batch([0, 2], "number", number=torch.tensor([9, 0])))
    assert [task.target_spec.classes[index] for index in target.tolist()] == ["21", "3"]


@pytest.mark.parametrize(
    "random", [StepRandom(2000, "cpu", 0), SampleRandom(torch.arange(2000), seed=0)], ids=["step", "sample"]
)
def test_the_random_number_takes_all_ten_values_evenly(random):
    drawn = RandomSum(DIGITS).draw_inputs(batch([0] * 2000), random)["number"]
    counts = torch.bincount(drawn, minlength=10)
    assert len(counts) == 10
    assert counts.min() > 140
    assert counts.max() < 260


def test_the_input_is_declared_with_all_ten_values():
    (number,) = RandomSum(DIGITS).inputs
    assert (number.name, number.count) == ("number", 10)
