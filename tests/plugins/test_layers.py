from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import nn

from mtl.core.base.errors import Incompatible
from mtl.plugins.layers import ELU, Activation, activation_layer, dense_layers, dropout_layers, one_per_layer


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


def test_the_fast_elu_is_torchs_in_value_and_gradient() -> None:
    ours, theirs = (torch.linspace(-20.0, 20.0, 4001, requires_grad=True) for _ in range(2))
    one, other = ELU()(ours), torch.nn.functional.elu(theirs)
    assert torch.allclose(one, other, rtol=0.0, atol=1.2e-7)
    (one * torch.arange(4001)).sum().backward()
    (other * torch.arange(4001)).sum().backward()
    assert torch.allclose(ours.grad, theirs.grad, rtol=0.0, atol=1e-3)
    assert ELU()(torch.tensor([torch.inf, -torch.inf])).tolist() == [torch.inf, -1.0]
    assert ELU()(torch.tensor(torch.nan)).isnan()


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_in_few_bits_small_answers_of_the_elu_are_kept(precision: torch.dtype) -> None:
    value = torch.tensor([-5e-4, -1e-3, 0.5], dtype=precision)
    assert torch.equal(ELU()(value), torch.nn.functional.elu(value))


@pytest.mark.filterwarnings("ignore:`torch.jit.:FutureWarning", "ignore::DeprecationWarning")
def test_a_trace_of_the_elu_holds_the_one_operator() -> None:
    traced = torch.jit.trace(activation_layer("elu"), torch.zeros(2), check_trace=False)
    assert [node.kind() for node in traced.inlined_graph.nodes() if "elu" in node.kind()] == ["aten::elu"]
