from __future__ import annotations

import pytest
import torch
from torch import nn

from mtl.core.base.errors import Incompatible
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.mlp import MLP
from mtl.plugins.layers import ELU

IMAGE = ImageSpec(1, 4, 4)


def test_activations_may_differ_from_layer_to_layer() -> None:
    encoder = MLP(IMAGE, (), hidden=(5, 3), activation=("elu", "tanh"))
    kinds = [
        [type(layer) for layer in stage if not isinstance(layer, nn.Flatten)] for stage in encoder.stages
    ]
    assert kinds == [[nn.Linear, ELU], [nn.Linear, nn.Tanh]]


def test_a_wrong_number_of_activations_is_refused() -> None:
    with pytest.raises(Incompatible, match="one per hidden layer: 2, got 3"):
        MLP(IMAGE, (), hidden=(5, 3), activation=("elu", "tanh", "relu"))


def test_dropout_acts_in_training_and_not_in_evaluation() -> None:
    encoder = MLP(IMAGE, (), hidden=(64,), activation="sigmoid", dropout=0.5)
    image = torch.rand(8, 1, 4, 4)
    assert (encoder.train()(image, {})[-1] == 0).any()
    assert not (encoder.eval()(image, {})[-1] == 0).any()


def test_kaiming_normal_sets_the_spread_of_the_weights_and_zeroes_the_biases() -> None:
    torch.manual_seed(0)
    encoder = MLP(ImageSpec(1, 28, 28), (), hidden=(500,), initialisation="kaiming-normal")
    weight, bias = encoder.stages[0][1].weight, encoder.stages[0][1].bias
    assert weight.std().item() == pytest.approx((2 / 784) ** 0.5, rel=0.01)
    assert not bias.any()
