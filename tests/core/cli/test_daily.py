"""On a terminal: bare commands, options in the wrong place, quiet and verbose, completion, a first recipe."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from rich.console import Console

from mtl.core.cli import init, progress
from mtl.core.cli.completion import components, kinds, of_kind, plugins, runs
from mtl.core.cli.main import build_cli
from mtl.core.cli.progress import BarProgress, choose_progress
from mtl.core.recipe.recipe_source import read_recipe

Command = Callable[..., Any]
ROW = {
    "epoch": 1,
    "seconds": 0.5,
    "train/a/loss": 0.5,
    "validation/a/loss": 0.25,
    "validation/a/accuracy": 0.9,
}


@pytest.mark.parametrize("command", [(), ("runs",), ("recipes",)])
def test_a_bare_command_shows_its_help_plainly(command: tuple[str, ...], mtl: Command) -> None:
    result = mtl(*command)
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("Usage: mtl")


@pytest.mark.parametrize("option", ["--plugin=x.py", "--debug", "--version"])
def test_an_option_of_all_commands_after_one_is_told_where_it_stands(option: str, mtl: Command) -> None:
    result = mtl("compose", option)
    assert result.status == 2
    name = option.partition("=")[0]
    assert f"hint: it stands before the command: mtl {name}" in result.err
    assert result.err.rstrip().endswith(" compose")


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [40, 100])
def test_lines_of_epochs_stay_above_the_bar(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stderr", screen)
    console = Console(file=screen, width=width, force_terminal=True)
    monkeypatch.setattr(progress, "Console", lambda **how: console)
    bar = BarProgress()
    bar.started(2, "cpu", {"train": 3})
    bar.step(1, 3)
    bar.epoch(1, ROW, best=True)
    bar.stopped()
    shown = screen.getvalue().replace("\n", "")
    assert "epoch 1/2  train: a 0.5  validation: a 0.25  0.5 s  best" in shown.replace("\x1b[2K", "")
    assert "\x1b[3" not in screen.getvalue()


def told(which: str | None, capsys: pytest.CaptureFixture[str]) -> str:
    shown = choose_progress(which)
    shown.started(2, "cpu", {"train": 3})
    shown.epoch(1, ROW, best=True)
    shown.stage("export")
    shown.note("a note")
    shown.warning("mind this")
    return capsys.readouterr().err


def test_quiet_tells_warnings_alone_and_verbose_every_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("quiet", capsys) == "warning: mind this\n"
    usual, verbose = told(None, capsys), told("verbose", capsys)
    assert "validation/a/accuracy  0.9" not in usual
    assert "    validation/a/accuracy  0.9\n" in verbose
    assert [line for line in verbose.splitlines() if not line.startswith("    ")] == usual.splitlines()


def test_plugins_are_completed_but_the_built_in_ones(install_plugin: Callable[..., str]) -> None:
    install_plugin("good-plugin", "")
    context, argument = click.Context(build_cli()), click.Argument(["name"])
    assert plugins(context, argument, "") == ["good-plugin"]
    assert plugins(context, argument, "mtl") == []


def test_values_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, option = click.Context(build_cli()), click.Option(["--x"])
    assert "lenet" in components("encoder")(context, option, "le")
    assert components("task")(context, option, "denoise,classi") == ["denoise,classify"]
    assert kinds(context, option, "tr") == ["tracker"]
    context.params["kind"] = "tracker"
    assert of_kind(context, option, "ten") == ["tensorboard"]
    monkeypatch.chdir(tmp_path)
    assert runs(context, option, "") == []
    for name in ("one", "two"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        for file in ("recipe.yaml", "environment.json"):
            (tmp_path / "runs" / name / file).write_text("{}")
    assert runs(context, option, "") == ["runs/one", "runs/two"]
    assert runs(context, option, "runs/tw") == ["runs/two"]


def test_a_first_recipe_is_written_without_questions(mtl: Command, tmp_path: Path) -> None:
    assert mtl("init", "--yes").out == "recipe.yaml\n"
    tree = read_recipe(tmp_path / "recipe.yaml").tree
    assert (tree["dataset"], tree["tasks"]) == ("digits", ["classify"])
    again = mtl("init", "--yes")
    assert (again.status, again.err.splitlines()[0]) == (2, "error: recipe.yaml exists already")
    alone = mtl("init", "other.yaml")
    assert (alone.status, alone.err.splitlines()[0]) == (2, "error: nobody is there to be asked")


def test_five_questions_make_a_recipe(mtl: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = io.StringIO("digits\ndenoise,classify\nmlp\n3\n7\n")
    answers.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", answers)
    result = mtl("init", "mine.yaml")
    assert result.status == 0, result.err
    assert result.err.count("/5  ") == 5
    tree = read_recipe(tmp_path / "mine.yaml").tree
    assert tree == {
        "mtl": 1,
        "seed": 7,
        "dataset": "digits",
        "tasks": ["denoise", "classify"],
        "encoder": "mlp",
        "train": {"epochs": 3},
    }


def test_a_wrong_answer_writes_nothing(mtl: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init, "_asked", lambda session: {"dataset": "digits", "tasks": ["clasify"]})
    answers = io.StringIO()
    answers.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", answers)
    result = mtl("init", "mine.yaml")
    assert result.status == 2
    assert "unknown task 'clasify'" in result.err
    assert not (tmp_path / "mine.yaml").exists()
