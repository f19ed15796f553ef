from __future__ import annotations

import pytest
import torch
from torch import nn

from mtl.core.base.errors import Incompatible
from mtl.core.contracts import HeadSpec
from mtl.core.contracts.specs import FeatureSpec, ImageSpec
from mtl.plugins.forms import Image
from mtl.plugins.heads.dense_decoder import DenseDecoder
from mtl.plugins.layers import ELU

SPEC = HeadSpec(ImageSpec(1, 28, 28), (FeatureSpec(500),), Image(1, 28, 28, "logit"))


def test_the_classical_autoencoder_can_be_written() -> None:
    decoder = DenseDecoder(SPEC, latent=10, hidden=(500, 500), activation=("tanh", "elu"), dropout=0.1)
    linear = [m for m in decoder.modules() if isinstance(m, nn.Linear)]
    widths = [(layer.in_features, layer.out_features) for layer in linear]
    assert widths == [(500, 10), (10, 500), (500, 500), (500, 784)]
    others = [type(m) for m in decoder.modules() if isinstance(m, (nn.Tanh, nn.ELU, nn.Dropout))]
    assert others == [nn.Tanh, nn.Dropout, ELU, nn.Dropout]


def test_kaiming_normal_reaches_every_linear_layer() -> None:
    torch.manual_seed(0)
    decoder = DenseDecoder(SPEC, latent=10, initialisation="kaiming-normal")
    linear = [m for m in decoder.modules() if isinstance(m, nn.Linear)]
    for layer in linear:
        assert layer.weight.std().item() == pytest.approx((2 / layer.in_features) ** 0.5, rel=0.05)
        assert not layer.bias.any()


def test_a_wrong_number_of_activations_is_refused() -> None:
    with pytest.raises(Incompatible, match="one per hidden layer: 2, got 1"):
        DenseDecoder(SPEC, activation=("tanh",))
