"""mtl in another process answers in JSON, or it is said how it ended."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mtl.core.base.errors import ComponentError, MissingRequirementError
from mtl.core.ecosystem import another_process, pip
from mtl.core.ecosystem.another_process import asked
from mtl.core.ecosystem.conformance import verdicts
from mtl.core.ecosystem.pip import conflicts, pip_command, run_pip


def ends(monkeypatch: pytest.MonkeyPatch, status: int, out: str = "", err: str = "") -> None:
    done = subprocess.CompletedProcess([], status, out, err)
    for module in (another_process, pip):
        monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: done)


def test_an_answer_counts_whatever_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, 3, "[1]", "error: it failed\n")
    assert asked("plugins") == [1]


@pytest.mark.parametrize(
    ("out", "err", "told"),
    [
        ("", "error: no torch\n  hint: install it\n", "mtl plugins: no torch"),
        ("[", "Fatal Python error: broken\n", "mtl plugins: Fatal Python error: broken"),
        ("", "", "mtl plugins: it ended with status -9"),
    ],
)
def test_without_an_answer_the_reason_is_told(
    out: str, err: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends(monkeypatch, -9, out, err)
    with pytest.raises(ComponentError, match=told):
        asked("plugins")


def test_one_that_never_ends_is_not_waited_for() -> None:
    with pytest.raises(ComponentError, match="mtl --version did not end within 0 s"):
        asked("--version", seconds=0.001)


def test_checks_are_counted_by_component(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (
        '[{"kind": "head", "name": "x", "check": "a", "status": "ok", "reason": null},'
        ' {"kind": "head", "name": "x", "check": "b", "status": "failed", "reason": "no"}]'
    )
    ends(monkeypatch, 3, rows)
    (found,) = verdicts("some", quick=True)
    assert (found.conforms, found.failures) == (False, {"b": "no"})
    assert found.to_json()["ok"] == 1


def test_pip_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, 1, "a 1.0 requires b, which is not installed.\n")
    with pytest.raises(MissingRequirementError, match="ended with status 1"):
        run_pip(["pip"])
    assert list(conflicts()) == ["a 1.0 requires b, which is not installed."]


@pytest.mark.parametrize(
    ("told", "reason", "hint"),
    [
        ("home = /usr\nuv = 0.5.1\n", "no pip, since uv made it", "uv pip uninstall x --python"),
        ("home = /usr\n", "has no pip", "-m ensurepip"),
        (None, "has no pip", "-m ensurepip"),
    ],
)
def test_without_pip_it_is_said_what_does_the_same(
    told: str | None, reason: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if told is not None:
        (tmp_path / "pyvenv.cfg").write_text(told)
    monkeypatch.setattr(pip, "find_spec", lambda name: None)
    monkeypatch.setattr(pip.sys, "prefix", str(tmp_path))
    with pytest.raises(MissingRequirementError, match=reason) as refused:
        pip_command("uninstall", "--yes", "x")
    assert hint in str(refused.value)
