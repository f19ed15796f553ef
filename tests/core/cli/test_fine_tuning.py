"""`--init-from`, `mtl extend` and `mtl resume --epochs`: what they do, and what they say to bad input.

The expected messages are the files in `golden_fine_tuning/`; after a deliberate change run with
`MTL_GOLDEN=write` and read the difference.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtl.core.cli.main import run
from mtl.core.running.extending import patterns
from mtl.exports.inference import ExportedModel

GOLDEN = Path(__file__).parent / "golden_fine_tuning"
Command = Callable[..., Any]

SMALL = (
    *("--dataset", "digits", "--encoder", "mlp", "--set", "encoder.hidden=[4]", "--epochs", "1"),
    *("--set", "train.validation=0.8", "--set", "train.batch_size=128", "--device", "cpu"),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finished runs of `classify`, and of two tasks, also with cross-stitch units, not to be changed."""
    folder = tmp_path_factory.mktemp("trained")
    assert run(["compose", "--tasks", "classify", *SMALL, "--out", str(folder / "first")]) == 0
    two = ("--tasks", "classify,parity", *SMALL)
    assert run(["compose", *two, "--out", str(folder / "two")]) == 0
    assert run(["compose", *two, "--sharing", "cross-stitch", "--out", str(folder / "stitched")]) == 0
    return folder


@pytest.fixture
def here(trained: Path, tmp_path: Path) -> Path:
    """The current folder, with copies of these runs in it."""
    for name in ("first", "two", "stitched"):
        shutil.copytree(trained / name, tmp_path / name)
    return tmp_path


def test_an_extended_model_answers_the_old_tasks_bit_for_bit(here: Path, mtl: Command) -> None:
    result = mtl("extend", "first", "--tasks", "parity", "--out", "more", "--device", "cpu")
    assert result.status == 0, result.err
    assert "classify: as in first, bit for bit, in torch and in the file" in result.err
    found = json.loads((here / "more" / "extension.json").read_text())
    assert (found["torch"], found["file"]) == ("bit for bit", "bit for bit")
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 28, 28), dtype=np.uint8)
    old, new = (ExportedModel(here / name / "model.onnx").run(images) for name in ("first", "more"))
    assert set(new) == {"classify", "parity"}
    assert old["classify"].tobytes() == new["classify"].tobytes()


