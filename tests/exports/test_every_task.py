"""Every format and variant of every shipped task is exported and verified, untrained and small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mtl.core.composition.composer import compose
from mtl.core.contracts import ExportSubject
from mtl.core.data.samples import load_splits
from mtl.core.discovery.plugin_loading import HOME
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.exporting import build_exporter, export_subject
from mtl.exports.onnx_exporter import OnnxExporter

OPTIONS: dict[str, dict[str, Any]] = {"label-group": {"groups": {"round": ["0", "6", "8", "9"]}}}
SHAPES = ("shape-class", "shape-count", "regress")
MAPS: dict[str, dict[str, Any]] = {
    "segmentation": {"task": "segment", "label": "segmentation"},
    "depth": {"task": "depth"},
    "attributes": {"task": "attributes"},
    "keypoints": {"task": "keypoints"},
}
"""Tasks of pixels, of points and of several questions, on a data set that has such labels."""
LIMITLESS = 1e9
"""An untrained model has no quality to lose; the other steps of the gate hold as they are."""

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "bundle": ("bundle", {"variants": ["float32", "float16", "int8"]}),
    "torch-export": ("torch-export", {}),
    "uint8": ("bundle", {"variants": ["float32", "float16", "int8"], "input": "uint8"}),
    "raw": ("bundle", {"variants": ["float32", "float16", "int8"], "raw": True}),
    "torch-export-uint8-raw": ("torch-export", {"input": "uint8", "raw": True}),
}
USUAL = ("bundle", "torch-export")


def shipped(registry: Registry) -> list[str]:
    entries = registry.entries("task")
    names = [entry.component.name for entry in entries if entry.provider.distribution == HOME]
    mapped = [section["task"] for section in MAPS.values()]
    return [name for name in names if name not in mapped]


@pytest.fixture(scope="module", params=["digits", "shapes", "stitched", "maps"])
def subject(request: pytest.FixtureRequest, registry: Registry) -> ExportSubject:
    tasks = [task for task in shipped(registry) if (task in SHAPES) == (request.param == "shapes")]
    tree: dict[str, Any] = {"encoder": {"name": "mlp", "hidden": [16]}, "dataset": "digits"}
    if request.param == "shapes":
        tree["dataset"] = {"name": "shapes-synthetic", "train_size": 60, "test_size": 20}
    if request.param == "stitched":
        tree["sharing"], tasks = "cross-stitch", ["denoise", "classify"]
    tree["tasks"] = {task: OPTIONS.get(task, {}) for task in tasks}
    if request.param == "maps":
        tree["dataset"] = {"name": "scenes", "train_size": 40, "test_size": 10, "size": 16}
        tree["tasks"] = MAPS
    made = compose(read(RecipeSource(tree), registry), registry)
    splits = load_splits(made.dataset, validation=0.1, split_seed=0)
    return export_subject(made, splits.validation, {}, splits)


def test_the_models_hold_every_shipped_task(registry: Registry) -> None:
    assert set(SHAPES) < set(shipped(registry))
    assert len(shipped(registry)) >= 10


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in USUAL else pytest.mark.slow) for name in FORMATS]
)
def test_every_format_and_variant_is_verified(
    name: str, subject: ExportSubject, registry: Registry, tmp_path: Path
) -> None:
    kind, options = FORMATS[name]
    if kind == "bundle":
        options = {**options, "max_drop": dict.fromkeys(subject.targets, LIMITLESS)}
    exporter = build_exporter(registry, kind, options)
    path = tmp_path / exporter.file_name
    report = exporter.export(subject, path)
    assert report.files[0] == path
    if name == "bundle":
        # The long tests prove its rounded files once more: that takes as long as making them.
        assert OnnxExporter().verify(subject, path / "model.onnx")["passed"]
    else:
        assert exporter.verify(subject, path)["passed"]


@pytest.mark.slow
def test_every_file_of_an_existing_bundle_is_verified(
    subject: ExportSubject, registry: Registry, tmp_path: Path
) -> None:
    kind, options = FORMATS["bundle"]
    drops = {"max_drop": dict.fromkeys(subject.targets, LIMITLESS)}
    exporter = build_exporter(registry, kind, {**options, **drops})
    path = tmp_path / exporter.file_name
    exporter.export(subject, path)
    assert exporter.verify(subject, path)["passed"]


@pytest.mark.slow
def test_every_task_alone_is_verified(subject: ExportSubject, registry: Registry, tmp_path: Path) -> None:
    exporter = build_exporter(registry, "onnx", {})
    whole = exporter.export(subject, tmp_path / "model.onnx").files[0].stat().st_size
    for task in subject.targets:
        part = exporter.export(subject.only([task]), tmp_path / "part.onnx")
        assert part.verification["tasks"] == [task]
        assert part.files[0].stat().st_size < whole
