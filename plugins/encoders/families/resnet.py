"""ResNet and its relatives (ResNeXt, Wide ResNet): He et al. 2016."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from .pieces import Stage, Stages, part_of

LAYERS = ("layer1", "layer2", "layer3", "layer4")


def timm_stages(network: Any) -> Stages:
    """Return `stem` (half the image's size), `layer1` (which pools first) to `layer4`, and `pool`."""
    return _stages(network, network.act1, Stage(part_of(network, ["global_pool", "fc"]), _pool))


def torchvision_stages(network: Any) -> Stages:
    """Return the same stages of torchvision's network."""
    return _stages(network, network.relu, nn.Sequential(network.avgpool, nn.Flatten()))


def _stages(network: Any, activation: nn.Module, pool: nn.Module) -> Stages:
    first, *others = LAYERS
    return {
        "stem": nn.Sequential(network.conv1, network.bn1, activation),
        first: nn.Sequential(network.maxpool, network.layer1),
        **{name: getattr(network, name) for name in others},
        "pool": pool,
    }


def _pool(network: Any, features: Tensor) -> Tensor:
    answer: Tensor = network.forward_head(features, pre_logits=True)
    return answer
