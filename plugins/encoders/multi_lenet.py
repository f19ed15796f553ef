"""The LeNet of the MultiMNIST tables."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from torch import nn

from ...core.base.errors import refuse
from ...core.contracts import Encoder
from ...core.contracts.specs import FeatureSpec, ImageSpec, InputSpec
from ..layers import too_small

MINIMUM = 16
"""The smallest height and width that leave the second pool something to look at."""


class MultiLeNet(Encoder):
    """Two convolutions without padding, ReLU after max pooling, then 50 features.

    Dropout of whole maps stands before the second pool. For 28 x 28 the stages give 10 x 12 x 12, 20 x 4 x 4
    and 50. The heads that belong to it: `{name: mlp, hidden: [50], dropout: 0.5}`.
    Raises `Incompatible` for images below 16 x 16.
    Source: Sener, Koltun, "Multi-task learning as multi-objective optimization", 2018, section 5.1, after
    whose program the widths are given; used by most tables on MultiMNIST since.

    >>> MultiLeNet(ImageSpec(1, 28, 28), ()).feature_specs[1].shape
    (20, 4, 4)
    """

    def __init__(
        self,
        image: ImageSpec,
        inputs: Sequence[InputSpec],
        *,
        dropout: Annotated[
            float, Field(ge=0, lt=1, description="Share of the second convolution's maps that are left out.")
        ] = 0.5,
    ) -> None:
        super().__init__()
        refuse(self.accepts(image, inputs))
        height, width = (image.height - 4) // 2, (image.width - 4) // 2
        first, second = FeatureSpec(10, height, width), FeatureSpec(20, (height - 4) // 2, (width - 4) // 2)
        self.feature_specs = (first, second, FeatureSpec(50))
        conv1 = (nn.Conv2d(image.channels, 10, 5), nn.MaxPool2d(2), nn.ReLU())
        conv2 = (nn.Conv2d(10, 20, 5), nn.Dropout2d(dropout), nn.MaxPool2d(2), nn.ReLU())
        self.stages = nn.Sequential(
            OrderedDict(
                conv1=nn.Sequential(*conv1),
                conv2=nn.Sequential(*conv2),
                fc=nn.Sequential(nn.Flatten(), nn.Linear(second.size, 50), nn.ReLU()),
            )
        )

    @classmethod
    def accepts(cls, image: ImageSpec, inputs: Sequence[InputSpec]) -> str | None:
        """Return why the image cannot be served (it is too small), or None."""
        return too_small(image, MINIMUM)
