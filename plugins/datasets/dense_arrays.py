"""Pictures and what is known of their pixels, an array file each, as published for dense tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import MissingRequirementError, UsageError
from ...core.base.files import read_bytes, reading
from ...core.base.places import from_root
from ...core.contracts import Columns, Dataset, Form, InMemory, Storage
from ...core.contracts.specs import DatasetSpec, ImageSpec
from ..forms import PixelClasses, PixelValues
from .class_folders import natural
from .folders import DATA_DIR

PARTS = {"train": "train", "test": "val"}
"""The folder of each split: what is published as `val` is what results are told of."""
UNLABELLED = 255
_HINT = "as LibMTL and MTAN publish them: train/image/0.npy with train/label/0.npy and so on; fetch it again?"
_MOST = 1 << 28
"""Bytes of one array; a picture of 256 x 512 has 1.6 million."""


@dataclass(frozen=True)
class Plane:
    """A folder of arrays beside the pictures: where it may be, its label's name and form.

    `channels` are those behind height and width. Whole numbers are classes, below 0 where there is none; of
    other numbers, a pixel that is 0 in all channels is not known.
    """

    folders: tuple[str, ...]
    form: Form
    channels: int = 1
    low: float = 0.0
    high: float = np.inf


class DenseArrays(Dataset):
    """One array for each picture and kind of label, in folders below `train` and `val`: see subclasses."""

    title: ClassVar[str]
    folder: ClassVar[str]
    published: ClassVar[Mapping[str, int]]

    def __init__(self, data_dir: Path | None, size: tuple[int, int]) -> None:
        self.data_dir = from_root(Path(data_dir or DATA_DIR))
        self.size = size

    def planes(self) -> Mapping[str, Plane]:
        """Return what is known of the pixels, by the name of its label."""
        raise NotImplementedError

    def spec(self) -> DatasetSpec:
        forms = {name: plane.form for name, plane in self.planes().items()}
        return DatasetSpec(ImageSpec(3, *self.size), forms)

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        kinds = {PixelClasses: "segment", PixelValues: "depth"}
        return {
            name: {"task": kinds[type(plane.form)], "label": name} for name, plane in self.planes().items()
        }

    def published_sizes(self) -> Mapping[str, int]:
        return self.published

    def sources(self) -> Sequence[Path] | None:
        try:
            found = [self._files(split) for split in PARTS]
        except (MissingRequirementError, UsageError):
            return None  # `load` says what is missing
        return [path for files in found for paths in files.values() for path in paths]

    def load(self) -> Mapping[str, Columns]:
        return {split: columns.alone() for split, columns in self.load_into(InMemory()).items()}

    def load_into(self, storage: Storage) -> Mapping[str, Columns]:
        return {split: self._read(storage, self._files(split)) for split in PARTS}

    def _root(self) -> Path:
        places = (self.data_dir, self.data_dir / self.folder)
        for place in places:
            with reading(place, "a folder", hint=_HINT):
                if (place / "train" / "image").is_dir():
                    return place
        raise MissingRequirementError(
            f"{self.title} is not in {self.data_dir}: no train/image and no {self.folder}/train/image",
            hint="pass its folder with --data-dir; it is not downloaded: docs/recipes.md says where it is",
        )

    def _files(self, split: str) -> dict[str, list[Path]]:
        """Return the files of each kind, `image` first, those of one name at one place."""
        folder = self._root() / PARTS[split]
        found = {"image": _arrays(folder / "image")}
        for name, plane in self.planes().items():
            place = next((folder / one for one in plane.folders if (folder / one).is_dir()), None)
            if place is None:
                raise UsageError(f"{folder}: has no folder {' or '.join(plane.folders)}", hint=_HINT)
            found[name] = _arrays(place)
        for name, files in found.items():
            if missing := found["image"].keys() ^ files.keys():
                stem = min(missing, key=natural)
                lacks = name if stem in found["image"] else "image"
                raise UsageError(
                    f"{folder}: {len(missing)} arrays of {name} and image have no partner, "
                    f"first {stem}.npy, which {lacks} lacks",
                    hint=_HINT,
                )
        order = sorted(found["image"], key=natural)
        return {name: [files[stem] for stem in order] for name, files in found.items()}

    def _read(self, storage: Storage, files: Mapping[str, list[Path]]) -> Columns:
        planes, spec = self.planes(), self.spec()
        kinds: dict[str, tuple[tuple[int, ...], str]] = {"image": (spec.image.shape, "uint8")}
        kinds |= {name: (form.target_shape, form.column_dtype) for name, form in spec.labels.items()}

        def fill(start: int, out: Mapping[str, NDArray[Any]]) -> None:
            for index in range(len(out["image"])):
                out["image"][index] = picture(files["image"][start + index], self.size)
                for name, plane in planes.items():
                    out[name][index] = label(files[name][start + index], plane, self.size)

        maps = storage.columns(len(files["image"]), kinds, fill)
        return Columns(maps.pop("image"), {}, maps=maps)


def picture(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a picture `[3, H, W]` from an array `[H, W, 3]` of bytes, or of numbers in 0..1."""
    values = _array(path, size, 3)
    if values.dtype == np.uint8:
        return np.moveaxis(values, -1, 0)
    if not np.isfinite(values).all() or values.min() < -1e-3 or values.max() > 1 + 1e-3:
        raise UsageError(f"{path}: a picture's numbers must be in 0..1, or bytes", hint=_HINT)
    return np.moveaxis(np.rint(255 * values.clip(0, 1)).astype(np.uint8), -1, 0)


