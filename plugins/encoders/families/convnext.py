"""torchvision's ConvNeXt: Liu et al. 2022. timm's is one of `stages.py`."""

from __future__ import annotations

from typing import Any

from torch import nn

from .pieces import Stages, by_resolution


def torchvision_stages(network: Any) -> Stages:
    """Return `stem`, `stage1` to `stage4`, of which all but the first halve the map, and `pool`."""
    pool = nn.Sequential(network.avgpool, *network.classifier)
    return {**by_resolution(list(network.features)), "pool": pool}
