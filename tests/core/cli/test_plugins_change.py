"""`mtl plugins install`, `remove` and `index`: what is asked, refused and told; once with pip itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mtl as package
from mtl.core.ecosystem import condition, conformance, index, pip
from mtl.core.ecosystem.condition import Condition
from mtl.core.ecosystem.conformance import Verdict

Command = Callable[..., Any]
Install = Callable[..., str]

GOOD = """
from mtl import Component, hookimpl
@hookimpl
def mtl_components():
    yield Component("optimizer", "slow-step", "Small steps", "{module}:Slow")
"""
MADE = """
def __getattr__(name):
    if name != "Slow":
        raise AttributeError(name)
    import torch
    from mtl.contracts import Optimizer
    class Slow(Optimizer):
        def build(self, groups): return [torch.optim.SGD(list(groups))]
    Slow.__module__, Slow.__qualname__ = __name__, name
    globals()[name] = Slow
    return Slow
"""


def row(name: str, *components: str) -> dict[str, Any]:
    return {
        "name": name, "distribution": name, "version": "1.0", "status": "ok", "reason": None,
        "components": list(components),
    }  # fmt: skip


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[str]]]:
    """Let pip change the environment from one condition to another; give the commands that it got."""

    def change(before: Condition, after: Condition, *verdicts: Verdict) -> list[list[str]]:
        seen = iter([before, after])
        ran: list[list[str]] = []
        monkeypatch.setattr(condition, "condition", lambda: next(seen))
        monkeypatch.setattr(pip, "run_pip", ran.append)
        monkeypatch.setattr(conformance, "verdicts", lambda target, **_: list(verdicts))
        return ran

    return change


BEFORE = Condition({"numpy": "2.0"}, (row("old", "head x"),))


def test_a_plugin_is_installed_and_its_components_are_tried(mtl: Command, changed: Any) -> None:
    after = Condition({"numpy": "2.0", "new-one": "1.0"}, (*BEFORE.plugins, row("new-one", "head y")))
    ran = changed(BEFORE, after, Verdict("plugin", "new-one", {"ok": 2}), Verdict("head", "y", {"ok": 9}))
    result = mtl("plugins", "install", "new_one==1.0", "--yes")
    assert result.status == 0, result.err
    assert ran == [[sys.executable, "-m", "pip", "install", "new_one==1.0"]]
    assert f"$ {sys.executable} -m pip install new_one==1.0\n" in result.err
    assert "new-one not there -> 1.0\n" in result.err
    assert [line.split() for line in result.out.splitlines()] == [
        ["kind", "name", "ok", "failed", "skipped"],
        ["plugin", "new-one", "2", "0", "0"],
        ["head", "y", "9", "0", "0"],
    ]


def test_without_a_yes_nothing_is_done(mtl: Command, changed: Any) -> None:
    ran = changed(BEFORE, BEFORE)
    result = mtl("plugins", "install", "new-one")
    assert (result.status, ran) == (2, [])
    assert "-m pip install new-one\n" in result.err
    assert "hint: do it without asking: --yes" in result.err


def test_a_component_that_breaks_a_promise_is_told(mtl: Command, changed: Any) -> None:
    after = Condition({"new-one": "1.0"}, (*BEFORE.plugins, row("new-one", "head y")))
    changed(BEFORE, after, Verdict("head", "y", {"ok": 1, "failed": 1}, {"a-check": "expected 1; got 2"}))
    result = mtl("plugins", "install", "new-one", "--yes")
    assert result.status == 3
    assert "head y: a-check: expected 1; got 2" in result.out
    assert "error: it is installed, and does not keep every promise: head y\n" in result.err
    assert "mtl plugins remove new-one" in result.err


def test_what_the_install_broke_is_told_with_the_way_back(mtl: Command, changed: Any) -> None:
    after = Condition({"numpy": "1.0", "new-one": "1.0"}, (), failure="numpy is too old")
    changed(BEFORE, after)
    result = mtl("plugins", "install", "new-one", "--yes")
    assert (result.status, result.out) == (3, "")
    assert "warning: mtl does not work any more: numpy is too old\n" in result.err
    assert result.err.endswith(
        "error: installing new-one broke 1 thing that worked before\n"
        "  hint: go back: pip uninstall new-one && pip install numpy==2.0\n"
    )


def test_a_package_that_is_no_plugin_is_told(mtl: Command, changed: Any) -> None:
    changed(BEFORE, Condition({"numpy": "2.0", "new-one": "1.0"}, BEFORE.plugins))
    result = mtl("plugins", "install", "new-one", "--yes")
    assert result.status == 3
    assert "new-one is installed, and is no plugin of mtl" in result.err


def test_what_is_still_there_is_not_said_to_be_removed(
    mtl: Command, changed: Any, install_plugin: Install
) -> None:
    install_plugin("good-plugin", "")
    still = Condition({}, (row("good-plugin"),))
    changed(still, still)
    result = mtl("plugins", "remove", "good-plugin", "--yes")
    assert (result.status, result.out) == (3, "")
    assert "error: good-plugin is still there\n" in result.err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("numpy", "numpy is no plugin of mtl"),
        ("mtl-composer", "mtl-composer is of mtl itself"),
        ("exports", "exports is of mtl itself"),
        ("good-plugn", "did you mean 'good-plugin'?"),
        ("", "no plugin '' is installed"),
    ],
)
def test_only_a_plugin_is_removed(
    name: str, told: str, mtl: Command, changed: Any, install_plugin: Install
) -> None:
    install_plugin("good-plugin", "")
    ran = changed(BEFORE, BEFORE)
    result = mtl("plugins", "remove", name, "--yes")
    assert (result.status, ran) == (2, [])
    assert told in result.err


def test_a_plugin_is_removed_by_any_of_its_names(mtl: Command, changed: Any, install_plugin: Install) -> None:
    install_plugin("good-plugin", "")
    for name in ("good-plugin", "Good_Plugin"):
        ran = changed(Condition({}, (row("good-plugin"),)), Condition({}))
        result = mtl("plugins", "remove", name, "--yes")
        assert (result.status, result.out) == (0, "removed good-plugin\n")
        assert ran == [[sys.executable, "-m", "pip", "uninstall", "--yes", "good-plugin"]]


def test_an_index_is_of_all_plugins_that_are_not_built_in(
    mtl: Command, install_plugin: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mtl("plugins", "index", "--out", "index").status == 2
    install_plugin("good-plugin", "")
    monkeypatch.setattr(index, "verdicts", lambda name, **_: [Verdict("plugin", name, {"ok": 2})])
    result = mtl("plugins", "index", "--out", "index")
    assert result.out == "index/index.json\nindex/index.md\n"
    assert list(json.loads((tmp_path / "index" / "index.json").read_text())["plugins"]) == ["good-plugin"]


def wheel(folder: Path, name: str, source: str, version: str = "1.0") -> Path:
    """Write a wheel with one module that is a plugin."""
    module = name.replace("-", "_")
    path = folder / f"{module}-{version}-py3-none-any.whl"
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[mtl]\n{name} = {module}\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)
    return path


@pytest.mark.slow
def test_pip_installs_and_removes_in_an_environment(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    paths = [str(Path(package.__file__).parents[1]), *(item for item in sys.path if "site-packages" in item)]
    (site / "outer.pth").write_text("\n".join(paths))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-m", "mtl", "plugins", *words],
            capture_output=True, text=True, env=environment, cwd=tmp_path, check=False,
        )  # fmt: skip

    good = wheel(tmp_path, "slow-step", GOOD.format(module="slow_step") + MADE)
    done = run("install", f"./{good.name}", "--yes")
    assert done.returncode == 0, done.stderr
    assert "optimizer  slow-step" in done.stdout
    assert run("show", "slow-step").returncode == 0
    rival = wheel(tmp_path, "rival-step", GOOD.format(module="rival_step") + MADE)
    done = run("install", f"./{rival.name}", "--yes")
    assert done.returncode == 3
    assert "optimizer slow-step is claimed by rival-step and slow-step" in done.stderr
    assert "hint: go back: pip uninstall rival-step" in done.stderr
    assert run("remove", "rival-step", "--yes").returncode == 0
    assert run("install", "./slow_step-1.0-py3-none-any.whl", "--yes").returncode == 0
    done = run("remove", "slow-step", "--yes")
    assert (done.returncode, done.stdout) == (0, "removed slow-step\n"), done.stderr
    assert run("show", "slow-step").returncode == 2
