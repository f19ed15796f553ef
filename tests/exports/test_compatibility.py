"""A file for an older onnxruntime has operators and a layout that this release opens."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import onnx
import pytest

from mtl.core.base.errors import UsageError
from mtl.exports.compatibility import opset_for
from mtl.exports.onnx_exporter import OnnxExporter

from .conftest import LOOSE, tiny_subject

OLD = "MTL_OLD_ONNXRUNTIME"
"""Python of an environment with onnxruntime 1.17."""

ANSWERS = """
import json, sys
import numpy, onnxruntime
assert onnxruntime.__version__.startswith("1.17."), onnxruntime.__version__
for path in sys.argv[1:]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(None, {"image": numpy.full((2, 1, 8, 8), 0.25, "f4"), "number": numpy.array([1, 4])})
    print(json.dumps([value.tolist() for value in found]))
"""


@pytest.mark.parametrize(
    ("runtime", "opset"),
    [
        ("onnxruntime==1.15", 18),
        ("onnxruntime==1.16.3", 19),
        ("onnxruntime>=1.17", 20),
        ("onnxruntime==1.99", 20),
    ],
)
def test_a_release_gets_the_newest_operators_that_it_opens(runtime, opset):
    assert opset_for(runtime) == opset
    assert OnnxExporter(opens_in=runtime).opset == opset


@pytest.mark.parametrize(
    ("runtime", "opset", "message"),
    [
        ("onnxruntime==1.17", 21, "does not know opset 21"),
        ("onnxruntime==1.14", None, "opens no file that is written here"),
        ("onnxruntime", None, "is no version of a runtime"),
        ("openvino==2024.1", None, "is no version of a runtime"),
        ("", None, "is no version of a runtime"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(runtime, opset, message):
    with pytest.raises(UsageError, match=message) as caught:
        opset_for(runtime, opset)
    assert caught.value.hint


@pytest.mark.slow
@pytest.mark.skipif(OLD not in os.environ, reason=f"no onnxruntime 1.17: name its Python in {OLD}")
def test_the_release_itself_opens_the_files_and_answers_alike(tmp_path: Path) -> None:
    import json

    import numpy as np

    from mtl.exports.inference import ExportedModel

    paths = []
    for precision in ("float32", "float16", "int8"):
        paths.append(tmp_path / f"{precision}.onnx")
        options = {"precision": precision, "max_drop": LOOSE, "opens_in": "onnxruntime==1.17"}
        OnnxExporter(**options).export(tiny_subject(), paths[-1])  # type: ignore[arg-type]
        assert onnx.load(paths[-1]).ir_version <= 9
    done = subprocess.run(
        [os.environ[OLD], "-c", ANSWERS, *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    image = np.full((2, 1, 8, 8), 0.25, np.float32)
    for path, line in zip(paths, done.stdout.splitlines(), strict=True):
        expected = ExportedModel(path).run(image, number=np.array([1, 4]))
        for value, found in zip(expected.values(), json.loads(line), strict=True):
            np.testing.assert_allclose(np.array(found), value, atol=2e-3)
