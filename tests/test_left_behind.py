"""A run of the tests leaves the project and the current folder as they were; `conftest.py` sees to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import conftest


def test_what_is_left_behind_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    looking = conftest._nothing_left_behind.__wrapped__()  # type: ignore[attr-defined]
    next(looking)
    for name in (".pytest_cache", "__pycache__"):
        (tmp_path / name).mkdir()
    (tmp_path / "mlruns").mkdir()
    with pytest.raises(AssertionError, match=r"left behind: \['[^,]*/mlruns'\]"):
        next(looking)


def test_a_clean_run_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    looking = conftest._nothing_left_behind.__wrapped__()  # type: ignore[attr-defined]
    next(looking)
    assert next(looking, None) is None
