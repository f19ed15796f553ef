"""A search whose process is killed, again and again, comes to what one comes to that was left alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

SEARCH = [
    *("search", "--tasks", "even,third", "--encoder", "mlp", "--epochs", "6", "--device", "cpu"),
    *("--set", "train.validation=0.3", "--set", "encoder.hidden=[8]", "--trials", "7"),
    *("--space", "train.learning_rate=log:1e-4..1e-2"),
]


def begun(folder: Path, more: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "mtl", *SEARCH, *more, "--out", str(folder)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def found(folder: Path) -> dict[str, Any]:
    """Return what a search found, without the times it took."""
    known: dict[str, Any] = json.loads((folder / "search.json").read_text())
    known.pop("seconds")
    for trial in known["trials"]:
        trial.pop("seconds"), trial.pop("begun")
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


RANDOM = ["--sampler", "random", "--pruner", "none"]


def content(folder: Path) -> dict[str, Any]:
    """Return what a search found, without what its drivers did not know when they asked."""
    known = found(folder)
    for trial in known["trials"]:
        trial.pop("unknown")
    return known


@pytest.mark.slow
def test_drivers_that_are_killed_leave_their_trials_to_the_others(tmp_path: Path) -> None:
    """Two at a time, of which one is killed after another: every trial ends once, as in a search alone."""
    assert begun(tmp_path / "alone", RANDOM).wait() == 0
    folder = tmp_path / "together"
    lasting, doomed = begun(folder, RANDOM), begun(folder, RANDOM)
    for epochs in (4, 14, 24):
        while doomed.poll() is None and sum(map(_lines, folder.glob("trials/*/history.csv"))) < epochs:
            time.sleep(0.02)
        doomed.kill()
        doomed.wait()
        doomed = begun(folder, RANDOM)
    assert (lasting.wait(), doomed.wait()) == (0, 0)
    assert content(folder) == content(tmp_path / "alone")
    logs = [log.read_text() for log in sorted(folder.glob("trials/*.log"))]
    assert [log.count(": finished\n") for log in logs] == [1] * 7
    assert sum(log.count(": claimed, ") for log in logs) > 7
    assert not list(folder.glob("trials/*.claim-*"))


def _lines(history: Path) -> int:
    """Return how many epochs a history has."""
    return len(history.read_text().splitlines()) - 1
