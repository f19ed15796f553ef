"""A search whose process is killed, again and again, comes to what one comes to that was left alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

SEARCH = [
    *("search", "--tasks", "even,third", "--encoder", "mlp", "--epochs", "6", "--device", "cpu"),
    *("--set", "train.validation=0.3", "--set", "encoder.hidden=[8]", "--trials", "7"),
    *("--space", "train.learning_rate=log:1e-4..1e-2"),
]


def begun(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "mtl", *SEARCH, "--out", str(folder)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def found(folder: Path) -> dict[str, Any]:
    """Return what a search found, without the times it took."""
    known: dict[str, Any] = json.loads((folder / "search.json").read_text())
    known.pop("seconds")
    for trial in known["trials"]:
        trial.pop("seconds")
    return known


@pytest.mark.slow
def test_a_search_that_was_killed_ends_as_one_that_was_not(tmp_path: Path) -> None:
    assert begun(tmp_path / "whole").wait() == 0
    folder = tmp_path / "killed"
    for epochs in (1, 8, 15, 20):
        process = begun(folder)
        while process.poll() is None and sum(map(_lines, folder.glob("trials/*/history.csv"))) < epochs:
            time.sleep(0.02)
        process.kill()
        process.wait()
    assert begun(folder).wait() == 0
    assert found(folder) == found(tmp_path / "whole")
    assert (folder / "best.yaml").read_bytes() == (tmp_path / "whole" / "best.yaml").read_bytes()


def _lines(history: Path) -> int:
    """Return how many epochs a history has."""
    return len(history.read_text().splitlines()) - 1