def test_an_extended_run_is_a_run_like_any_other(
    here: Path, mtl: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as once:
        once.setattr("mtl.core.running.pipeline.Pipeline.finish", interrupt)
        assert mtl("extend", "first", "--tasks", "parity", "--out", "more", "--device", "cpu").status == 130
    kept = here / "more" / "extension.json"
    assert json.loads(kept.read_text()) == {"run": "first", "finetune": False}
    resumed = mtl("resume", "more", "--device", "cpu")
    assert resumed.status == 0, resumed.err
    assert f"classify: as in {here / 'first'}, bit for bit, in torch and in the file" in resumed.err
    assert json.loads(kept.read_text())["torch"] == "bit for bit"
    shutil.rmtree(here / "first")
    assert mtl("evaluate", "more", "--device", "cpu").status == 0
    longer = mtl("resume", "more", "--epochs", "2", "--device", "cpu")
    assert longer.status == 0, longer.err
    assert "warning: the old tasks will not be compared with how they were: " in longer.err
    assert "is no run folder" in json.loads(kept.read_text())["not_compared"]
    assert mtl("extend", "more", "--tasks", "even", "--out", "most", "--device", "cpu").status == 0


@pytest.mark.parametrize(
    "form",
    [
        ("--raw",),
        ("--precision", "float16", "--max-drop", "accuracy=100"),
        ("--precision", "int8", "--max-drop", "accuracy=100"),
        ("--tasks", "parity"),
    ],
)
def test_a_run_whose_file_was_exported_otherwise_is_extended_as_ever(
    form: tuple[str, ...], here: Path, mtl: Command
) -> None:
    exported = mtl("export", "two", *form)
    assert exported.status == 0, exported.err
    result = mtl("extend", "two", "--tasks", "even", "--out", "more", "--device", "cpu")
    assert result.status == 0, result.err
    assert "classify, parity: as in two, bit for bit, in torch and in the file" in result.err


def test_a_file_of_another_form_asked_for_is_compared_with_one_alike(here: Path, mtl: Command) -> None:
    words = ("--tasks", "parity", "--set", "export.raw=true", "--out", "more", "--device", "cpu")
    result = mtl("extend", "first", *words)
    assert result.status == 0, result.err
    assert "classify: as in first, bit for bit, in torch and in the file" in result.err


def test_resuming_tells_that_it_replaces_a_file_exported_otherwise(here: Path, mtl: Command) -> None:
    file = here / "first" / "model.onnx"
    own = file.read_bytes()
    assert "exported after" not in mtl("resume", "first", "--device", "cpu").err
    assert mtl("export", "first", "--raw").status == 0
    assert file.read_bytes() != own
    result = mtl("resume", "first", "--device", "cpu")
    told = "warning: first/model.onnx was exported after the training: it is written again as the recipe says"
    assert told in result.err
    assert file.read_bytes() == own


def interrupt(*given: object) -> None:
    raise KeyboardInterrupt


def test_encoders_of_tasks_own_are_extended_by_one_more(here: Path, mtl: Command) -> None:
    alone = ("--tasks", "classify,parity", "--sharing", "none", *SMALL)
    assert mtl("compose", *alone, "--out", "alone").status == 0
    result = mtl("extend", "alone", "--tasks", "even", "--out", "more", "--device", "cpu")
    assert result.status == 0, result.err
    assert "classify, parity: as in alone, bit for bit" in result.err


def test_fine_tuning_says_what_the_old_tasks_lost(here: Path, mtl: Command) -> None:
    result = mtl("extend", "first", "--tasks", "parity", "--finetune", "--out", "more", "--device", "cpu")
    assert result.status == 0, result.err
    assert "old task  metric" in result.out
    again = ("extend", "first", "--tasks", "parity", "--finetune", "--out", "again", "--device", "cpu")
    said = json.loads(mtl(*again, "--json").out)
    assert said["extension"] == json.loads((here / "more" / "extension.json").read_text())
    longer = mtl("resume", "more", "--epochs", "2", "--device", "cpu")
    assert "old task  metric" in longer.out
    before, after = json.loads((here / "more" / "extension.json").read_text())["test"]["classify"]["loss"]
    assert before != after != said["extension"]["test"]["classify"]["loss"][1]
    for value, name in ((before, "first"), (after, "more")):
        metrics = json.loads((here / name / "metrics.json").read_text())
        assert value == pytest.approx(metrics["test"]["classify"]["loss"], rel=1e-5)


def test_a_dry_run_says_what_is_taken_and_what_it_costs(here: Path, mtl: Command) -> None:
    more = ("--tasks", "classify,parity", *SMALL, "--init-from", "first", "--dry-run")
    result = mtl("compose", *more)
    assert result.status == 0, result.err
    assert f"weights from {here / 'first'}: encoder, head of 'classify'" in result.err
    assert "  new: head of 'parity': not in the run" in result.err
    assert "stage " in result.err
    assert "multiply-adds" in result.err
    plan = json.loads(mtl("compose", *more, "--json").out)
    assert plan["costs"]["head classify"]["multiply_adds"] == 4 * 10


@pytest.mark.parametrize(
    ("names", "chosen", "found"),
    [
        (["a.x", "a.y", "b.x"], ["a.x", "a.y"], ["a.*"]),
        (["a.x.u", "a.y.u", "b"], ["a.y.u", "b"], ["a.y.*", "b"]),
        (["a.x", "ab.x"], ["a.x"], ["a.*"]),
        (["a.x"], [], []),
    ],
)
def test_patterns_match_the_chosen_names_and_no_others(
    names: list[str], chosen: list[str], found: list[str]
) -> None:
    assert patterns(names, chosen) == found


COMPOSE = ("compose", "--tasks", "classify,parity", *SMALL, "--out", "new")
CASES: dict[str, tuple[int, tuple[str, ...]]] = {
    "init-from-nothing": (2, (*COMPOSE, "--init-from", "nowhere")),
    "init-from-another-encoder": (2, (*COMPOSE, "--init-from", "first", "--set", "encoder.hidden=[5]")),
    "init-from-two-encoders": (2, (*COMPOSE, "--init-from", "stitched")),
    "init-from-damaged": (2, (*COMPOSE, "--init-from", "damaged")),
    "init-from-edited": (2, (*COMPOSE, "--init-from", "edited")),
    "init-from-other-weights": (
        2,
        (*COMPOSE, "--set", "init_from={run: first, weights: " + "a" * 64 + "}"),
    ),
    "init-from-what": (2, (*COMPOSE, "--set", "init_from={folder: first}")),
    "mixup-of-rotation": (
        2,
        (*("compose", "--tasks", "classify,rotation"), *SMALL, "--set", "augmentations=[mixup]"),
    ),
    "mixup-not-last": (2, (*COMPOSE, "--set", "augmentations=[mixup, flip]")),
    "freeze-nothing": (2, (*COMPOSE, "--set", "train.freeze=[encodr.*]")),
    "freeze-everything": (2, (*COMPOSE, "--set", "train.freeze=['*']")),
    "unfreeze-too-late": (
        2,
        (*COMPOSE, "--set", "train.freeze=[encoder.*]", "--set", "train.unfreeze_after=1"),
    ),
    "watch-nothing": (2, (*COMPOSE, "--set", "train.watch=parity/acuracy")),
    "extend-known-task": (2, ("extend", "first", "--tasks", "classify")),
    "extend-unknown-task": (2, ("extend", "first", "--tasks", "paritty")),
    "extend-no-labels": (2, ("extend", "first", "--tasks", "shape-count")),
    "extend-stitched": (2, ("extend", "stitched", "--tasks", "even")),
    "extend-damaged": (2, ("extend", "damaged", "--tasks", "parity")),
    "extend-damaged-file": (4, ("extend", "broken-file", "--tasks", "parity")),
    "extend-nothing": (2, ("extend", "first", "--tasks", "")),
    "extend-unfinished": (2, ("extend", "unfinished", "--tasks", "parity")),
    "prune-unfinished": (2, ("prune", "unfinished", "--ratio", "0.5")),
    "resume-fewer-epochs": (2, ("resume", "first", "--epochs", "1", "--device", "cpu")),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_its_message(name: str, here: Path, mtl: Command) -> None:
    for copy in ("damaged", "edited", "broken-file", "unfinished"):
        shutil.copytree(here / "first", here / copy)
    (weights,) = (here / "damaged" / "checkpoint").glob("best-*")
    weights.write_bytes(weights.read_bytes()[:-1])
    recipe = here / "edited" / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("split_seed: 0", "split_seed: 1"))
    model = here / "broken-file" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-40] + b"x" * 40)
    (here / "unfinished" / "metrics.json").unlink()
    before = sorted(here.rglob("*"))
    status, arguments = CASES[name]
    result = mtl(*arguments)
    shown = result.err.replace(str(here), "HERE")
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("MTL_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown)
    assert shown == golden.read_text()
    assert result.status == status
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("name", CASES)
def test_every_message_is_an_error_line_with_a_hint(name: str) -> None:
    lines = (GOLDEN / f"{name}.txt").read_text().splitlines()
    assert len([line for line in lines if line.startswith("error: ")]) == 1
    assert any(line.startswith("  hint: ") for line in lines)


def test_every_golden_file_belongs_to_a_case() -> None:
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted(CASES)
