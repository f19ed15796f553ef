"""Networks of inverted residuals: MobileNetV2 and V3, EfficientNet and its relatives."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from .pieces import Stage, Stages, by_resolution, part_of

_HEAD = ("conv_head", "bn2", "norm_head", "act2", "global_pool", "flatten")


def timm_stages(network: Any) -> Stages:
    """Return `stem`, the blocks where timm's `feature_info` ends its stages, and `pool`.

    The wide convolution after the last block belongs to `pool`.
    """
    blocks = list(network.blocks)
    ends = sorted({0, *network.stage_ends, len(blocks)})
    found: Stages = {"stem": nn.Sequential(network.conv_stem, network.bn1)}
    for number, (start, end) in enumerate(pairwise(ends), 1):
        found[f"stage{number}"] = nn.Sequential(*blocks[start:end])
    found["pool"] = Stage(part_of(network, [*_HEAD, "classifier"]), _timm_pool)
    return found


def _timm_pool(network: Any, features: Tensor) -> Tensor:
    # MobileNetV3 widens after the mean, the others before it; `forward_features` ends with that.
    if "bn2" in network._modules:
        features = network.bn2(network.conv_head(features))
    answer: Tensor = network.forward_head(features, pre_logits=True)
    return answer


def torchvision_stages(network: Any) -> Stages:
    """Return `stem`, the blocks cut where they halve the map, and `pool` with the wide convolution."""
    *layers, last = network.features
    pool = nn.Sequential(last, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *network.classifier)
    return {**by_resolution(layers), "pool": pool}
