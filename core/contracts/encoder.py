"""The contract of an encoder: ordered stages from an image, or from vectors, to features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from torch import Tensor, nn

from .origin import WeightsOrigin
from .preparation import WantedPreparation
from .specs import FeatureSpec, ImageSpec, InputSpec

InputForm = Literal["image", "vector", "number"]
"""What an encoder can read: an image, vectors, whole numbers that tasks bring."""

AskEncoder = Callable[[str | Mapping[str, Any]], WantedPreparation | None]
"""Asks the encoder that an option of another one names what pictures it wants."""


class Encoder(nn.Module):
    """An encoder made of ordered, named stages; sharing schemes work stage by stage.

    A subclass's constructor takes `(image: ImageSpec, inputs: Sequence[InputSpec], *, options)` and sets
    `stages` (an `nn.Sequential`, best built from an `OrderedDict` of names), `feature_specs` (the form
    of what heads see of each stage, same length), and `fuses`, the names of the extra inputs it reads.
    It raises `Incompatible` with the reason when it cannot serve the image.

    `reads` says what forms of input it can read; it is given no others. One that reads `"vector"` finds each
    `VectorSpec` of the data set among `inputs`; where there is no image it gets `Vectors` in the image's
    place, all of them prepared and side by side, `[B, size]`, and reads them all.

    What a stage hands to the next one need not be what heads see: `tap` turns the one into the other, and
    `feature_specs` states what it gives.

    With `joins` it is made of other encoders. Its constructor then gets a third argument that makes one:
    `make({"name": ..., options}, image, inputs)`.
    """

    reads: frozenset[InputForm] = frozenset({"image", "number"})
    joins: bool = False
    fits: bool = False
    """Whether it takes something from training images before it is trained (`fit`)."""

    stages: nn.Sequential
    feature_specs: tuple[FeatureSpec, ...]
    fuses: frozenset[str] = frozenset()
    origin: WeightsOrigin | None = None
    """Where the weights come from that `start` put in; None: they were drawn."""

    @classmethod
    def accepts(cls, image: ImageSpec, inputs: Sequence[InputSpec]) -> str | None:
        """Return why the encoder cannot serve these inputs, or None when it can (with default options)."""
        return None

    @classmethod
    def preparation(cls, options: Mapping[str, Any], ask: AskEncoder) -> WantedPreparation | None:
        """Return what pictures its weights were trained on, by its complete options; None: it takes any.

        It is asked before the data set is made: the composer fills in what the recipe leaves open (size,
        channels and `preparation` of a data set that reads picture files, and `normalization`), and tells.
        `ask("NAME")` or `ask({"name": ..., options})` asks another encoder, which an option names.
        """
        return None

    @classmethod
    def models(cls) -> Mapping[str, str]:
        """Return the networks that its option `model` may name, each with a line about it (default: none)."""
        return {}

    def start(self) -> None:
        """Put in the weights that training starts from, where these are not drawn (default: nothing).

        Called once, on a new encoder that is to be trained; not on one that gets the weights of a run. Sets
        `origin`. Raises `UsageError` for a file that does not hold them, `MissingRequirementError` when they
        are not to be had.
        """

    def fit(self, images: Iterable[Tensor]) -> None:
        """Take from normalised training images, float32 `[B, C, H, W]` a batch, what is not learned.

        Called before a training where `fits` is set, on the CPU, with some thousand images. What it takes
        stands in the state: weights that come from a run have it, and are left as they are.
        """

    def tap(self, index: int, features: Tensor) -> Tensor:
        """Return what heads see of the answer of stage `index`, by default the answer itself.

        A transformer hands on tokens, `[B, C, N]`, and shows the map of its patches here.
        """
        return features

    def forward_stage(self, index: int, features: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Run stage `index` on the features before it (the normalised image `[B, C, H, W]` for stage 0).

        `inputs` are the extra inputs, int64 `[B]` each, and prepared vectors, float32 `[B, prepared]`; only
        a fusing encoder reads them.
        """
        output: Tensor = self.stages[index](features)
        return output

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Return what heads see of every stage, for normalised images `[B, C, H, W]`."""
        outputs = []
        features = image
        for index in range(len(self.stages)):
            features = self.forward_stage(index, features, inputs)
            outputs.append(self.tap(index, features))
        return tuple(outputs)
