from __future__ import annotations

from typing import get_args

import pytest
from torch import nn

from mtl.core.errors import Incompatible
from mtl.plugins.layers import Activation, activation_layer, dense_layers, dropout_layers, one_per_layer


@pytest.mark.parametrize("name", get_args(Activation))
def test_every_activation_name_has_a_layer(name: Activation) -> None:
    assert isinstance(activation_layer(name), nn.Module)


def test_no_dropout_layer_exists_for_a_probability_of_zero() -> None:
    assert dropout_layers(0.0) == []


def test_dense_layers_follow_on_from_each_other() -> None:
    blocks = dense_layers(7, (5, 3), "relu", 0.0)
    assert [(block[0].in_features, block[0].out_features) for block in blocks] == [(7, 5), (5, 3)]


def test_too_few_activations_are_refused() -> None:
    with pytest.raises(Incompatible, match="one per hidden layer: 3, got 1"):
        one_per_layer(("elu",), 3)
