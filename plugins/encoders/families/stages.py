"""Networks that timm builds of `stem`, `stages` and more: ConvNeXt, most hybrids, and others."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from .pieces import Stage, Stages, part_of

_AFTER = ("norm_pre", "norm", "final_conv")
"""What timm runs between the last stage and the head, by name, where a network has it."""


def timm_stages(network: Any) -> Stages:
    """Return `stem`, `stage1` and so on, and `pool`: what follows the last map, and the head's mean."""
    found: Stages = {"stem": network.stem}
    found |= {f"stage{number}": stage for number, stage in enumerate(network.stages, 1)}
    found["pool"] = Stage(part_of(network, [*_AFTER, "head"]), _pool)
    return found


def _pool(network: Any, features: Tensor) -> Tensor:
    for name in _AFTER:
        if name in network._modules:
            features = network._modules[name](features)
    answer: Tensor = network.forward_head(features, pre_logits=True)
    return answer
