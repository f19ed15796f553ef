"""A model is made as narrow as the weights that are to be loaded into it, or is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mtl.core.base.errors import UsageError
from mtl.core.composition.narrowing import narrow


def layers(first: int, second: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, first, 3),
        nn.BatchNorm2d(first),
        nn.Conv2d(first, first, 3, groups=first),
        nn.GroupNorm(2, first),
        nn.ConvTranspose2d(first, second, 2),
        nn.Flatten(),
        nn.LayerNorm(second * 25),
        nn.Linear(second * 25, 4),
    )


def test_a_narrowed_model_is_the_narrow_one_once_its_weights_are_loaded():
    torch.manual_seed(0)
    wide, small = layers(8, 6).eval(), layers(4, 2).eval()
    parameters = list(wide.parameters())
    narrow(wide, small.state_dict())
    wide.load_state_dict(small.state_dict())
    image = torch.rand(2, 3, 8, 8)
    assert torch.equal(wide(image), small(image))
    assert repr(wide) == repr(small)
    # An optimizer or a freezing that holds them still holds the model's.
    assert all(one is other for one, other in zip(parameters, wide.parameters(), strict=True))


@pytest.mark.parametrize("weight", [torch.zeros(9, 3, 3, 3), torch.zeros(8, 3, 3), torch.zeros(0, 3, 3, 3)])
def test_weights_of_no_narrower_layer_are_refused_by_name(weight):
    with pytest.raises(UsageError, match=r"0\.weight is .* that is no narrower layer"):
        narrow(layers(8, 6), {"0.weight": weight})
