"""How a picture file becomes the image that a model reads: one description, for training and for answers.

It stands in the recipe (size, channels and `preparation` of a data set that reads picture files), and in the
metadata of an exported file. No torch.

>>> Preparation(ImageSpec(3, 224, 224), "crop", share=0.875).to_json()["size"]
[224, 224]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from .specs import ImageSpec
from .stated import read_value, read_whole

Resize = Literal["stretch", "crop", "pad", "fit"]
"""How a picture of another size is brought to the one that is wanted, the middle staying in the middle.

- `stretch`: each side is scaled by itself.
- `crop`: both sides are scaled by one factor until the size is covered; what sticks out is cut off.
- `pad`: both sides are scaled by one factor until the picture fits into the size; the rest is filled.
- `fit`: as `pad`, but no picture is enlarged.
"""

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
"""What lies between pixels; all but `nearest` smooth a picture that is made smaller (as Pillow does)."""

Orientation = Literal["exif", "stored"]
"""Whether a picture is turned as its camera wrote beside it, or left as its pixels are stored."""

COLOURS = {1: "grey", 3: "rgb"}
"""What a picture of so many channels is called: luma of ITU-R 601, or red, green and blue."""

LEAST_SHARE = 0.1
"""The smallest share of a picture's side that `crop` keeps."""

_OWN = ("orientation", "colour", "resize", "size", "interpolation", "share", "fill")


@dataclass(frozen=True)
class Preparation:
    """What is done to a picture file, in the order of the fields of its JSON form: all before the model.

    It is turned upright, laid over white where it is transparent, brought to the channels of `image`, and to
    its size as `resize` says; None: a picture of another size is refused. With `crop`, `share` of each side
    of the covering square is kept (the picture is scaled larger by 1/share first). `fill`, 0..255, is what
    surrounds a picture that was padded. The result is uint8; the range that the model's input takes, mean and
    deviation stand beside it in an exported file, and are applied inside of the model.

    Raises `ValueError` for a share or a fill out of range.
    """

    image: ImageSpec
    resize: Resize | None = None
    interpolation: Interpolation = "bilinear"
    orientation: Orientation = "exif"
    share: float = 1.0
    fill: int = 0

    def __post_init__(self) -> None:
        if not LEAST_SHARE <= self.share <= 1:
            raise ValueError(f"the share of the crop is {self.share!r:.40}, not within {LEAST_SHARE}..1")
        if not 0 <= self.fill <= 255:
            raise ValueError(f"the fill is {self.fill!r:.40}, not within 0..255")

    @property
    def readable(self) -> bool:
        """Whether picture files have as many channels: 1 or 3."""
        return self.image.channels in COLOURS

    def to_json(self) -> dict[str, Any]:
        """Return the description as plain JSON values."""
        return {
            "orientation": self.orientation,
            "transparency": "white",
            "colour": COLOURS.get(self.image.channels),
            "resize": self.resize,
            "size": [self.image.height, self.image.width],
            "interpolation": self.interpolation,
            "share": self.share,
            "fill": self.fill,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], image: ImageSpec) -> Self:
        """Read the description of how `image` comes about; raise `ValueError` for anything else.

        What stands beside it (range, mean and deviation) is not looked at.
        """
        if not isinstance(value, Mapping):
            raise ValueError(f"the preparation is {value!r:.40}, no mapping")
        if missing := [name for name in _OWN if name not in value]:
            raise ValueError(f"the preparation does not say its {missing[0]}")
        resize = value["resize"]
        found = cls(
            image,
            None if resize is None else _one_of(resize, Resize, "resize"),
            _one_of(value["interpolation"], Interpolation, "interpolation"),
            _one_of(value["orientation"], Orientation, "orientation"),
            read_value(value["share"], float, "the share of the crop"),
            read_whole(value["fill"], "the fill", 0),
        )
        for name, promised in found.to_json().items():
            if value.get(name) != promised:
                raise ValueError(
                    f"the {name} of the preparation is {value.get(name)!r:.40}, not {promised!r}"
                )
        return found


@dataclass(frozen=True)
class WantedPreparation:
    """What pictures the weights of an encoder were trained on; None where they do not say it.

    `size` is `(height, width)`; `mean` and `std` are of images in 0..1, a number per channel. `source` is
    what messages call the weights. A recipe's own words win over every one of these.
    """

    source: str
    size: tuple[int, int] | None = None
    channels: int | None = None
    resize: Resize | None = None
    interpolation: Interpolation | None = None
    share: float | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None

    def options(self) -> dict[str, Any]:
        """Return what it says of the option `preparation` of a data set."""
        stated = {"resize": self.resize, "interpolation": self.interpolation, "share": self.share}
        return {name: value for name, value in stated.items() if value is not None}


def _one_of(value: Any, choices: Any, what: str) -> Any:
    # A list or mapping is in no tuple of texts, but has no hash either.
    if not isinstance(value, str) or value not in get_args(choices):
        raise ValueError(f"the {what} is {value!r:.40}, none of {', '.join(get_args(choices))}")
    return value
