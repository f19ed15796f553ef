"""`mtl runs`: what was trained before."""

from __future__ import annotations

import json
import shlex
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from mtl.core.base.locks import take_lock
from mtl.core.cli.main import build_cli

from ..folders.test_kept_runs import METRICS, write_run

Command = Callable[..., Any]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three runs in `runs/` of the current folder."""
    for name, accuracy, encoder in (("a", 0.8, "lenet"), ("b", 0.9, "mlp"), ("c", None, "lenet")):
        recipe = (
            f"dataset: {{name: digits, test_fraction: 0.2}}\nencoder: {encoder}\ntasks: {{classify: {{}}}}\n"
        )
        path = write_run(tmp_path / "runs" / name, recipe, finished=accuracy is not None)
        if accuracy is not None:
            content = METRICS | {"test": {"classify": {"accuracy": accuracy}}}
            (path / "metrics.json").write_text(json.dumps(content))
    return tmp_path / "runs"


def listed(mtl: Command, *arguments: str) -> list[str]:
    result = mtl("runs", "list", *arguments, "--json")
    assert result.status == 0, result.err
    return [Path(row["run"]).name for row in json.loads(result.out)]


@pytest.mark.usefixtures("runs")
def test_runs_are_listed_with_state_and_metrics(mtl: Command) -> None:
    lines = mtl("runs", "list").out.splitlines()
    assert lines[0].split() == ["run", "changed", "state", "dataset", "encoder", "test", "tags"]
    assert [word for word in lines[1].split() if not word[0].isdigit() or word == "0.8000"] == [
        "runs/a",
        "finished",
        "digits",
        "lenet",
        "classify",
        "accuracy",
        "0.8000",
    ]
    assert "unfinished" in lines[3]


def test_the_file_of_a_table_is_named(mtl: Command, tmp_path: Path) -> None:
    recipe = "dataset: {name: table, file: /data/good.csv}\nencoder: mlp\ntasks: {classify: {}}\n"
    write_run(tmp_path / "runs" / "a", recipe, finished=False)
    assert "table good.csv" in mtl("runs", "list").out


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), ["a", "b", "c"]),
        (("--sort", "-path"), ["c", "b", "a"]),
        (("--sort", "classify/accuracy"), ["a", "b", "c"]),
        (("--sort=-classify/accuracy",), ["b", "a", "c"]),
        (("--where", "encoder=le*"), ["a", "c"]),
        (("--where", "state=finished", "--where", "encoder=lenet"), ["a"]),
        (("--where", "task=classify"), ["a", "b", "c"]),
        (("--where", "dataset.test_fraction=0.2"), ["a", "b", "c"]),
        (("--where", "dataset.test_fraction=0.3"), []),
        (("--where", "tag=good"), []),
    ],
)
def test_runs_are_filtered_and_sorted(mtl: Command, arguments: tuple[str, ...], expected: list[str]) -> None:
    assert listed(mtl, *arguments) == expected


@pytest.mark.usefixtures("runs")
def test_no_run_that_matches_is_told(mtl: Command) -> None:
    result = mtl("runs", "list", "--where", "tag=good")
    assert (result.status, result.out, result.err) == (0, "", "no run in runs matches\n")


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("list", "nowhere"), "error: nowhere is no folder"),
        (("list", "--where", "encoder"), "error: --where 'encoder' is no pair"),
        (
            ("list", "--sort", "classify/f"),
            "error: --sort classify/f: no run has 'classify/f'",
        ),
        (("show", "runs"), "error: runs is no run"),
        (("diff", "runs/a"), "error: one run differs from nothing"),
        (("open", "runs/c"), "error: runs/c/report.html is not there"),
        (("remove", "runs/a"), "error: nobody is there to be asked"),
        (("remove", "runs", "--yes"), "error: runs is no run"),
        (("list", "--where", "dataste=x"), "error: --where dataste=x: no run has 'dataste'"),
        (("tag", "runs/a", "two words"), "error: no tag: 'two words'"),
    ],
)
def test_a_mistake_is_one_line_with_a_hint_and_changes_nothing(
    mtl: Command, runs: Path, arguments: tuple[str, ...], message: str
) -> None:
    before = sorted(path for path in runs.rglob("*"))
    result = mtl("runs", *arguments)
    assert result.status == 2
    assert result.err.splitlines()[0] == message
    assert result.err.splitlines()[1].startswith("  hint: ")
    assert sorted(path for path in runs.rglob("*")) == before


@pytest.mark.usefixtures("runs")
def test_what_differs_stands_side_by_side(mtl: Command) -> None:
    found = json.loads(mtl("runs", "diff", "runs/a", "runs/b", "runs/c", "--json").out)
    assert found["recipe"] == {"encoder": ["lenet", "mlp", "lenet"]}
    assert found["test"] == {"classify/accuracy": [0.8, 0.9, None]}
    assert found["baseline"]["classify/accuracy"][2] is None
    lines = mtl("runs", "diff", "runs/a", "runs/b").out.splitlines()
    assert [line.split() for line in lines] == [
        ["runs/a", "runs/b"],
        ["encoder", "lenet", "mlp"],
        ["classify/accuracy", "0.8000", "0.9000"],
        ["constant", "answer", "0.1000", "0.1000"],
    ]


def test_the_page_of_several_runs_draws_their_curves_over_each_other(mtl: Command, runs: Path) -> None:
    for name, losses in (("a", (3, 2)), ("b", (4, 1))):
        rows = "".join(f"{epoch},1.0,{loss}\n" for epoch, loss in enumerate(losses, 1))
        (runs / name / "history.csv").write_text(f"epoch,seconds,validation/classify/loss\n{rows}")
    result = mtl("runs", "diff", "runs/a", "runs/b", "runs/c", "--page", "page.html")
    assert (result.status, result.err) == (0, "the page is page.html\n")
    page = Path("page.html").read_text()
    assert "validation/classify/loss by epoch, at the end: runs/a 2.0000; runs/b 1.0000" in page
    assert "0.9000 (0.1000)" in page
    assert "lenet" in page


@pytest.mark.usefixtures("runs")
def test_a_page_that_would_be_a_folder_is_refused(mtl: Command) -> None:
    result = mtl("runs", "diff", "runs/a", "runs/b", "--page", "runs")
    assert (result.status, result.err.splitlines()[0]) == (2, "error: runs is a folder")


def test_all_or_nothing_is_removed(mtl: Command, runs: Path) -> None:
    lock = take_lock(runs / "b")
    result = mtl("runs", "remove", "runs/a", "runs/b", "--yes")
    assert (result.status, result.err.splitlines()[0]) == (2, "error: another process is at work in runs/b")
    assert (runs / "a").is_dir()
    lock.release()
    assert mtl("runs", "remove", "runs/a", "runs/b", "--yes").out == "removed runs/a\nremoved runs/b\n"
    assert [path.name for path in runs.iterdir()] == ["c"]


def test_a_comparison_and_several_seeds_are_removed_as_a_whole(mtl: Command, runs: Path) -> None:
    write_run(runs / "compare" / "cells" / "hard-0")
    (runs / "compare" / "plan.json").write_text("{}")
    write_run(runs / "many" / "seed-0")
    (runs / "many" / "seeds.json").write_text('{"seeds": [0]}')
    assert mtl("runs", "show", "runs/many").err.startswith("error: runs/many is no run of its own")
    lock = take_lock(runs / "many")
    assert mtl("runs", "remove", "runs/compare", "runs/many", "--yes").status == 2
    lock.release()
    assert mtl("runs", "remove", "runs/compare", "runs/many", "--yes").status == 0
    assert sorted(path.name for path in runs.iterdir()) == ["a", "b", "c"]


def test_the_metric_after_the_loss_is_shown(mtl: Command, runs: Path) -> None:
    content = METRICS | {"test": {"classify": {"loss": 0.3, "accuracy": 0.75}}}
    (runs / "a" / "metrics.json").write_text(json.dumps(content))
    assert "classify accuracy 0.7500" in mtl("runs", "list").out


def test_tags_are_printed_and_found(mtl: Command, runs: Path) -> None:
    assert mtl("runs", "tag", "runs/a", "good", "v1").out == "good\nv1\n"
    assert mtl("runs", "tag", "runs/a").out == "good\nv1\n"
    assert listed(mtl, "--where", "tag=v*") == ["a"]


@pytest.mark.parametrize("name", ["list", "show", "diff", "open", "tag", "remove"])
def test_every_command_has_two_examples_that_run(
    name: str, mtl: Command, demo_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    for old in ("old-1", "old-2"):
        write_run(demo_copy.parent / old)
    group = build_cli().get_command(click.Context(build_cli()), "runs")
    assert isinstance(group, click.Group)
    command = group.get_command(click.Context(group), name)
    assert command is not None
    lines = [line.strip() for line in (command.help or "").splitlines()]
    examples = [line for line in lines if line.startswith("mtl ")]
    assert len(examples) >= 2
    for example in examples:
        result = mtl(*shlex.split(example)[1:])
        assert result.status == 0, (example, result.err)
    if name == "open":
        assert opened == [(demo_copy / "report.html").as_uri()] * 2


def test_a_real_run_is_shown_with_its_baseline(mtl: Command, demo_copy: Path) -> None:
    shown = mtl("runs", "show", "runs/demo").out
    assert shown.startswith("runs/demo: finished\n")
    assert "encoder:" in shown
    assert any(line.split()[:2] == ["classify", "accuracy"] for line in shown.splitlines())
