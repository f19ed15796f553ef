"""CelebA, as torchvision has it: faces with forty attributes, each a task of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...core.base.errors import MissingRequirementError, UsageError
from ...core.base.files import read_text, reading
from ...core.base.places import from_root
from ...core.contracts import Columns, Dataset, InMemory, Preparation, Storage
from ...core.contracts.specs import DatasetSpec, ImageSpec
from ..forms import Binary, Multilabel
from .folders import DATA_DIR
from .image_files import image_file, read_images
from .table_options import Side
from .table_tasks import task_names

ATTRIBUTES = (
    *("5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs", "Big_Lips"),
    *("Big_Nose", "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair", "Bushy_Eyebrows", "Chubby"),
    *("Double_Chin", "Eyeglasses", "Goatee", "Gray_Hair", "Heavy_Makeup", "High_Cheekbones", "Male"),
    *("Mouth_Slightly_Open", "Mustache", "Narrow_Eyes", "No_Beard", "Oval_Face", "Pale_Skin"),
    *("Pointy_Nose", "Receding_Hairline", "Rosy_Cheeks", "Sideburns", "Smiling", "Straight_Hair"),
    *("Wavy_Hair", "Wearing_Earrings", "Wearing_Hat", "Wearing_Lipstick", "Wearing_Necklace"),
    *("Wearing_Necktie", "Young"),
)
"""In the order of the file."""
ALL = "attributes"
"""The column that has all of them."""
PICTURES, LABELS, PARTITION = "img_align_celeba", "list_attr_celeba.txt", "list_eval_partition.txt"
_PARTS = ("train", "validation", "test")
_HINT = "as torchvision.datasets.CelebA leaves it; a download that broke off? fetch the file again"
_LARGEST = 1 << 28


@dataclass(frozen=True)
class Faces:
    """The names of the pictures, their attributes int8 `[N, 40]` (0 or 1), and their parts `[N]`."""

    names: Sequence[str]
    attributes: NDArray[np.int8]
    parts: NDArray[np.int8]


class Celeba(Dataset):
    """202,599 aligned faces, 218 x 178, scaled to 64 x 64 as in the literature, with 40 attributes.

    Each attribute is a label column of yes or no, and a task by its name; `attributes` has all of them. The
    published parts are train, validation and test. Reads `list_attr_celeba.txt`, `list_eval_partition.txt`
    and `img_align_celeba/` in `DATA_DIR`, or in its folder `celeba`.
    Source: Liu, Luo, Wang, Tang, "Deep learning face attributes in the wild", 2015.
    """

    def __init__(
        self,
        *,
        data_dir: Annotated[
            Path | None, Field(description=f"Folder with the two lists; {DATA_DIR} when absent.")
        ] = None,
        size: Annotated[
            tuple[Side, Side], Field(description="Height and width that pictures are scaled to.")
        ] = (64, 64),
    ) -> None:
        self.data_dir = from_root(Path(data_dir or DATA_DIR))
        self.size = size

    def spec(self) -> DatasetSpec:
        yes_or_no = {name: Binary() for name in ATTRIBUTES}
        return DatasetSpec(ImageSpec(3, *self.size), {**yes_or_no, ALL: Multilabel(ATTRIBUTES)})

    def preparation(self) -> Preparation:
        return Preparation(ImageSpec(3, *self.size), "stretch")

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        return {
            name: {"task": "classify", "label": column} for column, name in task_names(ATTRIBUTES).items()
        }

    def published_sizes(self) -> Mapping[str, int]:
        return {"train": 162_770, "validation": 19_867, "test": 19_962}

    def sources(self) -> Sequence[Path] | None:
        try:
            root, faces = self._root, self._faces
        except (MissingRequirementError, UsageError):
            return None  # `load` says what is missing
        return [root / LABELS, root / PARTITION, *(root / PICTURES / name for name in faces.names)]

    def load(self) -> Mapping[str, Columns]:
        return {split: columns.alone() for split, columns in self.load_into(InMemory()).items()}

    def load_into(self, storage: Storage) -> Mapping[str, Columns]:
        faces = self._faces
        files = [image_file(self._root / PICTURES / name) for name in faces.names]
        image = read_images(files, self.preparation(), storage=storage)
        found = {}
        for number, split in enumerate(_PARTS):
            rows = np.flatnonzero(faces.parts == number)
            own = faces.attributes[rows]
            labels: dict[str, NDArray[Any]] = {
                name: own[:, at].astype(np.int64) for at, name in enumerate(ATTRIBUTES)
            }
            found[split] = Columns(image, {**labels, ALL: own}, rows)
        return found

    @cached_property
    def _root(self) -> Path:
        for place in (self.data_dir, self.data_dir / "celeba"):
            with reading(place, "a folder", hint=_HINT):
                if (place / LABELS).is_file():
                    return place
        raise MissingRequirementError(
            f"CelebA is not in {self.data_dir}: no {LABELS} and no celeba/{LABELS}",
            hint="pass its folder with --data-dir; it is not downloaded",
        )

    @cached_property
    def _faces(self) -> Faces:
        names, attributes = _attributes(self._root / LABELS)
        return Faces(names, attributes, _partition(self._root / PARTITION, names))


def _attributes(path: Path) -> tuple[list[str], NDArray[np.int8]]:
    """Return the names of the pictures and their attributes: a count, the attributes' names, then rows."""
    lines = read_text(path, "the attributes of CelebA", hint=_HINT, most=_LARGEST).splitlines()
    if len(lines) < 3 or not lines[0].strip().isdecimal():
        raise UsageError(f"{path}:1: must be the number of pictures, then the attributes' names", hint=_HINT)
    if tuple(lines[1].split()) != ATTRIBUTES:
        raise UsageError(f"{path}:2: must be the names of the {len(ATTRIBUTES)} attributes", hint=_HINT)
    names, rows = [], []
    for line, (name, *values) in _rows(lines, 3):
        if len(values) != len(ATTRIBUTES) or not set(values) <= {"1", "-1"}:
            raise UsageError(f"{path}:{line}: must be a name and {len(ATTRIBUTES)} times 1 or -1", hint=_HINT)
        if "/" in name or "\\" in name or name.startswith("."):
            raise UsageError(f"{path}:{line}: {name!r} is no name of a picture", hint=_HINT)
        names.append(name)
        rows.append([value == "1" for value in values])
    if len(names) != int(lines[0]):
        raise UsageError(f"{path}: has {len(names):,} pictures, and says {int(lines[0]):,}", hint=_HINT)
    return names, np.array(rows, dtype=np.int8)


def _partition(path: Path, names: Sequence[str]) -> NDArray[np.int8]:
    """Return the part of each picture: 0 train, 1 validation, 2 test."""
    found = {}
    lines = read_text(path, "the parts of CelebA", hint=_HINT, most=_LARGEST).splitlines()
    for line, row in _rows(lines, 1):
        if len(row) != 2 or row[1] not in ("0", "1", "2"):
            raise UsageError(f"{path}:{line}: must be a picture's name and 0, 1 or 2", hint=_HINT)
        found[row[0]] = int(row[1])
    missing = [name for name in names if name not in found]
    if missing:
        raise UsageError(f"{path}: {len(missing):,} pictures have no part, first {missing[0]}", hint=_HINT)
    parts = np.array([found[name] for name in names], dtype=np.int8)
    for number, split in enumerate(_PARTS):
        if not (parts == number).any():
            raise UsageError(f"{path}: no picture is in the part {number} ({split})", hint=_HINT)
    return parts


def _rows(lines: Sequence[str], first: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the words of every line that is not empty, from the line `first` on."""
    for number, line in enumerate(lines[first - 1 :], first):
        if words := line.split():
            yield number, words
