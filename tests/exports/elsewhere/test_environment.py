"""Which Python a runtime is in, and what is said when there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mtl.core.base.errors import MissingRequirementError, UsageError
from mtl.exports.elsewhere import environment, runtime
from mtl.exports.elsewhere.environment import existing_python, exporting_python
from mtl.exports.elsewhere.runtime import OPENVINO


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MTL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("MTL_ISOLATED_OPENVINO", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Every command is noted, and taken for done; `python -m venv` makes the folders that pip would fill."""
    noted: list[list[str]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        noted.append(command)
        if "venv" in command:
            (Path(command[-1]) / "lib" / "python3" / "site-packages").mkdir(parents=True, exist_ok=True)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(environment.subprocess, "run", run)
    return noted


def test_an_environment_is_made_once_and_told_beforehand(
    commands: list[list[str]], cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python = exporting_python(OPENVINO, isolated=True, python=None)
    assert python.is_relative_to(cache / "environments")
    assert "gets an environment of its own" in capsys.readouterr().err
    assert commands[-1][-1] == OPENVINO.packages[0]
    assert (python.parents[1] / "lib/python3/site-packages/mtl-outer.pth").is_file()
    assert exporting_python(OPENVINO, isolated=True, python=None) == python
    assert len(commands) == 2
    assert capsys.readouterr().err == ""


def test_what_pip_says_is_told_and_nothing_counts_as_made(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = environment.subprocess.run

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        done = made(command, **options)
        said = "WARNING: Retrying\nERROR: No matching distribution found for openvino\n[notice] a new pip\n"
        return subprocess.CompletedProcess(command, 1, "", said) if "pip" in command else done

    monkeypatch.setattr(environment.subprocess, "run", run)
    for _ in range(2):
        with pytest.raises(
            MissingRequirementError, match="pip cannot install OpenVINO: ERROR: No matching"
        ) as caught:
            exporting_python(OPENVINO, isolated=True, python=None)
        assert "MTL_ISOLATED_OPENVINO" in str(caught.value)


def test_an_environment_that_is_named_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setenv("MTL_ISOLATED_OPENVINO", str(tmp_path))
    wanted = tmp_path / "bin" / "python"
    assert exporting_python(OPENVINO, isolated=True, python=None) == wanted
    assert exporting_python(OPENVINO, isolated=False, python=str(wanted)) == wanted
    assert existing_python(OPENVINO) == wanted


def test_a_name_that_leads_to_no_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no Python to run OpenVINO with"):
        exporting_python(OPENVINO, isolated=False, python=str(tmp_path))


def test_a_file_whose_runtime_is_nowhere_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "find_spec", lambda name: None)
    with pytest.raises(MissingRequirementError, match="OpenVINO is not installed"):
        existing_python(OPENVINO)
