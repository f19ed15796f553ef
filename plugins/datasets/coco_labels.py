"""What a file of COCO annotations says of each of its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from ...core.base.errors import UsageError
from ...core.base.files import read_json, reading
from ...core.contracts import Preparation
from ..forms import Multilabel, PixelClasses, Points
from ..forms.pixel_classes import UNLABELLED
from .coco_masks import MASKS, MOST_CATEGORIES, Outline, drawn
from .placing import laid, moved, places_of
from .table_labels import Label
from .table_planes import MapLabel, classes_said, each_row, holes

CATEGORIES, POINTS = "categories", "points"
"""What the label columns of no masks are called."""

_WHAT, _HINT = "COCO annotations", "a JSON file with images, annotations and categories, as COCO's own"
_OUTLINES = "polygons [[x, y, x, y, ...]] or run lengths {counts, size}, as COCO's own"
_BACKGROUND = ("background", "no category")
"""What is none of the categories; the second where one is called so."""


@dataclass(frozen=True)
class PartialLabel(Label):
    """Categories, int8 `[N, K]`, or points, float32 `[N, K, 2]`; a row is present if anything of it is."""

    @property
    def present(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Whether each row has a label, `[N]`."""
        known = ~np.isnan(self.values) if self.values.dtype.kind == "f" else self.values >= 0
        return np.asarray(known.reshape(len(self.values), -1).any(axis=1))

    @property
    def described(self) -> str:
        """The column in a few words."""
        assert isinstance(self.spec, Multilabel | Points)
        names = self.spec.names
        what = "points" if isinstance(self.spec, Points) else "attributes"
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        absent = int((~self.present).sum())
        return f"{len(names)} {what}: {shown}" + (f"; {absent:,} absent" if absent else "")


