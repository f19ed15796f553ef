"""A plugin that hangs or ends the process while it is imported is named."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtl.core.discovery.import_marks import ImportMarks, told_when_slow
from mtl.core.discovery.plugin_loading import Provider
from mtl.core.discovery.registry import discover
from mtl.core.discovery.responsibility import Owners

PLUGIN = Provider("slow", "slow-plugin", "1.0")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own."""
    monkeypatch.setenv("MTL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_takes_long_is_told_and_what_does_not_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with told_when_slow("quick", seconds=30):
        pass
    with told_when_slow("slow", seconds=0.01):
        time.sleep(0.1)
    assert capsys.readouterr().err == "slow\n"


def test_an_import_that_ended_the_process_is_told_once(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with ImportMarks() as marks, marks.of(PLUGIN):
        (note,) = (cache / "importing").iterdir()
        note.rename(note.with_name(note.name.replace(str(os.getpid()), str(ended.pid))))
    capsys.readouterr()
    told = (
        "warning: the last command ended while plugin 'slow' of slow-plugin 1.0 was imported\n"
        "  hint: MTL_DISABLE_PLUGINS=slow switches it off\n"
    )
    for expected in (told, ""):
        with ImportMarks():
            pass
        assert capsys.readouterr().err == expected


def test_a_process_that_still_imports_is_not_told_of(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ImportMarks() as marks, marks.of(PLUGIN), ImportMarks():
        assert capsys.readouterr().err == ""
    assert list((cache / "importing").iterdir()) == []


def test_a_cache_that_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MTL_CACHE_DIR", str(tmp_path / "file"))
    with ImportMarks() as marks, marks.of(PLUGIN):
        pass


@pytest.mark.parametrize("raised", ["GeneratorExit", "type('Own', (BaseException,), {})('x')"])
def test_no_exception_at_import_passes(raised: str, install_plugin: Callable[..., str]) -> None:
    install_plugin("rude-plugin", f"raise {raised}")
    (row,) = (row for row in discover().providers if row.distribution == "rude-plugin")
    assert row.status == "broken"


def test_an_interrupt_at_import_names_the_plugin(
    install_plugin: Callable[..., str], mtl: Callable[..., Any]
) -> None:
    install_plugin("rude-plugin", "raise KeyboardInterrupt")
    result = mtl("list", "encoder")
    assert result.status == 130
    assert "interrupted while plugin 'rude-plugin' of rude-plugin 1.0 was imported\n" in result.err


def test_a_hook_that_yields_for_ever_is_stopped(install_plugin: Callable[..., str]) -> None:
    source = """
    from mtl import Component, hookimpl
    @hookimpl
    def mtl_components():
        while True:
            yield Component("encoder", "x", "X", "a:B")
    """
    install_plugin("endless-plugin", source)
    (row,) = (row for row in discover().providers if row.distribution == "endless-plugin")
    assert row.reason == "mtl_components yields more than 10000 records"


def test_what_a_hook_does_to_its_arguments_is_seen_by_nobody_else(
    install_plugin: Callable[..., str],
) -> None:
    source = "from mtl import hookimpl\n@hookimpl\ndef mtl_run_finished(metrics): metrics['test'].clear()"
    install_plugin("clearing-plugin", source)
    metrics = {"test": {"classify": {"accuracy": 1.0}}}
    assert discover().notify("mtl_run_finished", run=Path("run"), metrics=metrics) == []
    assert metrics == {"test": {"classify": {"accuracy": 1.0}}}


COMMAND = """
import click
from mtl import hookimpl
@hookimpl
def mtl_commands(cli):
    cli.add_lazy("greet", "{module}:greet", "Greet")
@click.command()
def greet():
    raise RuntimeError("no voice")
"""


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("rude_plugin", "error: plugin 'rude-plugin' of rude-plugin 1.0 failed: RuntimeError: no voice\n"),
        ("nowhere", "error: command 'greet' cannot be loaded from 'nowhere:greet': ModuleNotFoundError"),
    ],
)
def test_a_command_that_fails_is_its_plugins(
    module: str, message: str, install_plugin: Callable[..., str], mtl: Callable[..., Any]
) -> None:
    install_plugin("rude-plugin", COMMAND.format(module=module))
    result = mtl("greet")
    assert message in result.err
    assert result.status == 3


def test_a_plugin_at_work_that_ended_the_process_is_told_by_the_next_command(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
import os
from mtl.core.discovery.responsibility import Owners

owners = Owners()
owners.add(int, "encoder 'mlp' of mtl-composer 1")
owners.add(str, "encoder 'bad' of plug.py")
with owners.at_work("in the export"), owners.at_work("in a part of it"):
    os._exit(0)
"""
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == 0
    with ImportMarks():
        pass
    assert capsys.readouterr().err == (
        "warning: an earlier command was ended in the export; at work was encoder 'bad' of plug.py\n"
        "  hint: a plugin can end the process, and so can a signal\n"
    )
    with ImportMarks():
        pass
    assert capsys.readouterr().err == ""


def test_components_of_our_own_leave_no_notes_and_none_stays(cache: Path) -> None:
    own, other = Owners(), Owners()
    own.add(int, "encoder 'mlp' of mtl-composer 1")
    other.add(str, "encoder 'bad' of plug.py")
    with own.at_work("in training"):
        assert not (cache / "importing").exists()
    with other.at_work("in training"), other.at_work("on its first samples"):
        assert len(list((cache / "importing").iterdir())) == 1
    assert list((cache / "importing").iterdir()) == []
