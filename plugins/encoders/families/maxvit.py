"""torchvision's MaxViT, of convolutions and attention: Tu et al. 2022. timm's is one of `stages.py`."""

from __future__ import annotations

from typing import Any

from .pieces import Stages


def torchvision_stages(network: Any) -> Stages:
    """Return `stem`, `stage1` and so on, and `pool`: the classifier without its last layer."""
    layers = {f"stage{number}": block for number, block in enumerate(network.blocks, 1)}
    return {"stem": network.stem, **layers, "pool": network.classifier}
