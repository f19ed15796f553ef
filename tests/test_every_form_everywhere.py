"""Answers of other forms are trained, exported, proven, predicted without torch, and shown everywhere."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

import mtl
from mtl.core.contracts.hookspecs import hookimpl
from mtl.core.contracts.records import Component
from mtl.core.discovery.plugin_loading import Provider
from mtl.core.discovery.registry import Registry, discover
from mtl.core.testing.stated_forms import stated
from mtl.exports.web.runtime import FILES
from mtl.plugins.forms import Multilabel, Ordinal, PixelClasses, PixelValues, Points, Regression

ATTRIBUTES = Multilabel(("striped", "round", "red"))
SIZES = Regression(("height", "width"), "cm", least=0.25, most=0.75)
GRADES = Ordinal(("poor", "fair", "good"))
GROUND = PixelClasses(("sky", "road"), 16, 16)
DEPTH = PixelValues(("depth",), 16, 16, "m", positive=True)
POINTS = Points(("eye", "tail"))
TASKS: dict[str, dict[str, Any]] = {
    "marks": {"task": "attributes", "label": "marks"},
    "sizes": {"task": "regress", "label": "sizes"},
    "grade": {"task": "rank", "label": "grade"},
    "ground": {"task": "segment"},
    "far": {"task": "depth"},
    "places": {"task": "keypoints"},
}
LABELS = {
    "marks": stated(ATTRIBUTES),
    "sizes": stated(SIZES),
    "grade": stated(GRADES),
    "ground": stated(GROUND),
    "far": stated(DEPTH),
    "places": stated(POINTS),
}

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from mtl.core.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


class Plugin:
    """A data set of small pictures with a column of each form, a fifth of its numbers absent."""

    @hookimpl
    def mtl_components(self) -> list[Component]:
        return [Component("dataset", "labelled", "Labelled", "mtl.core.testing.pictures:Pictures")]


@pytest.fixture(scope="module")
def labelled() -> Registry:
    found = discover()
    found.manager.register(Plugin(), name="tests/labelled")
    return Registry(found.manager, [*found.providers, Provider("labelled", "tests", "")])


@pytest.fixture(scope="module")
def run(labelled: Registry, tmp_path_factory: pytest.TempPathFactory) -> mtl.Run:
    made = mtl.compose(
        TASKS,
        dataset={"name": "labelled", "labels": LABELS},
        encoder={"name": "mlp", "hidden": [8]},
        epochs=1,
        device="cpu",
        out=tmp_path_factory.mktemp("forms") / "run",
        registry=labelled,
    )
    assert isinstance(made, mtl.Run)
    return made


@pytest.fixture(scope="module")
def answers(run: mtl.Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, str]]:
    """What `mtl predict` says of one picture without torch: as JSON, and as a row of a table."""
    folder = tmp_path_factory.mktemp("picture")
    picture, table = folder / "picture.png", folder / "answers.csv"
    Image.fromarray(np.full((16, 16), 90, dtype=np.uint8)).save(picture)
    for arguments in (["--json", "--out", str(folder / "saved")], ["--to", str(table)]):
        command = [sys.executable, "-c", WITHOUT_TORCH, "predict", str(run.path), str(picture), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        if "--json" in arguments:
            document = json.loads(done.stdout)
    with table.open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    return document["predictions"][0]["answers"], row


@pytest.fixture(scope="module")
def page(run: mtl.Run) -> str:
    return (run.path / "report.html").read_text()


@pytest.fixture(scope="module")
def web(run: mtl.Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("web")
    (folder / "dist").mkdir()
    for name in FILES:
        (folder / "dist" / name).write_bytes(b"")
    run.export(folder / "page", exporter="web", runtime=str(folder / "dist"))
    found: dict[str, Any] = json.loads((folder / "page" / "page.json").read_text())
    return found


@pytest.fixture(scope="module")
def bundle(run: mtl.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "bundle"
    run.export(path, exporter="bundle")
    return path


def test_the_file_is_proven(run: mtl.Run) -> None:
    proof = json.loads((run.path / "verify.json").read_text())
    assert proof["passed"] is True
    assert set(proof["agreement"]) == set(TASKS)


def test_every_task_has_a_constant_answer_to_beat(run: mtl.Run) -> None:
    for task in TASKS:
        assert set(run.metrics["baseline"][task]) <= set(run.metrics["test"][task])
        assert run.metrics["baseline_answer"][task]


def test_attributes_are_judged_each_for_itself(run: mtl.Run, page: str) -> None:
    scores = run.metrics["test"]["marks"]
    assert 0 <= scores["mean-average-precision"] <= 1
    assert 0 <= scores["attribute-accuracy"] <= 1
    rows = run.metrics["tables"]["test"]["marks"]["attribute-scores"]
    assert len(rows) == 3
    # Of 8 samples every fifth number is absent: 4 of 24.
    assert sum(row[0] for row in rows) == 20
    assert "attribute-scores of marks" in page
    assert '<th scope="row">striped</th>' in page


def test_attributes_are_told_as_tags(answers: tuple[dict[str, Any], dict[str, str]]) -> None:
    answer, row = answers[0]["marks"], answers[1]
    assert list(answer["probabilities"]) == ["striped", "round", "red"]
    assert answer["tags"] == [name for name, p in answer["probabilities"].items() if p >= 0.5]
    assert row["marks"] == ";".join(answer["tags"])
    assert float(row["marks round"]) == pytest.approx(answer["probabilities"]["round"], abs=1e-6)


def test_values_are_judged_each_for_itself_over_its_own_labels(run: mtl.Run, page: str) -> None:
    rows = run.metrics["tables"]["test"]["sizes"]["value-errors"]
    # Of 8 samples every fifth number is absent: 3 of 16.
    assert sum(row[0] for row in rows) == 13
    squares = sum(count * rmse**2 for count, rmse, _ in rows)
    assert (squares / 13) ** 0.5 == pytest.approx(run.metrics["test"]["sizes"]["rmse"], rel=1e-4)
    assert '<th scope="row">height</th>' in page


def test_values_stay_in_their_range(run: mtl.Run, answers: tuple[dict[str, Any], dict[str, str]]) -> None:
    assert all(0.25 <= value <= 0.75 for value in answers[0]["sizes"]["values"].values())
    assert set(answers[1]) > {"sizes height", "sizes width"}
    (said,) = [item for item in metadata(run)["outputs"] if item["name"] == "sizes"]
    assert said["description"] == "values in cm, 0.25 to 0.75"
    assert (said["target"]["least"], said["target"]["most"]) == (0.25, 0.75)


def test_ranks_are_judged_by_their_distance_and_keep_their_order(
    run: mtl.Run, answers: tuple[dict[str, Any], dict[str, str]], web: dict[str, Any], page: str
) -> None:
    scores = run.metrics["test"]["grade"]
    assert 0 <= scores["rank-error"] <= 2
    assert -1 <= scores["quadratic-kappa"] <= 1
    assert list(answers[0]["grade"]["probabilities"]) == list(GRADES.classes)
    assert answers[1]["grade"] in GRADES.classes
    assert web["drawings"]["grade"]["ordered"] is True
    assert "Each class of grade" in page


def metadata(run: mtl.Run) -> dict[str, Any]:
    """What the exported file says of itself."""
    found = onnx.load(run.path / "model.onnx").metadata_props
    return {item.key.removeprefix("mtl."): json.loads(item.value) for item in found}


def test_attributes_have_their_place_in_page_and_bundle(web: dict[str, Any], bundle: Path) -> None:
    assert web["drawings"]["marks"] == {"kind": "tags", "labels": ["striped", "round", "red"]}
    assert (bundle / "labels" / "marks.txt").read_text() == "striped\nround\nred\n"


def test_pixels_are_judged_where_they_have_labels(run: mtl.Run, page: str) -> None:
    assert 0 <= run.metrics["test"]["ground"]["mean-iou"] <= 1
    assert 0 <= run.metrics["test"]["far"]["delta-1"] <= 1
    rows = run.metrics["tables"]["test"]["ground"]["class-iou"]
    # Of 8 maps every fifth pixel is absent.
    assert sum(row[0] for row in rows) == 8 * 256 - (8 * 256 - 1) // 5
    assert run.metrics["baseline_answer"]["ground"] == "the most frequent class at each pixel"
    assert "Colours of ground" in page
    assert "far, answer, sample 8" in page
    assert "depth, true" in page


def test_a_mask_is_saved_as_a_label_map_and_a_map_with_its_numbers(
    answers: tuple[dict[str, Any], dict[str, str]],
) -> None:
    ground, far = answers[0]["ground"], answers[0]["far"]
    assert sum(ground["shares"].values()) == pytest.approx(1)
    with Image.open(ground["file"]) as mask:
        assert (mask.mode, mask.size) == ("P", (16, 16))
        shares = np.bincount(np.asarray(mask).ravel(), minlength=2) / 256
    assert shares.tolist() == pytest.approx(list(ground["shares"].values()))
    numbers = np.load(far["numbers"])
    assert numbers.shape == (1, 16, 16)
    assert far["units"] == "m"
    assert far["ranges"]["depth"]["highest"] == pytest.approx(float(numbers.max()))
    with Image.open(far["file"]) as picture:
        assert (picture.mode, picture.size) == ("RGB", (16, 16))


def test_masks_and_maps_have_their_colours_in_the_page(web: dict[str, Any], bundle: Path) -> None:
    ground, far = web["drawings"]["ground"], web["drawings"]["far"]
    assert (ground["kind"], ground["colours"]) == ("mask", [[0, 0, 0], [128, 0, 0]])
    assert (far["kind"], far["units"], len(far["scale"])) == ("map", "m", 9)
    assert (bundle / "labels" / "ground.txt").read_text() == "sky\nroad\n"


def test_points_are_judged_each_for_itself(run: mtl.Run, page: str) -> None:
    assert 0 <= run.metrics["test"]["places"]["pck"] <= 1
    assert len(run.metrics["tables"]["test"]["places"]["point-scores"]) == len(POINTS.names)
    assert "cross: answer, ring: true" in page
    assert "places, points of sample 8" in page
    assert '<th scope="row">tail</th>' in page


def test_points_are_told_by_name_and_drawn_over_the_picture(
    answers: tuple[dict[str, Any], dict[str, str]],
) -> None:
    answer, row = answers[0]["places"], answers[1]
    assert list(answer["points"]) == ["eye", "tail"]
    assert all(0 <= number <= 1 for place in answer["points"].values() for number in place.values())
    assert float(row["places tail x"]) == pytest.approx(answer["points"]["tail"]["x"], abs=1e-6)
    with Image.open(answer["file"]) as drawn:
        assert drawn.size == (160, 160)
        assert drawn.mode == "RGB"


def test_points_have_their_place_in_page_and_bundle(web: dict[str, Any], bundle: Path) -> None:
    assert web["drawings"]["places"] == {"kind": "marks", "labels": ["eye", "tail"]}
    assert (bundle / "labels" / "places.txt").read_text() == "eye\ntail\n"


def test_the_bundles_code_prints_an_answer_of_every_form(bundle: Path) -> None:
    readme = (bundle / "README.md").read_text()
    code = readme.partition("```python\n")[2].partition("```")[0]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=bundle, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for task in TASKS:
        assert f'"{task}"' in code
        assert f'"{task}"' in readme.partition("```js\n")[2].partition("```")[0]
