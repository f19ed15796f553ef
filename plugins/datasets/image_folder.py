"""A folder of image files with one sub-folder per class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ...core.base.errors import MissingRequirementError, UsageError
from ...core.base.places import from_root
from ...core.contracts import Columns, Dataset, InMemory, Preparation, Storage
from ...core.contracts.specs import DatasetSpec, ImageSpec
from ..forms import Categorical
from .class_folders import class_folders, images_in, passed_over, refuse_all, refuse_outside
from .glance import glance_at
from .image_files import ImageFile, image_file, image_size, read_images
from .picture_options import PreparationOption, preparation_of, stated_of
from .table_pictures import sizes_of

COLUMN = "class"
_SPLITS = ("train", "test")
_Side = Annotated[int, Field(ge=1, le=4096)]


class ImageFolder(Dataset):
    """Images in `DATA_DIR/train/CLASS/` and `DATA_DIR/test/CLASS/`; label `class`, int64 `[N]`.

    The classes are the names of the folders, in natural order (`class 2` before `class 10`), and must be
    the same in both splits; images are in natural order of their names. Hidden names and what systems leave
    by themselves (`Thumbs.db`, `desktop.ini`, `__MACOSX`, `@eaDir`) are passed over and counted; anything
    else in a class folder must be an image file, and links must stay in `DATA_DIR`: what is wrong is told all
    at once. Without `size` and a way to resize (`preparation`), all images must have the size of the first;
    with one of them, they are brought to it.
    """

    unsifted = True

    def __init__(
        self,
        *,
        data_dir: Annotated[Path | None, Field(description="Folder that holds train and test.")] = None,
        size: Annotated[
            _Side | tuple[_Side, _Side] | None,
            Field(description="Scale images to this side, or (height, width), in pixels."),
        ] = None,
        channels: Annotated[Literal[1, 3], Field(description="1: grey; 3: red, green, blue.")] = 3,
        preparation: PreparationOption = {},  # noqa: B006 - never changed
    ) -> None:
        self.data_dir = None if data_dir is None else from_root(Path(data_dir))
        self.size = (size, size) if isinstance(size, int) else size
        self.channels = channels
        self.stated = preparation

    def spec(self) -> DatasetSpec:
        root = self._root()
        folders = _classes(root)["train"]
        upright = self.stated.get("orientation") != "stored"
        height, width = self.size or image_size(image_file(self._listed()["train"][0][0]), upright=upright)
        return DatasetSpec(ImageSpec(self.channels, height, width), {COLUMN: Categorical(tuple(folders))})

    def preparation(self) -> Preparation:
        return preparation_of(self.spec().image, self.stated, "stretch" if self.size else None)

    def prepared_as(self, preparation: Preparation) -> ImageFolder:
        found = copy(self)
        found.size = (preparation.image.height, preparation.image.width)
        found.channels = 1 if preparation.image.channels == 1 else 3
        found.stated = stated_of(preparation)
        return found

    def picture_sizes(self) -> Sequence[tuple[int, int]]:
        files = [image_file(path) for folder in self._listed()["train"] for path in folder]
        return sizes_of(files, upright=self.stated.get("orientation") != "stored")

    def sources(self) -> Sequence[Path] | None:
        if self.data_dir is None or not self.data_dir.is_dir():
            return None
        return [path for paths in self._listed().values() for folder in paths for path in folder]

    def load(self) -> Mapping[str, Columns]:
        return self.load_into(InMemory())

    def load_into(self, storage: Storage) -> Mapping[str, Columns]:
        # Both splits are listed before any image is read: an empty folder is found out at once.
        preparation, listed = self.preparation(), self._listed()
        splits = {}
        faults: list[UsageError] = []
        for split, folders in listed.items():
            files = [image_file(path) for folder in folders for path in folder]
            broken: dict[int, str] = {}
            pixels = read_images(files, preparation, storage=storage, broken=broken)
            faults += [_fault(files[index], preparation) for index in sorted(broken)]
            label = np.repeat(np.arange(len(folders), dtype=np.int64), [len(folder) for folder in folders])
            splits[split] = Columns(pixels, {COLUMN: label})
        refuse_all(faults)
        return splits

    def understood(self) -> Sequence[str]:
        root = self._root()
        folders = [root / split for split in _SPLITS]
        folders += [folder for classes in _classes(root).values() for folder in classes.values()]
        names = passed_over(folders)
        if not names:
            return ()
        shown = ", ".join(list(dict.fromkeys(names))[:5])
        return (f"passed over: {len(names):,} hidden or left by systems: {shown}",)

    def glance(self) -> Sequence[str]:
        preparation = self.preparation()
        files = [image_file(path) for folders in self._listed().values() for path in chain(*folders)]
        found = glance_at(files, preparation)
        refuse_all([_fault(files[place], preparation) for place in sorted(found.broken)])
        return [str(found)]

    def _listed(self) -> Mapping[str, list[list[Path]]]:
        """Return the image files of each class, in order, for each split."""
        root = self._root()
        listed: dict[str, list[list[Path]]] = {}
        faults: list[UsageError] = []
        for split, folders in _classes(root).items():
            listed[split] = []
            for folder in folders.values():
                try:
                    listed[split].append(images_in(folder, root))
                except UsageError as fault:
                    faults.append(fault)
        refuse_all(faults)
        return listed

    def _root(self) -> Path:
        if self.data_dir is None:
            raise UsageError("image-folder needs a folder", hint="pass it with --data-dir DIR")
        missing = [split for split in _SPLITS if not (self.data_dir / split).is_dir()]
        if missing:
            # What is there and arranged otherwise lacks nothing that a machine could be given.
            kind = UsageError if self.data_dir.is_dir() else MissingRequirementError
            raise kind(
                f"no image folder in {self.data_dir}: no {', '.join(f'{split}/' for split in missing)}",
                hint="images are looked for in DIR/train/CLASS/ and DIR/test/CLASS/",
            )
        for split in _SPLITS:
            refuse_outside(self.data_dir / split, self.data_dir)
        return self.data_dir


def _fault(file: ImageFile, preparation: Preparation) -> UsageError:
    """Return what reading a broken image refuses."""
    try:
        read_images([file], preparation)
    except UsageError as fault:
        return fault
    return UsageError(f"{file.name}: changed while it was read", hint="load it again")


def _classes(root: Path) -> Mapping[str, Mapping[str, Path]]:
    """Return the folder of each class in each split; raise `UsageError` when not all classes are in both."""
    found = {split: class_folders(root, split) for split in _SPLITS}
    for split, other in (_SPLITS, _SPLITS[::-1]):
        absent = [name for name in found[other] if name not in found[split]]
        if absent:
            raise UsageError(
                f"{root / split}: no folder for class {', '.join(absent)}",
                hint="both splits need the same classes",
            )
    if len(found["train"]) < 2:
        raise UsageError(
            f"{root / 'train'}: {len(found['train']) or 'no'} class folder, expected at least 2",
            hint="images are looked for in DIR/train/CLASS/ and DIR/test/CLASS/",
        )
    return found
