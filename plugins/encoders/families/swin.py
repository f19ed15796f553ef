"""Swin transformers, the first and the second: Liu et al. 2021 and 2022.

The libraries keep channels innermost; between stages they lie where all features have them. Moving them
changes no number.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from .pieces import Stage, Stages, innermost_to_map, part_of, run_innermost


def timm_stages(network: Any) -> Stages:
    """Return `stem` (patches of a quarter of the image's size), `stage1` and so on, and `pool`."""
    pool = Stage(part_of(network, ["norm", "head"]), _timm_pool)
    return {**_stages(network.patch_embed, list(network.layers)), "pool": pool}


def _timm_pool(network: Any, features: Tensor) -> Tensor:
    answer: Tensor = network.forward_head(network.norm(features.permute(0, 2, 3, 1)), pre_logits=True)
    return answer


def torchvision_stages(network: Any) -> Stages:
    """Return the same stages of torchvision's network, each with the merging of patches before it."""
    stem, *layers = network.features
    first, *others = layers
    merged = [nn.Sequential(*others[start : start + 2]) for start in range(0, len(others), 2)]
    pool = Stage(
        part_of(network, ["norm", "permute", "avgpool", "flatten", "head"]),
        _torchvision_pool,
    )
    return {**_stages(stem, [first, *merged]), "pool": pool}


def _torchvision_pool(network: Any, features: Tensor) -> Tensor:
    seen = network.permute(network.norm(features.permute(0, 2, 3, 1)))
    answer: Tensor = network.head(network.flatten(network.avgpool(seen)))
    return answer


def _stages(stem: nn.Module, layers: list[nn.Module]) -> Stages:
    found: Stages = {"stem": Stage(stem, innermost_to_map)}
    found |= {f"stage{number}": Stage(layer, run_innermost) for number, layer in enumerate(layers, 1)}
    return found
