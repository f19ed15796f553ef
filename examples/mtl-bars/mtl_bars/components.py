"""The components of mtl-bars, imported only when one of them is built."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field
from torch import Tensor, nn, sigmoid

from mtl.contracts import (
    Batch,
    Categorical,
    Columns,
    Dataset,
    DatasetSpec,
    Encoder,
    Features,
    FeatureSpec,
    Form,
    Head,
    HeadSpec,
    ImageSpec,
    Incompatible,
    InputSpec,
    Loss,
    Regression,
    Task,
)

Width = Annotated[int, Field(ge=1, description="Channels of the convolution.")]
Limit = Annotated[float, Field(gt=0, description="Values lie between 0 and this.")]
Delta = Annotated[float, Field(gt=0, description="Error at which the square ends.")]


class Bars(Dataset):
    """Noisy 16 x 16 images of one bright row or column; `position` is its place, 0 first and 1 last."""

    def __init__(self, *, seed: Annotated[int, Field(ge=0, description="Seed of the drawings.")] = 0) -> None:
        self.seed = seed

    def spec(self) -> DatasetSpec:
        directions, place = Categorical(("column", "row")), Regression(("position",))
        return DatasetSpec(ImageSpec(1, 16, 16), {"direction": directions, "position": place})

    def load(self) -> Mapping[str, Columns]:
        return {"train": draw(600, 2 * self.seed), "test": draw(200, 2 * self.seed + 1)}


def draw(count: int, seed: int) -> Columns:
    """Return `count` images of bars with their labels; the same seed draws the same."""
    random = np.random.default_rng(seed)
    direction, place = random.integers(2, size=count), random.integers(16, size=count)
    bar = np.equal(np.where(direction[:, None, None], *np.indices((16, 16))), place[:, None, None])
    image = (random.integers(60, size=bar.shape) + 180 * bar).astype(np.uint8)[:, None]
    return Columns(image, {"direction": direction, "position": (place[:, None] / 15).astype(np.float32)})


class TinyCNN(Encoder):
    """A strided convolution and a linear layer, in two named stages; serves images of any size."""

    def __init__(self, image: ImageSpec, inputs: Sequence[InputSpec], *, width: Width = 8) -> None:
        super().__init__()
        half = FeatureSpec(width, (image.height + 1) // 2, (image.width + 1) // 2)
        conv = nn.Sequential(nn.Conv2d(image.channels, width, 3, stride=2, padding=1), nn.ReLU())
        vector = nn.Sequential(nn.Flatten(), nn.Linear(half.size, 8 * width), nn.ReLU())
        self.stages = nn.Sequential(OrderedDict(conv=conv, vector=vector))
        self.feature_specs = (half, FeatureSpec(8 * width))


class BarPosition(Task):
    """Predicts where the bar is, from the label column `position`."""

    needs, head, loss = ("position",), "mtl-bars/bounded", "mtl-bars/huber"

    def __init__(self, dataset: DatasetSpec) -> None:
        super().__init__(dataset)
        if "position" not in dataset.labels:
            raise Incompatible("needs a label column `position`")
        self.target_spec = dataset.labels["position"]

    def target(self, batch: Batch) -> Tensor:
        return batch.labels["position"]


class Bounded(Head):
    """One linear layer whose values a sigmoid keeps between 0 and `limit`."""

    answers_in_units = True

    def __init__(self, spec: HeadSpec, *, limit: Limit = 1.0) -> None:
        super().__init__()
        self.limit, self.layer = limit, nn.Linear(spec.stages[-1].size, spec.target.output_shape[0])

    @classmethod
    def accepts(cls, spec: HeadSpec) -> str | None:
        return None if isinstance(spec.target, Regression) else f"answers values, not {spec.target.form}"

    def forward(self, features: Features) -> Tensor:
        return self.limit * sigmoid(self.layer(features.stages[-1].flatten(1)))


class Huber(Loss):
    """Huber's loss (1964), quadratic up to `delta` and linear beyond: the mean over a sample's values."""

    def __init__(self, target: Form, *, delta: Delta = 0.1) -> None:
        super().__init__(target)
        self.delta = delta

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        return None if isinstance(target, Regression) else f"judges values, not {target.form}"

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        wanted = target.where(self.target.known(target), raw.detach())  # what is absent costs nothing
        return nn.functional.huber_loss(raw, wanted, reduction="none", delta=self.delta).mean(dim=1)
