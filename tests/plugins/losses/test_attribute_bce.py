"""The loss of attributes against its equation."""

import math

import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.plugins.forms import Binary, Multilabel
from mtl.plugins.losses.attribute_bce import AttributeBinaryCrossEntropy

TWO = Multilabel(("striped", "round"))


def test_it_is_the_mean_over_what_is_known_of_a_sample():
    raw = torch.tensor([[0.5, -2.0], [0.5, -2.0], [0.5, -2.0]])
    target = torch.tensor([[1, 0], [-1, 1], [-1, -1]], dtype=torch.int8)
    yes, no = -math.log(1 / (1 + math.exp(-0.5))), -math.log(1 - 1 / (1 + math.exp(2.0)))
    late = -math.log(1 / (1 + math.exp(2.0)))
    wanted = [(yes + no) / 2, late, 0.0]
    assert AttributeBinaryCrossEntropy(TWO)(raw, target).tolist() == pytest.approx(wanted, rel=1e-5)


def test_other_answers_are_refused():
    with pytest.raises(Incompatible, match="needs attributes, got a binary answer"):
        AttributeBinaryCrossEntropy(Binary())
