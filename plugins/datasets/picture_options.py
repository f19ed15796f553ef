"""The option of data sets that read picture files which says how these become images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from ...core.base.errors import UsageError
from ...core.contracts.preparation import LEAST_SHARE, Interpolation, Orientation, Preparation, Resize
from ...core.contracts.specs import ImageSpec


class StatedPreparation(TypedDict, total=False):
    """What a recipe may say of how picture files become images."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    orientation: Orientation
    resize: Resize
    interpolation: Interpolation
    share: Annotated[float, Field(ge=LEAST_SHARE, le=1)]
    fill: Annotated[int, Field(ge=0, le=255)]


PreparationOption = Annotated[
    StatedPreparation,
    Field(
        description="How files become images: orientation (exif: upright; stored), resize (stretch; crop: "
        "the size is covered; pad, fit: it holds the whole picture), interpolation (bilinear; nearest, "
        "bicubic, lanczos), share (of each side that crop keeps), fill (0 to 255, around a picture)."
    ),
]


def preparation_of(
    image: ImageSpec, stated: StatedPreparation, usual: Resize | None = "stretch"
) -> Preparation:
    """Return how files become an image of this form; `usual` is the way to resize where none is stated.

    Raises `UsageError` for what the way to resize makes no use of.
    """
    given: Mapping[str, Any] = stated
    resize = given.get("resize", usual)
    for name, ways in (("share", ("crop",)), ("fill", ("pad", "fit"))):
        if name in given and resize not in ways:
            done = _PAST.get(resize, "not resized")
            raise UsageError(
                f"{name} says nothing where pictures are {done}",
                hint=f"leave it out, or say dataset.preparation.resize={' or '.join(ways)}",
                at=("dataset", "preparation", name),
            )
    return Preparation(image, **{"resize": resize, **given})


def stated_of(preparation: Preparation) -> StatedPreparation:
    """Return what a recipe would say of a preparation.

    >>> stated_of(Preparation(ImageSpec(3, 8, 8), "pad", fill=255))["fill"]
    255
    """
    found = StatedPreparation(orientation=preparation.orientation, interpolation=preparation.interpolation)
    if preparation.resize is not None:
        found["resize"] = preparation.resize
    if preparation.resize == "crop":
        found["share"] = preparation.share
    if preparation.resize in ("pad", "fit"):
        found["fill"] = preparation.fill
    return found


_PAST: Mapping[str | None, str] = {
    "stretch": "stretched",
    "crop": "cropped",
    "pad": "padded",
    "fit": "fitted",
}


def brought(resize: Resize | None) -> str:
    """Return what is done to a picture of another size, in words.

    >>> brought("crop")
    'scaled and cropped'
    """
    return {"crop": "scaled and cropped", "pad": "scaled and padded", "fit": "fitted"}.get(
        resize or "", "scaled"
    )
