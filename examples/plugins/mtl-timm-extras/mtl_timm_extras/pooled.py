"""An encoder made of the built-in one for timm's networks: all of its stages but the last."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field
from torch import Tensor, nn

from mtl.contracts import Encoder, FeatureSpec, ImageSpec, Incompatible, InputSpec, WantedPreparation

from .pooling import POOLS

Network = Annotated[
    dict[str, Any] | None,
    Field(description="The encoder whose last stage is replaced: its name and options; none: a tiny one."),
]
Pooling = Annotated[
    Literal["generalised-mean", "maximum", "mean-and-maximum"],
    Field(description="How the last map becomes a vector; mean-and-maximum gives twice as many features."),
]
DEFAULT: dict[str, Any] = {"name": "timm", "model": "test_resnet"}


class TimmPooled(Encoder):
    """The stages of another encoder up to its last map, then `pooled`: a vector made of that map.

    `network` names the other encoder, usually `timm` with its options `model` and `weights`. Raises
    `Incompatible` for one that has no map before its last stage.
    """

    joins = True

    def __init__(
        self,
        image: ImageSpec,
        inputs: Sequence[InputSpec],
        make: Callable[..., Encoder],
        *,
        network: Network = None,
        pooling: Pooling = "generalised-mean",
    ) -> None:
        super().__init__()
        made = make(network or DEFAULT, image, inputs)
        if len(made.stages) < 2 or not made.feature_specs[-2].is_map:
            raise Incompatible("pools the last map, and its network has none before its last stage")
        # Its stages are parts of this encoder; registered whole as well, they would be there twice.
        self._made = (made,)
        self.origin, self.fuses = made.origin, made.fuses
        channels = made.feature_specs[-2].channels
        pool = POOLS[pooling]()
        kept = list(made.stages.named_children())[:-1]
        self.stages = nn.Sequential(OrderedDict([*kept, ("pooled", pool)]))
        self.feature_specs = (*made.feature_specs[:-1], FeatureSpec(pool.copies * channels))

    @classmethod
    def accepts(cls, image: ImageSpec, inputs: Sequence[InputSpec]) -> str | None:
        return None if image.channels in (1, 3) else f"reads 1 or 3 channels, got {image.channels}"

    @classmethod
    def preparation(cls, options: Mapping[str, Any], ask: Any) -> WantedPreparation | None:
        return ask(options["network"] or DEFAULT)

    def tap(self, index: int, features: Tensor) -> Tensor:
        (made,) = self._made
        return made.tap(index, features) if index < len(self.stages) - 1 else features

    def forward_stage(self, index: int, features: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        (made,) = self._made
        if index < len(self.stages) - 1:
            return made.forward_stage(index, features, inputs)
        # What the stage before hands on may be tokens; it shows its map.
        return self.stages[index](made.tap(index - 1, features))
