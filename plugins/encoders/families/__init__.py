"""How the networks of timm and of torchvision are cut into stages: a file per family of networks.

Each has `timm_stages(network)` and `torchvision_stages(network)` where the library has the family. The
network comes without its last linear layer, so that the last stage gives what that would read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from ....core.base.errors import Incompatible
from . import convnext, efficientnet, maxvit, regnet, resnet, stages, swin, vit
from .pieces import Stages

TIMM: Mapping[str, Callable[[Any], Stages]] = {
    "ByobNet": stages.timm_stages,
    "ConvNeXt": stages.timm_stages,
    "DaVit": stages.timm_stages,
    "EdgeNeXt": stages.timm_stages,
    "EfficientNet": efficientnet.timm_stages,
    "EfficientVit": stages.timm_stages,
    "FastVit": stages.timm_stages,
    "HighPerfGpuNet": stages.timm_stages,
    "MaxxVit": stages.timm_stages,
    "MetaFormer": stages.timm_stages,
    "MetaNeXt": stages.timm_stages,
    "MobileNetV3": efficientnet.timm_stages,
    "NextViT": stages.timm_stages,
    "RegNet": regnet.timm_stages,
    "ResNet": resnet.timm_stages,
    "SwinTransformer": swin.timm_stages,
    "SwinTransformerV2": swin.timm_stages,
    "VisionTransformer": vit.timm_stages,
    "VisionTransformerDistilled": vit.timm_stages,
}
"""By the class of a network, whose answers are the library's own to the last bit (a test per family)."""

TORCHVISION: Mapping[str, Callable[[Any], Stages]] = {
    "ConvNeXt": convnext.torchvision_stages,
    "EfficientNet": efficientnet.torchvision_stages,
    "MaxVit": maxvit.torchvision_stages,
    "MobileNetV2": efficientnet.torchvision_stages,
    "MobileNetV3": efficientnet.torchvision_stages,
    "RegNet": regnet.torchvision_stages,
    "ResNet": resnet.torchvision_stages,
    "SwinTransformer": swin.torchvision_stages,
    "VisionTransformer": vit.torchvision_stages,
}


def stages_of(network: nn.Module, library: Mapping[str, Callable[[Any], Stages]]) -> Stages:
    """Return a network's stages; raise `Incompatible` for one of a family that is not cut."""
    cut = library.get(type(network).__name__)
    if cut is None:
        families = ", ".join(sorted(library))
        raise Incompatible(f"has no way to cut a {type(network).__name__} into stages; it cuts {families}")
    return cut(network)
