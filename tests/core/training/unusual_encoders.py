"""A plugin of encoders as people bring them: partly or wholly frozen, tied, lazy, normalising over
the batch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mtl import Component, hookimpl
from mtl.core.contracts import Encoder
from mtl.core.contracts.specs import FeatureSpec, ImageSpec, InputSpec

WIDTH = 8


class Plain(Encoder):
    def __init__(self, image: ImageSpec, inputs: Sequence[InputSpec]) -> None:
        super().__init__()
        size = image.channels * image.height * image.width
        self.stages = nn.Sequential(
            OrderedDict(
                first=nn.Sequential(nn.Flatten(), nn.Linear(size, WIDTH), nn.ReLU()),
                second=nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh()),
            )
        )
        self.feature_specs = (FeatureSpec(WIDTH), FeatureSpec(WIDTH))


class HalfFrozen(Plain):
    def __init__(self, image: ImageSpec, inputs: Sequence[InputSpec]) -> None:
        super().__init__(image, inputs)
        self.stages[0].requires_grad_(False)


class Frozen(Plain):
    def __init__(self, image: ImageSpec, inputs: Sequence[InputSpec]) -> None:
        super().__init__(image, inputs)
        self.requires_grad_(False)


class _Transposed(nn.Module):
    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, features: Tensor) -> Tensor:
        return F.linear(features, self.linear.weight.T)


class Tied(Plain):
    def __init__(self, image: ImageSpec, inputs: Sequence[InputSpec]) -> None:
        super().__init__(image, inputs)
        again = nn.Linear(WIDTH, WIDTH)
        again.weight = self.stages[1][0].weight
        self.stages[1] = nn.Sequential(self.stages[1][0], nn.ReLU(), again, _Transposed(again))


class Normalised(Plain):
    def __init__(self, image: ImageSpec, inputs: Sequence[InputSpec]) -> None:
        super().__init__(image, inputs)
        self.stages[1] = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH), nn.ReLU())


class Lazy(Plain):
    """Nothing of it has a size before the first image, and its second stage uses one weight twice."""

    def __init__(self, image: ImageSpec, inputs: Sequence[InputSpec]) -> None:
        super().__init__(image, inputs)
        self.stages[0] = nn.Sequential(nn.Flatten(), nn.LazyLinear(WIDTH), nn.LazyBatchNorm1d(), nn.ReLU())
        again = nn.LazyLinear(WIDTH)
        self.stages[1] = nn.Sequential(again, nn.Tanh(), _Transposed(again))


@hookimpl
def mtl_components() -> list[Component]:
    kinds = {
        "plain": Plain,
        "half-frozen": HalfFrozen,
        "frozen": Frozen,
        "tied": Tied,
        "normalised": Normalised,
        "lazy": Lazy,
    }
    return [
        Component("encoder", f"unusual-{name}", f"{name} encoder", f"{kind.__module__}:{kind.__name__}")
        for name, kind in kinds.items()
    ]
