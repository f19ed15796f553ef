"""What is told of a folder that holds several runs, or one that is not finished."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.discovery.registry import Registry
from mtl.core.folders.run_folder import open_run
from mtl.core.recipe.request import Request
from mtl.core.recipe.several_runs import refuse_several, refuse_whole, several_around, several_in, to_export
from mtl.exports.benchmarking import files_of

KINDS = {
    "several seeds": ("seeds.json", "seed-{}"),
    "a comparison": ("plan.json", "cells/hard-{}"),
    "a search": ("search.json", "trials/000{}"),
}


def folder_of(tmp_path: Path, kind: str, runs: int = 2) -> Path:
    marker, name = KINDS[kind]
    for number in range(runs):
        (tmp_path / name.format(number)).mkdir(parents=True)
        (tmp_path / name.format(number) / "recipe.yaml").touch()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / marker).touch()
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_several_runs_names_them(kind: str, tmp_path: Path, registry: Registry) -> None:
    folder = folder_of(tmp_path, kind)
    runs = [folder / KINDS[kind][1].format(number) for number in range(2)]
    for ask in (
        refuse_several,
        open_run,
        lambda path: files_of([path]),
        lambda path: Request(recipe=path).source(registry),
    ):
        with pytest.raises(UsageError, match=f"holds the runs of {kind}") as caught:
            ask(folder)
        assert caught.value.hint == f"name one of them: {runs[0]}, {runs[1]}"
    with pytest.raises(UsageError, match=f"holds the runs of {kind}, which its own command goes on with"):
        refuse_whole(folder)
    assert all(several_around(run) == several_in(folder) != several_around(folder) for run in runs)


def test_of_many_runs_some_are_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "a comparison", runs=9)
    with pytest.raises(UsageError) as caught:
        refuse_several(folder)
    assert str(caught.value.hint).endswith(f"hard-2, or another that mtl runs list {folder} names")


def test_a_folder_whose_runs_are_to_come_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        refuse_several(folder_of(tmp_path, "a search", runs=0))
    assert caught.value.hint == "there are none in it yet: repeat its command"


def test_a_run_that_is_not_finished_is_to_be_resumed_before_it_is_exported(tmp_path: Path) -> None:
    assert to_export(tmp_path) is None
    assert several_in(tmp_path) is None
    assert several_around(tmp_path) is None
    (tmp_path / "recipe.yaml").touch()
    assert str(to_export(tmp_path)).endswith(f"mtl resume {tmp_path}")
    with pytest.raises(UsageError, match="holds no ONNX file") as caught:
        files_of([tmp_path])
    assert caught.value.hint == to_export(tmp_path)
    (tmp_path / "metrics.json").touch()
    assert to_export(tmp_path) == f"export the run first: mtl export {tmp_path}"
