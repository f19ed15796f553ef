"""A run in a notebook: pictures answered, epochs as columns, figures, boxes, a bar; and what is refused."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

import mtl
from mtl.core.base.errors import UsageError
from mtl.core.discovery.registry import Registry
from mtl.core.running import notebook_progress
from mtl.core.running.history import History
from mtl.core.running.run import Run, load_run

from .conftest import pipeline_of, recipe_of


@pytest.fixture(scope="module")
def run(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("notebook") / "run"
    tree: dict[str, Any] = {"tasks": ["shape-count", "denoise"], "train": {"epochs": 2}}
    pipeline_of(registry).run(recipe_of(registry, **tree), path)
    return load_run(path, registry)


def pictures(run: Run, count: int = 3) -> Any:
    return run.splits.test.batch(torch.arange(count)).image


def test_arrays_tensors_bytes_and_files_are_answered_alike(run: Run, tmp_path: Path) -> None:
    image = pictures(run)
    with torch.inference_mode():
        wanted = run.model.predict(image)
    found = run.predict(image)
    for task, values in wanted.items():
        assert np.array_equal(found[task], values.numpy())
        assert len(found.texts(task)) == 3
    coded = image.mul(255).round().to(torch.uint8).numpy()
    paths = [tmp_path / f"{place}.png" for place in range(3)]
    for path, pixels in zip(paths, coded, strict=True):
        Image.fromarray(pixels[0] if pixels.shape[0] == 1 else pixels.transpose(1, 2, 0)).save(path)
    for given in (coded, paths, [Image.open(path) for path in paths], [str(path) for path in paths]):
        assert np.allclose(run.predict(given)["shape-count"], found["shape-count"], atol=1e-5)
    assert run.predict(image[0])["shape-count"].shape == (1, *found["shape-count"].shape[1:])
    assert np.allclose(run.predict(paths[1])["shape-count"], found["shape-count"][1:2], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda image: image * 255, "pictures lie in 0..1, these in "),
        (lambda image: image * float("nan"), "pictures lie in 0..1, these in nan"),
        (lambda image: image[:, :, 1:], "pictures must be "),
        (lambda image: image[:0], "pictures must be "),
        (lambda image: ["missing.png"], "missing.png: cannot be read as an image"),
        (lambda image: [Image.new("L", (3, 3))], "picture 0 is 3 x 3 pixels"),
        (lambda image: [Image.new("L", (64, 64)), 7], "picture 1 is of type int"),
    ],
)
def test_what_is_no_picture_is_refused(run: Run, change: Any, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        run.predict(change(pictures(run)), resize=said.startswith("picture 1"))
    assert caught.value.message.startswith(said)
    assert caught.value.hint or said.startswith("picture 1")


def test_inputs_that_nobody_reads_are_refused(run: Run) -> None:
    with pytest.raises(UsageError, match="these inputs beside pictures: none; got number"):
        run.predict(pictures(run), inputs={"number": [1, 2, 3]})


def test_the_history_is_columns(run: Run) -> None:
    history = run.history
    assert history["epoch"] == [1, 2]
    assert history["validation/shape-count/loss"] == [
        row["validation/shape-count/loss"] for row in run.folder.read_history()
    ]
    pandas = pytest.importorskip("pandas")
    frame = history.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.index) == [1, 2]


def test_a_figure_is_a_drawing_of_the_columns_that_match(run: Run) -> None:
    drawn = run.figure("*/denoise/loss")
    assert list(drawn.lines) == ["train/denoise/loss", "validation/denoise/loss"]
    ElementTree.fromstring(str(drawn))
    with pytest.raises(UsageError, match="no column 'validaton/x'"):
        History.of([{"epoch": 1, "validation/x": 0.5}]).figure(["validaton/x"])


def test_boxes_are_well_formed_and_escape_what_is_in_them(run: Run) -> None:
    shown = (run, run.composition, run.figure(), run.predict(pictures(run)))
    for box in (thing._repr_html_() for thing in shown):
        root = ElementTree.fromstring(_closed(box))
        assert root.attrib["class"] == "mtl-box"
    assert "shape-count" in run._repr_html_()
    assert "<b>" not in mtl.Comparison(Path("a<b>"), {"verdicts": ["x < y"]})._repr_html_()


def _closed(box: str) -> str:
    """Return HTML as XML: elements without an end are given one."""
    return re.sub(r"<(img|br)([^>]*)>", r"<\1\2/>", box)


class Place:
    """What IPython's display gives back."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, content: str) -> None:
        self.shown.append(content)


def test_a_notebook_sees_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place()

    def display(content: str, display_id: bool) -> Place:
        place.update(content)
        return place

    ipython: Any = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=True)
    shown: Any = types.ModuleType("IPython.display")
    shown.HTML, shown.display = str, display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", shown)
    monkeypatch.setattr(notebook_progress, "_APART", 0.0)
    progress = notebook_progress.usual_progress()
    progress.started(2, "cpu", {})
    progress.step(1, 2)
    progress.epoch(1, {"validation/a/loss": 0.5}, True)
    progress.stopped()
    assert '<progress max="2" value="0.500">' in place.shown[1]
    assert "epoch 1 of 2, validation losses: a 0.5" in place.shown[2]
    assert "stopped after epoch 1" in place.shown[-1]


def test_elsewhere_nothing_is_shown() -> None:
    assert type(notebook_progress.usual_progress()).__name__ == "Progress"


def test_dir_names_what_there_is() -> None:
    assert {"compose", "compare", "load", "Run", "errors"} <= set(dir(mtl))
