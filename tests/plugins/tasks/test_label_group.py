"""Groups of classes."""

import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.core.contracts.batch import Batch
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.plugins.forms import Binary, Categorical
from mtl.plugins.tasks.label_group import LabelGroup

CIFAR = DatasetSpec(
    ImageSpec(3, 32, 32),
    {
        "class": Categorical(
            ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
        )
    },
)
ANIMALS = ("bird", "cat", "deer", "dog", "frog", "horse")


def targets(task, labels):
    return task.target(Batch(torch.zeros(len(labels), 3, 32, 32), {"class": torch.tensor(labels)})).tolist()


def test_one_group_is_yes_or_no():
    task = LabelGroup(CIFAR, groups={"animal": ANIMALS})
    assert task.target_spec == Binary("animal", "not animal")
    assert targets(task, [*range(10), -1]) == [0, 0, 1, 1, 1, 1, 1, 1, 0, 0, -1]


def test_several_groups_are_classes_and_the_rest_has_no_label():
    task = LabelGroup(CIFAR, groups={"pet": ("cat", "dog"), "road": ("truck", "automobile")})
    assert task.target_spec == Categorical(("pet", "road"))
    assert targets(task, [3, 5, 9, 1, 0, -1]) == [0, 0, 1, 1, -1, -1]


def test_the_rest_may_be_a_class_of_its_own():
    task = LabelGroup(CIFAR, groups={"pet": ("cat", "dog"), "road": ("truck",)}, other=True)
    assert task.target_spec == Categorical(("pet", "road", "other"))
    assert targets(task, [3, 9, 0, -1]) == [0, 1, 2, -1]


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ({}, "needs option `groups`"),
        ({"pet": ()}, "group 'pet' is empty"),
        ({"pet": ("cat", "dgo")}, "no class 'dgo'; did you mean 'dog'"),
        ({"pet": ("cat",), "wild": ("cat", "deer")}, "class 'cat' is listed twice: in 'pet' and 'wild'"),
        ({"all": CIFAR.labels["class"].classes}, "leaves nothing to tell"),
    ],
)
def test_groups_that_make_no_question_are_refused(groups, reason):
    with pytest.raises(Incompatible, match=reason):
        LabelGroup(CIFAR, groups=groups)


def test_a_group_cannot_take_the_name_of_the_rest():
    with pytest.raises(Incompatible, match="'other'"):
        LabelGroup(CIFAR, groups={"other": ("cat",), "road": ("truck",)}, other=True)
