"""ResNet-18 with a stem for small images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from ...core.base.errors import refuse
from ...core.contracts import Encoder
from ...core.contracts.specs import FeatureSpec, ImageSpec, InputSpec
from ..layers import too_small

MINIMUM = 9
"""The smallest height and width for which the last map is more than one pixel: batch normalisation needs
more than one value per channel even when a batch holds a single image."""


class ResNet18(Encoder):
    """ResNet-18 (He et al. 2016) without pre-trained weights; 3 x 3 stem, no first pool; 512 features.

    Stages: `stem` and `layer1` (64 channels, the image's size), `layer2` to `layer4` (128, 256 and 512
    channels, halved each time, rounded up) and `pool`, the mean over the last map. Raises `Incompatible`
    for images below 9 x 9.
    """

    def __init__(self, image: ImageSpec, inputs: Sequence[InputSpec]) -> None:
        super().__init__()
        refuse(self.accepts(image, inputs))
        from torchvision.models import resnet18  # half a second that only this encoder should cost

        network = resnet18(weights=None)
        stem = nn.Conv2d(image.channels, 64, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
        self.feature_specs = (
            *(
                FeatureSpec(channels, -(-image.height // shrink), -(-image.width // shrink))
                for channels, shrink in ((64, 1), (64, 1), (128, 2), (256, 4), (512, 8))
            ),
            FeatureSpec(512),
        )
        self.stages = nn.Sequential(
            OrderedDict(
                stem=nn.Sequential(stem, network.bn1, nn.ReLU()),
                layer1=network.layer1,
                layer2=network.layer2,
                layer3=network.layer3,
                layer4=network.layer4,
                pool=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            )
        )

    @classmethod
    def accepts(cls, image: ImageSpec, inputs: Sequence[InputSpec]) -> str | None:
        """Return why the image cannot be served (it is too small), or None."""
        return too_small(image, MINIMUM)
