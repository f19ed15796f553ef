"""A comparison of 24 small trainings, and what must be the same whoever trains them."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.cli.main import run

COMPARE = (
    *("compare", "--tasks", "even,third", "--sharing", "hard,none", "--encoder", "mlp", "--epochs", "1"),
    *("--set", "encoder.hidden=[8]", "--set", "train.validation=0.8", "--seeds", "6", "--device", "cpu"),
)
"""Two schemes and two single-task models, with six seeds."""


def words(out: Path, executor: dict[str, Any] | None = None, jobs: int | None = None) -> list[str]:
    """Return the words of the command."""
    how = [] if executor is None else ["--executor", json.dumps(executor)]
    return [*COMPARE, "--out", str(out), *how, *([] if jobs is None else ["--jobs", str(jobs)])]


def compared(out: Path, executor: dict[str, Any] | None = None, jobs: int | None = None) -> int:
    """Train all in this process, or by an executor; return the exit status."""
    return run(words(out, executor, jobs))


def comparing(out: Path, executor: dict[str, Any]) -> subprocess.Popen[str]:
    """Begin to train the same by a command of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "mtl", *words(out, executor)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
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
    folder, threads = tmp_path_factory.mktemp("sequential") / "c", torch.get_num_threads()
    torch.set_num_threads(1)  # as many as each of the others has
    try:
        assert compared(folder) == 0
    finally:
        torch.set_num_threads(threads)
    return folder
