"""Checks of data sets: columns as the spec says, and the same samples every time."""

from __future__ import annotations

import numpy as np

from ..base.errors import MissingRequirementError, UsageError
from ..contracts import Columns, InMemory
from ..contracts.specs import DatasetSpec
from ..data.column_checks import check_columns
from .bench import dataset_of
from .checks import CheckSkipped, check, require
from .subjects import Subject


@check("dataset")
def check_columns_match_the_spec(subject: Subject) -> None:
    """Both splits have samples, with the image and label columns that the spec promises."""
    spec, splits = _loaded(subject)
    for split in ("train", "test"):
        require(split in splits, f"a split {split!r}", sorted(splits), "return both splits from `load`")
        require(len(splits[split]), f"samples in split {split!r}", "none", "put at least one there")
        check_columns(splits[split], spec, split)
    for name, symmetry in spec.symmetries.items():
        require(name in spec.labels, "symmetries of label columns", name, "name a label column")
        problem = spec.labels[name].symmetry_problem(symmetry)
        require(
            problem is None,
            f"permutations of the entries of label column {name!r}",
            problem,
            "give the old entry for every new one",
        )


@check("dataset")
def check_the_same_samples_every_time(subject: Subject) -> None:
    """Loading twice, the second time into storage, gives the same samples in the same order."""
    (_, one), (_, other) = _loaded(subject), _loaded(subject, into_storage=True)
    for split in one:
        same = np.array_equal(one[split].image, other[split].image) and all(
            np.array_equal(column, other[split].labels[name], equal_nan=column.dtype.kind == "f")
            for name, column in one[split].labels.items()
        )
        require(
            same,
            f"the same samples of split {split!r} every time",
            "other ones",
            "sort what you list, and draw from a generator seeded by an option",
        )


def _loaded(subject: Subject, into_storage: bool = False) -> tuple[DatasetSpec, dict[str, Columns]]:
    try:
        dataset = dataset_of(subject.record, subject.options)
        found = dataset.load_into(InMemory()) if into_storage else dataset.load()
        return dataset.spec(), {split: columns.alone() for split, columns in found.items()}
    except (MissingRequirementError, UsageError) as error:
        raise CheckSkipped(f"it cannot be loaded here: {error.message}") from None
