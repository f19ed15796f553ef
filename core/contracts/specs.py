"""The forms of images, features and data sets that components negotiate about. No torch.

>>> FeatureSpec(16, 5, 5).shape
(16, 5, 5)
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Never

from ..base.errors import Incompatible
from .inputs import InputSpec as InputSpec
from .inputs import VectorSpec as VectorSpec

if TYPE_CHECKING:
    from .form import Form

MISSING = -1
"""The value of an absent whole-number label; an absent real-valued label is NaN."""


@dataclass(frozen=True)
class ImageSpec:
    """The form of the input image: `[B, channels, height, width]`."""

    channels: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(C, H, W)` of one image."""
        return (self.channels, self.height, self.width)

    @property
    def kept_shape(self) -> tuple[int, int, int]:
        """Shape of one image as a batch holds it: `(0, 0, 0)` where a data set has none."""
        return self.shape

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"image [{self.channels}, {self.height}, {self.width}]"


class _NoImage(ImageSpec):
    """The image of a data set that has none: false, and whoever asks for its size is refused."""

    __dataclass_fields__: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        pass

    def __getattribute__(self, name: str) -> Any:
        return _refuse() if name in _SIZES else super().__getattribute__(name)

    @property
    def kept_shape(self) -> tuple[int, int, int]:
        return (0, 0, 0)

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _NoImage)

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "NO_IMAGE"

    __str__ = __repr__


_SIZES = ("channels", "height", "width", "shape")


def _refuse() -> Never:
    raise Incompatible("needs images, and the data set has none")


NO_IMAGE: ImageSpec = _NoImage()
"""The image of a data set that has vectors alone. It is false; asked for a size it raises `Incompatible`."""


@dataclass(frozen=True)
class FeatureSpec:
    """The form of a feature: a vector `[B, channels]` or a map `[B, channels, height, width]`."""

    channels: int
    height: int | None = None
    width: int | None = None

    def __post_init__(self) -> None:
        if (self.height is None) != (self.width is None):
            raise ValueError("a feature map needs both a height and a width")

    @property
    def is_map(self) -> bool:
        """Whether the feature keeps its spatial layout."""
        return self.height is not None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample's feature."""
        if self.height is None or self.width is None:
            return (self.channels,)
        return (self.channels, self.height, self.width)

    @property
    def size(self) -> int:
        """Number of values once flattened."""
        return prod(self.shape)

    def __str__(self) -> str:
        return f"{'map' if self.is_map else 'vector'} {list(self.shape)}"


@dataclass(frozen=True)
class Symmetry:
    """How the entries of a vector, or the classes of a label, move when the image is turned or mirrored.

    After a quarter turn counter-clockwise, new entry `i` is old entry `quarter_turn[i]`;
    after a left-right mirror, new entry `i` is old entry `mirror[i]`. Likewise class `mirror[i]` becomes
    class `i`.
    """

    quarter_turn: tuple[int, ...]
    mirror: tuple[int, ...]

    def after(self, turns: int, mirrored: bool) -> tuple[int, ...]:
        """Return which old entry is each new one, after the mirror or not and then the quarter turns.

        >>> Symmetry(quarter_turn=(3, 0, 1, 2), mirror=(0, 3, 2, 1)).after(1, True)
        (1, 0, 3, 2)
        """
        order = self.mirror if mirrored else tuple(range(len(self.mirror)))
        for _ in range(turns):
            order = tuple(order[old] for old in self.quarter_turn)
        return order


@dataclass(frozen=True)
class DatasetSpec:
    """What a data set offers: the image's form, its named label columns, and the vectors that are inputs.

    `image` is `NO_IMAGE` where `inputs` are all that a model reads. Columns without an entry in
    `symmetries` do not change when the image is turned or mirrored.
    """

    image: ImageSpec
    labels: Mapping[str, Form]
    symmetries: Mapping[str, Symmetry] = field(default_factory=dict)
    inputs: tuple[VectorSpec, ...] = ()


def dataset_to_json(spec: DatasetSpec) -> dict[str, Any]:
    """Return the form of a data set as plain JSON values.

    >>> dataset_to_json(DatasetSpec(ImageSpec(1, 28, 28), {}))["image"]
    {'channels': 1, 'height': 28, 'width': 28}
    """
    inputs = {"inputs": [item.to_json() for item in spec.inputs]} if spec.inputs else {}
    return {
        "image": asdict(spec.image) if spec.image else None,
        "labels": {name: form.to_json() for name, form in spec.labels.items()},
        "symmetries": {name: asdict(symmetry) for name, symmetry in spec.symmetries.items()},
        **inputs,
    }


TestTimeAugmentation = Literal["none", "mirror", "mirror-shifts", "quarter-turns", "square"]
"""Over which views of an image a trained model's answer is the mean: none but the image; its left-right
mirror; both as they are and a pixel along the diagonal, each way; turns by 0, 90, 180 and 270 degrees; these
of both mirrors."""


def __getattr__(name: str) -> Any:
    """Find a form of answer that was here in 0.1 at `mtl.contracts`; until 0.3."""
    contracts = None if name.startswith("_") else import_module("...contracts", __package__)
    if contracts is None or not hasattr(contracts, name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(
        f"{name!r} is imported from mtl.contracts; from {__name__} until mtl 0.3",
        DeprecationWarning,
        stacklevel=2,
    )
    return getattr(contracts, name)