@dataclass(frozen=True)
class CocoFile:
    """The names of the pictures, the labels of each, and what its masks are drawn from.

    `kinds` are the categories' names where objects have outlines, else none; `sizes` height and width of each
    picture.
    """

    path: Path
    names: Sequence[str]
    labels: Mapping[str, Label]
    kinds: tuple[str, ...] = ()
    sizes: Sequence[tuple[int, int]] = ()
    outlines: Mapping[int, Sequence[Outline]] = field(default_factory=dict)

    def placed(self, preparation: Preparation) -> dict[str, Label]:
        """Return the labels, points being where they are once pictures are brought to their size."""
        labels = dict(self.labels)
        if POINTS in labels:
            places = places_of(self.sizes, preparation)
            labels[POINTS] = replace(labels[POINTS], values=moved(labels[POINTS].values, places))
        return labels

    def masks(self, preparation: Preparation) -> MapLabel:
        """Return the category of every pixel; raise `UsageError` for an outline that is none."""
        image, places = preparation.image, places_of(self.sizes, preparation)

        def mask(row: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
            with reading(f"{self.path}: picture {self.names[row]!r:.80}", "outlines", hint=_OUTLINES):
                wide, high = places[row].scaled
                found = drawn(self.outlines.get(row, ()), self.sizes[row], (high, wide))
                return laid(found, places[row], UNLABELLED)

        def write(row: int, out: np.ndarray[tuple[int, ...], np.dtype[Any]]) -> None:
            out[...] = mask(row)

        known = each_row(len(self.names), image, lambda row: float((mask(row) != UNLABELLED).mean()))
        background = next(name for name in _BACKGROUND if name not in self.kinds)
        form = PixelClasses((background, *self.kinds), image.height, image.width)
        return MapLabel(MASKS, form, classes_said(form.classes) + holes(known), write)


def read_coco(path: Path) -> CocoFile:
    """Return what a file of annotations says; raise `UsageError`, naming it, for another or a damaged one.

    `categories` are those that a picture shows, where there are two or more; `points` those of the largest
    object that has any, relative to the size of its picture. Masks are still to be drawn.
    """
    content = read_json(path, _WHAT, hint=_HINT)
    with reading(path, _WHAT, hint=_HINT):
        images = {image["id"]: image for image in content["images"]}
        kinds = {kind["id"]: kind for kind in content["categories"]}
        objects = content["annotations"]
        for index, item in enumerate(objects):
            _refuse_unknown(path, index, item, images, kinds)
        rows = {identity: row for row, identity in enumerate(images)}
        labels: dict[str, Label] = {}
        if len(kinds) > 1:
            labels[CATEGORIES] = _categories(objects, rows, kinds)
        if any(kind.get("keypoints") for kind in kinds.values()):
            labels[POINTS] = _points(path, objects, images, rows, kinds)
        names = [str(image["file_name"]) for image in images.values()]
        sizes = [_stated_size(image) for image in images.values()]
        found = CocoFile(path, names, labels, sizes=sizes)
        if len(kinds) <= MOST_CATEGORIES and any(item.get("segmentation") for item in objects):
            found = _with_outlines(found, objects, images, rows, kinds)
    if not names:
        raise UsageError(f"{path}: has no images", hint=_HINT)
    if not labels and not found.kinds:
        raise UsageError(
            f"{path}: there is nothing to tell: one category, without points and masks",
            hint="two categories or more are told apart; keypoints stand in a category",
        )
    return found


def _refuse_unknown(
    path: Path, index: int, item: Mapping[str, Any], images: Mapping[Any, Any], kinds: Mapping[Any, Any]
) -> None:
    for key, known in (("image_id", images), ("category_id", kinds)):
        if item[key] not in known:
            raise UsageError(
                f"{path}: annotation {index} is of the {key} {item[key]!r:.40}, which the file does not have",
                hint=_HINT,
            )


def _categories(
    objects: Sequence[Mapping[str, Any]], rows: Mapping[Any, int], kinds: Mapping[Any, Mapping[str, Any]]
) -> Label:
    places = {identity: place for place, identity in enumerate(kinds)}
    values = np.zeros((len(rows), len(kinds)), dtype=np.int8)
    for item in objects:
        values[rows[item["image_id"]], places[item["category_id"]]] = 1
    return PartialLabel(CATEGORIES, Multilabel(tuple(str(kind["name"]) for kind in kinds.values())), values)


def _with_outlines(
    found: CocoFile,
    objects: Sequence[Mapping[str, Any]],
    images: Mapping[Any, Mapping[str, Any]],
    rows: Mapping[Any, int],
    kinds: Mapping[Any, Mapping[str, Any]],
) -> CocoFile:
    numbers = {identity: number for number, identity in enumerate(kinds, 1)}
    outlines: dict[int, list[Outline]] = {}
    for item in objects:
        outline = Outline(
            numbers[item["category_id"]], _size(item), item.get("segmentation"), item.get("bbox", ())
        )
        outlines.setdefault(rows[item["image_id"]], []).append(outline)
    sizes = [(int(image["height"]), int(image["width"])) for image in images.values()]
    names = tuple(str(kind["name"]) for kind in kinds.values())
    return replace(found, kinds=names, sizes=sizes, outlines=outlines)


def _points(
    path: Path,
    objects: Sequence[Mapping[str, Any]],
    images: Mapping[Any, Mapping[str, Any]],
    rows: Mapping[Any, int],
    kinds: Mapping[Any, Mapping[str, Any]],
) -> Label:
    named = next(kind for kind in kinds.values() if kind.get("keypoints"))
    names = tuple(str(name) for name in named["keypoints"])
    values = np.full((len(rows), len(names), 2), nan, dtype=np.float32)
    largest = dict.fromkeys(rows, -1.0)
    for index, item in enumerate(objects):
        image, size = item["image_id"], _size(item)
        found = item.get("keypoints") if item["category_id"] == named["id"] else None
        if not found or not any(found[2::3]) or size <= largest[image]:
            continue
        if len(found) != 3 * len(names):
            raise UsageError(
                f"{path}: annotation {index} has {len(found)} numbers for {len(names)} points",
                hint="x, y and visibility for each",
            )
        largest[image] = size
        values[rows[image]] = _relative(found, images[image])
    return PartialLabel(POINTS, Points(names), values)


def _relative(found: Sequence[float], image: Mapping[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return places in 0..1, NaN where one is not annotated or outside of the picture."""
    numbers = np.array(found, dtype=np.float64).reshape(-1, 3)
    places = numbers[:, :2] / (image["width"], image["height"])
    seen = (numbers[:, 2] > 0) & ((places >= 0) & (places <= 1)).all(axis=1)
    return np.where(seen[:, None], places, nan)


def _stated_size(image: Mapping[str, Any]) -> tuple[int, int]:
    """Return the height and width of a picture; one that nothing lies in need not say it."""
    return max(1, int(image.get("height", 1))), max(1, int(image.get("width", 1)))


def _size(item: Mapping[str, Any]) -> float:
    """Return how large an object is."""
    if "area" in item:
        return float(item["area"])
    box = item.get("bbox", (0, 0, 0, 0))
    return float(box[2] * box[3])
