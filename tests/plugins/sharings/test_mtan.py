from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from mtl.core.contracts.specs import FeatureSpec
from mtl.plugins.sharings.mtan import MTAN, Attention

ENCODER = 344


def normalised(value: torch.Tensor, layer: torch.nn.BatchNorm2d) -> torch.Tensor:
    mean, deviation = layer.running_mean, (layer.running_var + layer.eps).sqrt()
    scaled = (value - mean[:, None, None]) / deviation[:, None, None]
    return scaled * layer.weight[:, None, None] + layer.bias[:, None, None]


def mixed(value: torch.Tensor, layer: torch.nn.Conv2d) -> torch.Tensor:
    return torch.einsum("oi,bihw->bohw", layer.weight[:, :, 0, 0], value) + layer.bias[:, None, None]


def test_a_task_sees_the_shared_features_times_its_attention(make, image) -> None:
    sharing = make(MTAN).eval()
    with torch.no_grad():
        for value in [*sharing.parameters(), *sharing.buffers()]:
            if value.is_floating_point():
                value.add_(0.3 * torch.rand_like(value))
    shared = sharing.encoder(image, {})
    outputs = sharing(image, {}, ("a", "b", "c"))
    for position, task in enumerate(("a", "b", "c")):
        one, two, three = sharing.attentions[position]
        hidden = normalised(mixed(shared[0], one.gather[0]), one.gather[1]).relu()
        first = normalised(mixed(hidden, one.mask[0]), one.mask[1]).sigmoid() * shared[0]
        torch.testing.assert_close(outputs[task][0], first)

        carried = functional.conv2d(first, two.carry[0].weight, two.carry[0].bias, padding=1)
        carried = functional.max_pool2d(normalised(carried, two.carry[1]).relu(), 2)
        hidden = normalised(
            mixed(torch.cat([shared[1], carried], dim=1), two.gather[0]), two.gather[1]
        ).relu()
        second = normalised(mixed(hidden, two.mask[0]), two.mask[1]).sigmoid() * shared[1]
        torch.testing.assert_close(outputs[task][1], second)

        carried = (second.mean((2, 3)) @ three.carry[1].weight.T + three.carry[1].bias).relu()
        hidden = torch.cat([shared[2], carried], dim=1) @ three.gather[0].weight.T + three.gather[0].bias
        mask = (hidden.relu() @ three.mask[0].weight.T + three.mask[0].bias).sigmoid()
        torch.testing.assert_close(outputs[task][2], mask * shared[2])


@pytest.mark.parametrize("reduction", [1, 2, 100])
def test_the_parameters_are_one_encoder_and_the_attentions(make, reduction) -> None:
    sharing = make(MTAN, reduction=reduction)
    w1, w2, w3 = (max(1, channels // reduction) for channels in (3, 5, 7))
    first = (3 + 1) * w1 + 2 * w1 + (w1 + 1) * 3 + 2 * 3
    second = (10 + 1) * w2 + 2 * w2 + (w2 + 1) * 5 + 2 * 5 + (3 * 9 + 1) * 5 + 2 * 5
    third = (14 + 1) * w3 + (w3 + 1) * 7 + (5 + 1) * 7
    assert sum(p.numel() for p in sharing.parameters()) == ENCODER + 3 * (first + second + third)
    assert sum(p.numel() for p in sharing.shared_parameters()) == ENCODER


FORMS = [
    FeatureSpec(4),
    FeatureSpec(3, 1, 1),
    FeatureSpec(3, 5, 5),
    FeatureSpec(2, 14, 14),
    FeatureSpec(2, 7, 20),
    FeatureSpec(6, 3, 9),
]


@pytest.mark.parametrize("before", FORMS, ids=str)
@pytest.mark.parametrize("here", FORMS, ids=str)
def test_attention_follows_from_any_form_to_any_other(before, here) -> None:
    attention = Attention(before, here, 1)
    mask = attention(torch.rand(1, *here.shape), torch.rand(1, *before.shape))
    assert mask.shape == (1, *here.shape)
    assert bool(((mask > 0) & (mask < 1)).all())


def test_a_map_is_pooled_over_all_of_its_area() -> None:
    attention = Attention(FeatureSpec(1, 14, 14), FeatureSpec(1, 5, 5), 1).eval()
    before = torch.rand(1, 1, 14, 14, requires_grad=True)
    attention.carry[-1](before).sum().backward()
    pool = attention.carry[-1]
    assert (pool.kernel_size, pool.stride) == ((6, 6), (2, 2))
    assert (pool.kernel_size[0] - pool.stride[0]) + 5 * pool.stride[0] == 14


def test_only_the_attention_asked_for_is_run(make, image) -> None:
    sharing, ran = make(MTAN), []
    for position, stages in enumerate(sharing.attentions):
        stages[0].register_forward_hook(lambda *_, position=position: ran.append(position))
    sharing(image, {}, ("c", "a"))
    assert ran == [2, 0]


def test_the_table_is_the_mean_attention_per_stage(make, image) -> None:
    sharing = make(MTAN).eval()
    (table,) = sharing.learned(image, {})
    assert table.columns == ("wide", "narrow", "flat")
    shared, seen = sharing.encoder(image, {}), sharing(image, {}, ("b",))["b"]
    for stage in range(3):
        mean = (seen[stage] / shared[stage]).detach().mean()
        assert table.values[1][stage] == pytest.approx(float(mean), abs=1e-4)
