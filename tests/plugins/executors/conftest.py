"""A comparison of 24 small trainings, and what must be the same whoever trains them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mtl.core.comparison.api import compare
from mtl.core.comparison.comparison import Comparison

Compare = Callable[..., Comparison]


def compared(out: Path, **how: Any) -> Comparison:
    """Train two schemes and two single-task models with six seeds."""
    return compare(
        ["even", "third"],
        encoder={"name": "mlp", "hidden": [8]},
        sharing=["hard", "none"],
        seeds=6,
        epochs=1,
        set={"train.validation": 0.8},
        device="cpu",
        out=out,
        **how,
    )


def tables(folder: Path) -> Iterator[str]:
    """Yield the sheets of a comparison without the times, which nobody repeats."""
    for name in ("cells.csv", "summary.csv"):
        rows = list(csv.DictReader(io.StringIO((folder / name).read_text())))
        yield repr([{key: value for key, value in row.items() if key != "seconds"} for row in rows])


def ends(folder: Path) -> list[int]:
    """Return how often each cell was finished."""
    logs = sorted((folder / "cells").glob("*.log"))
    return [log.read_text().count(": finished\n") for log in logs]


@pytest.fixture(scope="session")
def sequential(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The comparison as this process trains it, one cell after the other."""
    return compared(tmp_path_factory.mktemp("sequential") / "c").path
