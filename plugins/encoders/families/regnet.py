"""RegNet: Radosavovic et al. 2020."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from .pieces import Stage, Stages, part_of


def timm_stages(network: Any) -> Stages:
    """Return `stem`, `stage1` to `stage4`, and `pool`."""
    layers = (network.s1, network.s2, network.s3, network.s4)
    pool = Stage(part_of(network, ["final_conv", "head"]), _pool)
    return {**_numbered(network.stem, layers), "pool": pool}


def _pool(network: Any, features: Tensor) -> Tensor:
    answer: Tensor = network.forward_head(network.final_conv(features), pre_logits=True)
    return answer


def torchvision_stages(network: Any) -> Stages:
    """Return the same stages of torchvision's network."""
    pool = nn.Sequential(network.avgpool, nn.Flatten())
    return {**_numbered(network.stem, tuple(network.trunk_output)), "pool": pool}


def _numbered(stem: nn.Module, layers: tuple[nn.Module, ...]) -> Stages:
    return {"stem": stem, **{f"stage{number}": layer for number, layer in enumerate(layers, 1)}}
