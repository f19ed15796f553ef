"""Runs are found, described, tagged and removed as they lie on the disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.base.locks import is_held, take_lock
from mtl.core.folders.kept_runs import kept_run, remove_run, runs_under, tag, tags_of

METRICS = {
    "test": {"classify": {"accuracy": 0.9}},
    "validation": {"classify": {"loss": 0.1}},
    "baseline": {"classify": {"accuracy": 0.1}},
    "training": {"epochs": 2, "chosen_epoch": 1, "seconds": 1.5},
}


def write_run(
    path: Path, recipe: str = "dataset: digits\ntrain: {epochs: 2}\n", finished: bool = True
) -> Path:
    path.mkdir(parents=True)
    (path / "recipe.yaml").write_text(recipe)
    (path / "environment.json").write_text("{}")
    if finished:
        (path / "metrics.json").write_text(json.dumps(METRICS))
        (path / "report.html").write_text("<!doctype html>")
    return path


def test_runs_are_found_below_a_folder_whatever_holds_them(tmp_path: Path) -> None:
    for name in ("b", "compare/cells/hard-1", "seeds/seed-0", ".gone", "a"):
        write_run(tmp_path / name)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "checkpoint").mkdir()
    found = [str(run.path.relative_to(tmp_path)) for run in runs_under(tmp_path)]
    assert found == ["a", "b", "compare/cells/hard-1", "seeds/seed-0"]


@pytest.mark.parametrize(("finished", "state"), [(True, "finished"), (False, "unfinished")])
def test_a_run_is_finished_when_it_has_metrics_and_report(tmp_path: Path, finished: bool, state: str) -> None:
    run = kept_run(write_run(tmp_path / "a", finished=finished))
    assert (run.state, run.reason) == (state, None)
    assert run.settings == {"dataset": "digits", "train.epochs": 2}
    assert run.test == (METRICS["test"] if finished else {})


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("recipe.yaml", "a: [", "recipe.yaml:1:5: not valid YAML"),
        ("recipe.yaml", "- a", "holds a list"),
        ("metrics.json", "[1]", "metrics.json is damaged"),
        ("metrics.json", "{", "metrics.json: cannot be read"),
        ("tags.json", '{"tags": ["two words"]}', "tags.json is damaged"),
    ],
)
def test_what_is_damaged_is_told_and_the_rest_is_shown(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    path = write_run(tmp_path / "a")
    (path / name).write_text(content)
    (found,) = runs_under(tmp_path)
    assert found.state == "damaged"
    assert said in str(found.reason)


def test_a_cell_of_a_comparison_is_finished_by_its_mark(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a")
    (path / "report.html").unlink()
    assert kept_run(path).state == "unfinished"
    (path / "cell.json").write_text("{}")
    assert kept_run(path).state == "finished"


def test_a_tag_is_no_change_of_a_run(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a")
    before = kept_run(path).changed
    tag(path, ["good"])
    assert kept_run(path).changed == before


def test_a_run_that_is_at_work_is_told_and_cannot_be_removed(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a", finished=False)
    assert not is_held(path)
    lock = take_lock(path)
    assert kept_run(path).state == "at work"
    with pytest.raises(UsageError, match="another process is at work in"):
        remove_run(path, [])
    lock.release()
    assert kept_run(path).state == "unfinished"


def test_one_of_several_seeds_at_work_cannot_be_removed(tmp_path: Path) -> None:
    path = write_run(tmp_path / "many" / "seed-0")
    (tmp_path / "many" / "seeds.json").write_text('{"seeds": [0]}')
    lock = take_lock(tmp_path / "many")
    assert kept_run(path).state == "at work"
    with pytest.raises(UsageError, match=r"is at work in .*many"):
        remove_run(path, [])
    lock.release()


def test_a_removed_run_leaves_nothing(tmp_path: Path) -> None:
    remove_run(write_run(tmp_path / "a"), [])
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_a_run_is_not_removed(tmp_path: Path) -> None:
    write_run(tmp_path / "a")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(UsageError, match="is a link"):
        remove_run(tmp_path / "b", [])
    assert (tmp_path / "a" / "recipe.yaml").is_file()


def test_what_is_no_run_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(UsageError, match="is no run"):
        remove_run(tmp_path / "photos", [])
    assert (tmp_path / "photos").is_dir()


def test_tags_are_kept_once_and_taken_again(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a")
    assert tag(path, ["good", "v1.0", "good"]) == ("good", "v1.0")
    assert tag(path, [], ["good"]) == ("v1.0",)
    assert tags_of(path) == kept_run(path).tags == ("v1.0",)


@pytest.mark.parametrize("name", ["two words", "", "a/b", "x" * 41])
def test_what_is_no_tag_is_refused_and_nothing_changes(tmp_path: Path, name: str) -> None:
    path = write_run(tmp_path / "a")
    with pytest.raises(UsageError, match="no tag"):
        tag(path, ["good", name])
    assert tags_of(path) == ()
