"""Classes from the number of each kind."""

from __future__ import annotations

import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.core.contracts import HeadSpec
from mtl.core.contracts.batch import Features
from mtl.core.contracts.specs import FeatureSpec, ImageSpec
from mtl.plugins.datasets.shape_labels import shapes_spec
from mtl.plugins.forms import Categorical
from mtl.plugins.heads.kind_counts import KindCounts
from mtl.plugins.tasks.shape_class import ShapeClass


def head_of(*classes: str) -> KindCounts:
    spec = HeadSpec(ImageSpec(1, 8, 8), (FeatureSpec(5),), Categorical(classes))
    return KindCounts(spec, hidden=())


def test_a_class_adds_the_log_probabilities_of_its_numbers_and_of_absence() -> None:
    head = head_of("a 1 + b 2", "a 2 + c 1")
    features = torch.randn(3, 5)
    raw = head(Features((features,), torch.zeros(3, 1, 8, 8), {}))
    scores = head.layers(features).reshape(3, 3, 3).log_softmax(2)  # kinds a, b, c; numbers 0, 1, 2
    torch.testing.assert_close(raw[:, 0], scores[:, 0, 1] + scores[:, 1, 2] + scores[:, 2, 0])
    torch.testing.assert_close(raw[:, 1], scores[:, 0, 2] + scores[:, 1, 0] + scores[:, 2, 1])


def test_the_classes_of_shapes_take_sixty_values() -> None:
    target = ShapeClass(shapes_spec()).target_spec
    head = KindCounts(HeadSpec(ImageSpec(1, 28, 28), (FeatureSpec(5),), target), hidden=())
    assert (len(head.kinds), head.numbers, tuple(head.index.shape)) == (6, 10, (135, 6))


@pytest.mark.parametrize("classes", [("cat", "dog"), ("0", "1"), ("a 1 + b", "a 2")])
def test_classes_without_numbers_of_kinds_are_refused(classes: tuple[str, ...]) -> None:
    with pytest.raises(Incompatible, match="named by numbers of kinds"):
        head_of(*classes)
