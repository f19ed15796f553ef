"""The forms of images, features, extra inputs and answers that components negotiate about. No torch.

>>> Categorical(("cat", "dog")).output_shape
(2,)
>>> FeatureSpec(16, 5, 5).shape
(16, 5, 5)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import prod
from typing import Any, ClassVar, Literal


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

    def __str__(self) -> str:
        return f"image [{self.channels}, {self.height}, {self.width}]"


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
class InputSpec:
    """An extra model input beside the image: one whole number per sample in `0..count - 1`, int64 `[B]`.

    The model encodes it as a one-hot vector of width `count`.
    """

    name: str
    count: int
    description: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the input as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Categorical:
    """One of several classes. Raw output: logits `[B, K]`; prediction: probabilities `[B, K]`."""

    classes: tuple[str, ...]
    form: ClassVar[str] = "categorical"

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one sample's raw output."""
        return (len(self.classes),)


@dataclass(frozen=True)
class Binary:
    """Yes or no. Raw output: one logit `[B]`; prediction: the probability of `positive`, `[B]`."""

    positive: str = "yes"
    negative: str = "no"
    form: ClassVar[str] = "binary"

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one sample's raw output."""
        return ()


@dataclass(frozen=True)
class Regression:
    """Named quantities with units. Raw output and prediction: values `[B, len(names)]`."""

    names: tuple[str, ...]
    units: str = ""
    form: ClassVar[str] = "regression"

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one sample's raw output."""
        return (len(self.names),)


@dataclass(frozen=True)
class Image:
    """An image. Raw output `[B, C, H, W]`; prediction in 0..1.

    `link="identity"`: the raw output is pixel values, the prediction is clamped to 0..1.
    `link="logit"`: the raw output is one logit per pixel, the prediction is its sigmoid.
    """

    channels: int
    height: int
    width: int
    link: Literal["identity", "logit"] = "identity"
    form: ClassVar[str] = "image"

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one sample's raw output."""
        return (self.channels, self.height, self.width)


TargetSpec = Categorical | Binary | Regression | Image
_FORMS: dict[str, type[Categorical | Binary | Regression | Image]] = {
    spec.form: spec for spec in (Categorical, Binary, Regression, Image)
}


def target_to_json(target: TargetSpec) -> dict[str, Any]:
    """Return a target spec as plain JSON values.

    >>> target_to_json(Binary("even", "odd"))
    {'form': 'binary', 'positive': 'even', 'negative': 'odd'}
    """
    return {"form": target.form, **asdict(target)}


def target_from_json(value: Mapping[str, Any]) -> TargetSpec:
    """Rebuild a target spec from `target_to_json`; raise `ValueError` when the form is unknown.

    >>> target_from_json({"form": "categorical", "classes": ["a", "b"]})
    Categorical(classes=('a', 'b'))
    """
    fields: dict[str, Any] = {
        key: tuple(item) if isinstance(item, list) else item for key, item in value.items()
    }
    form = fields.pop("form", None)
    if form not in _FORMS:
        raise ValueError(f"unknown target form {form!r}; known: {', '.join(_FORMS)}")
    return _FORMS[form](**fields)


@dataclass(frozen=True)
class Symmetry:
    """How the entries of a vector, or the classes of a label, move when the image is turned or mirrored.

    After a quarter turn counter-clockwise, new entry `i` is old entry `quarter_turn[i]`;
    after a left-right mirror, new entry `i` is old entry `mirror[i]`. Likewise class `mirror[i]` becomes
    class `i`.
    """

    quarter_turn: tuple[int, ...]
    mirror: tuple[int, ...]


@dataclass(frozen=True)
class DatasetSpec:
    """What a data set offers: the image's form and its named label columns.

    Columns without an entry in `symmetries` do not change when the image is turned or mirrored.
    """

    image: ImageSpec
    labels: Mapping[str, TargetSpec]
    symmetries: Mapping[str, Symmetry] = field(default_factory=dict)


def dataset_to_json(spec: DatasetSpec) -> dict[str, Any]:
    """Return the form of a data set as plain JSON values.

    >>> dataset_to_json(DatasetSpec(ImageSpec(1, 28, 28), {"even": Binary()}))["labels"]
    {'even': {'form': 'binary', 'positive': 'yes', 'negative': 'no'}}
    """
    return {
        "image": asdict(spec.image),
        "labels": {name: target_to_json(target) for name, target in spec.labels.items()},
        "symmetries": {name: asdict(symmetry) for name, symmetry in spec.symmetries.items()},
    }


TestTimeAugmentation = Literal["none", "mirror", "quarter-turns", "square"]
"""Over which symmetries of the square a trained model's answer is the mean: none; the left-right mirror;
turns by 0, 90, 180 and 270 degrees; all eight."""