def label(path: Path, plane: Plane, size: tuple[int, int]) -> NDArray[Any]:
    """Return what an array says of the pixels: classes uint8 `[H, W]`, or values float32 `[n, H, W]`."""
    values = _array(path, size, plane.channels)
    if not np.isfinite(values).all():
        raise UsageError(f"{path}: {_counted(~np.isfinite(values))} are not finite", hint=_HINT)
    if isinstance(plane.form, PixelClasses):
        return _classes(path, values[..., 0], len(plane.form.classes))
    wrong = (values < plane.low) | (values > plane.high)
    if wrong.any():
        found = f"{_counted(wrong)} are not in {plane.low:g}..{plane.high:g}, one is {values[wrong][0]:g}"
        raise UsageError(f"{path}: {found}", hint=_HINT)
    known = (values != 0).any(axis=-1, keepdims=True)
    return np.moveaxis(np.where(known, values, np.nan).astype(np.float32), -1, 0)


def _classes(path: Path, values: NDArray[Any], count: int) -> NDArray[np.uint8]:
    wrong = (values != np.rint(values)) | (values < -1) | (values >= count)
    if wrong.any():
        told = (
            f"{_counted(wrong)} are no class in 0..{count - 1}, nor -1 for none: one is {values[wrong][0]:g}"
        )
        raise UsageError(f"{path}: {told}", hint=_HINT)
    return np.where(values < 0, UNLABELLED, values).astype(np.uint8)


def _counted(where: NDArray[np.bool_]) -> str:
    return f"{int(where.sum()):,} of {where.size:,} numbers"


def _array(path: Path, size: tuple[int, int], channels: int) -> NDArray[Any]:
    """Return the numbers `[H, W, channels]` of a file of `numpy.save`; one channel may go without saying."""
    content = read_bytes(path, "an array", hint=_HINT, most=_MOST)
    with reading(path, "an array of NumPy", hint=_HINT):
        stream = BytesIO(content)
        version = np.lib.format.read_magic(stream)
        header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, kind = header(stream)
    wanted = (*size, channels)
    if shape != wanted and not (channels == 1 and shape == size):
        raise UsageError(
            f"{path}: is an array {list(shape)}, expected {list(wanted)}",
            hint=f"arrays of another size: --set dataset.size=[{shape[0]},{shape[1]}]"
            if len(shape) in (2, 3) and shape[2:] in ((), (channels,))
            else _HINT,
        )
    if kind.kind not in "buif":
        raise UsageError(f"{path}: holds {kind}, expected numbers", hint=_HINT)
    with reading(path, "an array of NumPy", hint=_HINT):
        values: NDArray[Any] = np.load(BytesIO(content), allow_pickle=False)
    return values.reshape(wanted)


def _arrays(folder: Path) -> dict[str, Path]:
    with reading(folder, "a folder of arrays", hint=_HINT):
        found = {path.stem: path for path in folder.iterdir() if path.suffix == ".npy"}
    if not found:
        raise UsageError(f"{folder}: holds no array (.npy)", hint=_HINT)
    return found
