"""LeNet-5 for small images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from ...core.base.errors import refuse
from ...core.contracts import Encoder
from ...core.contracts.specs import FeatureSpec, ImageSpec, InputSpec
from ..layers import too_small

MINIMUM = 12
"""The smallest height and width that leave the second pool something to look at."""


class LeNet(Encoder):
    """LeNet-5 (LeCun et al. 1998) with ReLU and max pooling: two convolutions, then 120 and 84 features.

    Any number of channels, images of at least 12 x 12. For 28 x 28 the stages give 6 x 14 x 14,
    16 x 5 x 5, 120 and 84. Raises `Incompatible` for smaller images.

    >>> LeNet(ImageSpec(1, 28, 28), ()).feature_specs[-1].shape
    (84,)
    """

    def __init__(self, image: ImageSpec, inputs: Sequence[InputSpec]) -> None:
        super().__init__()
        refuse(self.accepts(image, inputs))
        first = FeatureSpec(6, image.height // 2, image.width // 2)
        second = FeatureSpec(16, (image.height // 2 - 4) // 2, (image.width // 2 - 4) // 2)
        self.feature_specs = (first, second, FeatureSpec(120), FeatureSpec(84))
        self.stages = nn.Sequential(
            OrderedDict(
                conv1=nn.Sequential(nn.Conv2d(image.channels, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
                conv2=nn.Sequential(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
                fc1=nn.Sequential(nn.Flatten(), nn.Linear(second.size, 120), nn.ReLU()),
                fc2=nn.Sequential(nn.Linear(120, 84), nn.ReLU()),
            )
        )

    @classmethod
    def accepts(cls, image: ImageSpec, inputs: Sequence[InputSpec]) -> str | None:
        """Return why the image cannot be served (it is too small), or None."""
        return too_small(image, MINIMUM)
