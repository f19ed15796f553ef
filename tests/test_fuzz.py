"""The fuzz driver: an input that fails, or ends the process, is kept; others are counted."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import pytest

from mtl.core.base.errors import UsageError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what fuzzes one parser once; the folder of benchmarks is no part of the package."""
    monkeypatch.syspath_prepend(str(ROOT))
    driver, target = (importlib.import_module(f"benchmarks.fuzz.{name}") for name in ("driver", "target"))

    def once(read: Any) -> Any:
        parser = target.Target("p", [b"good file"], lambda work: read, "the file", together=20)
        return driver.fuzz([parser], 0, 1, tmp_path / "work", tmp_path / "kept")["p"]

    return once


def refuse(words: str) -> Any:
    def read(content: bytes) -> None:
        raise UsageError(words)

    return read


def test_what_is_read_or_refused_by_name_is_counted(tried: Any, tmp_path: Path) -> None:
    assert (tried(len).inputs, tried(len).refused) == (20, 0)
    found = tried(refuse("the file is damaged"))
    assert (found.inputs, found.refused, found.failures) == (20, 20, {})
    assert not (tmp_path / "kept").exists()


def test_what_names_no_file_or_raises_something_else_is_kept(tried: Any, tmp_path: Path) -> None:
    assert list(tried(refuse("damaged")).failures.values()) == [20]
    found = tried(lambda content: {}[content])
    ((words, count),) = found.failures.items()
    assert words.startswith("KeyError at test_fuzz.py:")
    assert (count, len(found.files)) == (20, 3)
    assert all((tmp_path / "kept" / item["file"]).is_file() for item in found.files)


def test_a_process_that_ends_leaves_the_input_that_ended_it(tried: Any, tmp_path: Path) -> None:
    found = tried(lambda content: os._exit(7))
    ((words, count),) = found.failures.items()
    assert (words.startswith("the process ended (status 7)"), count) == (True, 1)
    assert (tmp_path / "kept" / found.files[0]["file"]).is_file()


def test_every_parser_was_fuzzed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    targets, good_run, results = (
        importlib.import_module(f"benchmarks.fuzz.{name}") for name in ("targets", "good_run", "results")
    )
    fuzzed = {
        name for run in results.kept_runs() for name, tried in run["targets"].items() if tried["inputs"]
    }
    assert set(targets.all_targets(good_run.GoodRun(tmp_path))) <= fuzzed
