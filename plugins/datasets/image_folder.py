"""A folder of image files with one sub-folder per class."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ...core.contracts import Columns, Dataset
from ...core.errors import MissingRequirementError, UsageError
from ...core.specs import Categorical, DatasetSpec, ImageSpec
from .image_files import ImageFile, image_size, read_images

COLUMN = "class"
_SPLITS = ("train", "test")
_Side = Annotated[int, Field(ge=1, le=4096)]


class ImageFolder(Dataset):
    """Images in `DATA_DIR/train/CLASS/` and `DATA_DIR/test/CLASS/`; label `class`, int64 `[N]`.

    The classes are the names of the folders, in natural order (`class 2` before `class 10`), and must be
    the same in both splits; images are in natural order of their names. Names that start with a dot are
    skipped; anything else in a class folder must be an image of 8 bits per channel. Without `size`, all
    images must have the size of the first; with it, they are scaled to it.
    """

    def __init__(
        self,
        *,
        data_dir: Annotated[Path | None, Field(description="Folder that holds train and test.")] = None,
        size: Annotated[
            _Side | tuple[_Side, _Side] | None,
            Field(description="Scale images to this side, or (height, width), in pixels."),
        ] = None,
        channels: Annotated[Literal[1, 3], Field(description="1: grey; 3: red, green, blue.")] = 3,
    ) -> None:
        self.data_dir = None if data_dir is None else Path(data_dir).expanduser()
        self.size = (size, size) if isinstance(size, int) else size
        self.channels = channels

    def spec(self) -> DatasetSpec:
        root = self._root()
        classes = _classes(root)
        height, width = self.size or image_size(_files(root / "train" / classes[0])[0])
        return DatasetSpec(ImageSpec(self.channels, height, width), {COLUMN: Categorical(classes)})

    def sources(self) -> Sequence[Path] | None:
        root = self.data_dir
        if root is None or not root.is_dir():
            return None
        return sorted(path for path in root.rglob("*") if path.is_file())

    def load(self) -> Mapping[str, Columns]:
        root, image = self._root(), self.spec().image
        classes = _classes(root)
        # Both splits are listed before any image is read: an empty folder is found out at once.
        listed = {split: [_files(root / split / name) for name in classes] for split in _SPLITS}
        splits = {}
        for split, folders in listed.items():
            files = [file for folder in folders for file in folder]
            pixels = read_images(files, image, resize=self.size is not None)
            label = np.repeat(np.arange(len(classes), dtype=np.int64), [len(folder) for folder in folders])
            splits[split] = Columns(pixels, {COLUMN: label})
        return splits

    def _root(self) -> Path:
        if self.data_dir is None:
            raise UsageError("image-folder needs a folder", hint="pass it with --data-dir DIR")
        missing = [split for split in _SPLITS if not (self.data_dir / split).is_dir()]
        if missing:
            raise MissingRequirementError(
                f"no image folder in {self.data_dir}: no {', '.join(f'{split}/' for split in missing)}",
                hint="images are looked for in DIR/train/CLASS/ and DIR/test/CLASS/",
            )
        return self.data_dir


def _classes(root: Path) -> tuple[str, ...]:
    """Return the class names; raise `UsageError` when the splits do not have the same."""
    train, test = ({path.name for path in _visible(root / split) if path.is_dir()} for split in _SPLITS)
    for split, absent in (("train", test - train), ("test", train - test)):
        if absent:
            names = ", ".join(sorted(absent, key=_natural))
            raise UsageError(
                f"{root / split}: no folder for class {names}", hint="both splits need the same classes"
            )
    if len(train) < 2:
        raise UsageError(
            f"{root / 'train'}: {len(train) or 'no'} class folder, expected at least 2",
            hint="images are looked for in DIR/train/CLASS/ and DIR/test/CLASS/",
        )
    return tuple(sorted(train, key=_natural))


def _files(folder: Path) -> list[ImageFile]:
    paths = sorted(_visible(folder), key=lambda path: _natural(path.name))
    if not paths:
        raise UsageError(
            f"{folder}: holds no images",
            hint="put the images of this class there; a download that broke off?",
        )
    for path in paths:
        if path.is_dir():
            raise UsageError(f"{path}: a folder, expected an image", hint="classes are one level of folders")
    return [ImageFile(str(path), path.read_bytes) for path in paths]


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def _natural(name: str) -> tuple[list[tuple[int, int | str]], str]:
    """Return a sort key under which numbers inside names count as numbers.

    >>> sorted(["img10", "img9", "a"], key=_natural)
    ['a', 'img9', 'img10']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    # The name itself settles ties such as `01` and `1`.
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts], name
