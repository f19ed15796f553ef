"""The handwritten digits that come with scikit-learn: real, small, nothing to download."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...core.base.errors import MissingRequirementError
from ...core.base.files import open_regular
from ...core.contracts import Columns, Dataset
from ...core.contracts.specs import DatasetSpec, ImageSpec
from ..forms import Categorical

COLUMN = "digit"
CLASSES = tuple("0123456789")
_SMALL = 8
_SIDE = 28


class Digits(Dataset):
    """The 1,797 digits of scikit-learn (8 x 8, 17 grey levels), enlarged to 28 x 28 uint8.

    The label `digit` is int64 `[N]`. They come without a split: of every class, `test_fraction` of the
    samples, chosen by `split_seed`, are the test split; a different seed is a different test split.
    Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998 (its test part).

    >>> {split: len(columns) for split, columns in Digits().load().items()}
    {'train': 1438, 'test': 359}
    """

    def __init__(
        self,
        *,
        test_fraction: Annotated[
            float, Field(ge=0.01, le=0.9, description="Part of every class kept for the test split.")
        ] = 0.2,
        split_seed: Annotated[int, Field(ge=0, description="Seed of the choice of test samples.")] = 0,
    ) -> None:
        self.test_fraction = test_fraction
        self.split_seed = split_seed

    def spec(self) -> DatasetSpec:
        return DatasetSpec(ImageSpec(1, _SIDE, _SIDE), {COLUMN: Categorical(CLASSES)})

    def sources(self) -> Sequence[Path] | None:
        path = _file()
        return None if path is None else [path]

    def load(self) -> Mapping[str, Columns]:
        small, digit = _read()
        image = enlarge(small)
        is_test = self._choose_test(digit)
        return {
            split: Columns(image[chosen], {COLUMN: digit[chosen]})
            for split, chosen in (("train", ~is_test), ("test", is_test))
        }

    def _choose_test(self, digit: NDArray[np.int64]) -> NDArray[np.bool_]:
        from ...core.contracts.randomness import derive_seed  # imports torch

        random = np.random.default_rng(derive_seed(self.split_seed, "digits", "split"))
        is_test = np.zeros(len(digit), dtype=bool)
        for label in range(len(CLASSES)):
            members = random.permutation(np.flatnonzero(digit == label))
            is_test[members[: round(self.test_fraction * len(members))]] = True
        return is_test


def _file() -> Path | None:
    """Return the file in scikit-learn's folder, without importing it, which takes a second."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"


def _read() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return images, 0..16 `[N, 8, 8]`, and digits `[N]`: a row of the file is 64 pixels and a digit."""
    path, hint = _file(), "pip install --force-reinstall scikit-learn"
    if path is None:
        raise MissingRequirementError("scikit-learn, which brings the digits, is not installed", hint=hint)
    with open_regular(path, "scikit-learn's digits", hint=hint) as packed, gzip.open(packed) as text:
        rows = np.loadtxt(text, dtype=np.int64, delimiter=",", ndmin=2)
        if rows.shape[1] != _SMALL**2 + 1:
            raise ValueError(f"a row of {rows.shape[1]} numbers, expected {_SMALL**2 + 1}")
        return rows[:, :-1].reshape(-1, _SMALL, _SMALL), rows[:, -1]


def enlarge(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Return 8 x 8 images of whole values 0..16 as uint8 `[N, 1, 28, 28]` in 0..255, bilinear.

    In whole numbers throughout, so that every machine gives the same pixels.

    >>> bool((enlarge(np.full((1, 8, 8), 16)) == 255).all())
    True
    """
    # The centre of new pixel i is at (i + 1/2) * 8/28 - 1/2 = (4 i - 5) / 14 old pixels.
    low, part = np.divmod(4 * np.arange(_SIDE) - 5, 14)
    weights = np.zeros((_SIDE, _SMALL), dtype=np.int64)
    np.add.at(weights, (np.arange(_SIDE), low.clip(0, _SMALL - 1)), 14 - part)
    np.add.at(weights, (np.arange(_SIDE), (low + 1).clip(0, _SMALL - 1)), part)
    whole = 16 * 14 * 14
    scaled = weights @ images.astype(np.int64) @ weights.T
    return ((255 * scaled + whole // 2) // whole).astype(np.uint8)[:, None]
