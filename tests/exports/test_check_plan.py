"""What an exporter would refuse whatever is trained, it refuses before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.contracts import Exporter, ExportPlan, Leading
from mtl.exports.bundle.exporter import BundleExporter
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.exports.triton_exporter import TritonExporter
from mtl.exports.web.exporter import WebExporter
from mtl.plugins.forms import Binary, Categorical

ACCURACY = Leading("accuracy", "higher", (0.0, 1.0))
JUDGED = ExportPlan({"kind": Categorical(("a", "b"))}, {"kind": ACCURACY})
UNJUDGED = ExportPlan({"kind": Categorical(("a", "b"))}, {})

ROUNDING: list[Callable[..., Exporter]] = [
    lambda **options: OnnxExporter(precision="int8", **options),
    lambda **options: BundleExporter(variants=("float32", "int8"), **options),
    lambda **options: TritonExporter(precision="int8", **options),
    lambda **options: WebExporter(precision="int8", **options),
]


@pytest.mark.parametrize("make", ROUNDING)
@pytest.mark.parametrize(
    ("plan", "options", "said"),
    [
        (UNJUDGED, {}, r"task 'kind' loses cannot be measured"),
        (JUDGED, {"keep_float": ("kin",)}, r"keep_float names 'kin'.*\n.*did you mean 'kind'"),
        (JUDGED, {"max_drop": {"accurac": 1.0}}, r"max_drop names 'accurac'.*\n.*did you mean 'accuracy'"),
        (JUDGED, {"max_drop": {"kind": -1.0}}, r"cannot be negative"),
    ],
)
def test_a_rounded_file_that_could_not_be_judged(
    make: Callable[..., Exporter], plan: ExportPlan, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        make(**options).check_plan(plan)


def test_a_float_file_needs_no_metric() -> None:
    OnnxExporter().check_plan(UNJUDGED)
    BundleExporter().check_plan(UNJUDGED)


def test_labels_of_several_lines_for_triton() -> None:
    with pytest.raises(UsageError, match=r"cannot stand in a label file"):
        TritonExporter().check_plan(ExportPlan({"kind": Binary("a\nb", "c")}, {}))


def test_a_runtime_folder_without_the_runtime(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read as a file of onnxruntime-web \(runtime\)"):
        WebExporter(runtime=str(tmp_path)).check_plan(JUDGED)


def test_compose_refuses_before_it_makes_a_folder(mtl: Callable[..., Any], tmp_path: Path) -> None:
    metrics = "tasks.classify.metrics=[confusion-matrix]"
    precision = "export.precision=int8"
    result = mtl("compose", "--tasks", "classify", "--set", metrics, "--set", precision, "--out", "run")
    assert result.status == 2
    assert "cannot be measured" in result.err
    assert not (tmp_path / "run").exists()
