"""Trainings by an executor from the command line: seeds, and several commands in one folder at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtl.core.base.locks import take_lock

Command = Callable[..., Any]
TINY = (
    *("compose", "--tasks", "shape-class,shape-count", "--dataset", "shapes-synthetic", "--encoder", "mlp"),
    *("--set", "dataset.train_size=40", "--set", "dataset.test_size=8", "--set", "encoder.hidden=[8]"),
    *("--epochs", "1", "--device", "cpu"),
)
COMPARE = (
    *("compare", "--tasks", "even,third", "--encoder", "mlp", "--epochs", "1", "--device", "cpu"),
    *("--set", "encoder.hidden=[8]", "--set", "train.validation=0.8", "--sharing", "hard,none"),
)


@pytest.mark.slow
def test_seeds_by_an_executor_are_those_of_one_process(mtl: Command) -> None:
    result = mtl(*TINY, "--seeds", "2", "--executor", "local", "--out", "by")
    assert result.status == 0, result.err
    assert mtl(*TINY, "--seeds", "2", "--out", "one").status == 0
    found, known = (json.loads(Path(name, "metrics.json").read_text()) for name in ("by", "one"))
    assert {**found, "seconds": 0} == {**known, "seconds": 0}
    assert Path("by/seed-1/model.onnx").is_file()
    assert "finished" in Path("by/seed-1.log").read_text()
    again = mtl(*TINY, "--seeds", "2", "--executor", "local", "--out", "by")
    assert again.status == 0
    assert "trained in" not in again.err
    other = mtl(*TINY, "--seeds", "2", "--executor", "local", "--out", "by", "--set", "train.momentum=0.5")
    assert other.status == 2
    assert "by holds other seeds or another recipe" in other.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--executor", "local"), "--seeds 5"),
        (("--seeds", "2", "--executor", "local", "--force"), "another folder"),
        (("--jobs", "2"), "--executor local"),
        (("--seeds", "2", "--jobs", "2"), "--executor local"),
    ],
)
def test_options_of_many_trainings_are_refused_for_one(
    mtl: Command, words: tuple[str, ...], said: str
) -> None:
    result = mtl(*TINY, *words)
    assert result.status == 2
    assert said in result.err


def test_a_folder_that_somebody_has_alone_is_not_shared(mtl: Command, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    alone = take_lock(folder)
    result = mtl(*COMPARE, "--seeds", "1", "--executor", "local", "--out", "c")
    alone.release()
    assert result.status == 2
    assert "another process is at work in c" in result.err
    shared = take_lock(folder, shared=True)
    result = mtl(*COMPARE, "--seeds", "1", "--out", "c")
    shared.release()
    assert result.status == 2
    assert "another process is at work in c" in result.err
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_two_commands_share_a_folder(mtl: Command, tmp_path: Path) -> None:
    words = [*COMPARE, "--seeds", "6", "--executor", "local", "--out", "shared/c"]
    commands = [
        subprocess.Popen(
            [sys.executable, "-m", "mtl", *words],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    told = [command.communicate(timeout=400) for command in commands]
    assert [command.returncode for command in commands] == [0, 0], told
    assert told[0][0] == told[1][0]
    logs = [path.read_text() for path in Path("shared/c/cells").glob("*.log")]
    assert [log.count(": finished\n") for log in logs] == [1] * 24
    assert [log.count(": claimed, ") for log in logs] == [1] * 24
    assert {path.suffix for path in Path("shared/c/cells").iterdir() if path.is_file()} == {".log"}
    assert mtl(*COMPARE, "--seeds", "6", "--out", "alone/c").status == 0
    shared, alone = (
        {cell["key"]: cell["metrics"] for cell in json.loads(Path(name, "compare.json").read_text())["cells"]}
        for name in ("shared/c", "alone/c")
    )
    assert shared == alone
