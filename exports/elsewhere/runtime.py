"""The runtimes that files are written for beside onnxruntime: what each is, and what installs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from ...core.base.errors import MissingRequirementError


@dataclass(frozen=True)
class Runtime:
    """A program that runs models in files of its own.

    `packages` are what pip installs, `modules` what then can be imported. A model is converted from a
    `source`: our ONNX file, or a program of `torch.export`. `batch` is the size that its files have; None:
    any. `files` are those of a model; with `reads_onnx` it opens our
    ONNX file, too. `space` says what an environment of its own takes, and `proven`
    whether files can be run here at all.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    modules: tuple[str, ...]
    files: tuple[str, ...]
    source: Literal["onnx", "program"] = "onnx"
    batch: int | None = None
    space: str = "0.3 GB, about a minute"
    proven: bool = True
    reads_onnx: bool = False

    @property
    def absent(self) -> tuple[str, ...]:
        """The modules that are not installed beside mtl."""
        return tuple(name for name in self.modules if find_spec(name) is None)

    def missing(self, reason: str = "") -> MissingRequirementError:
        """Return the refusal that says what to install."""
        other = ", or export in an environment of its own: --isolated" if self.files else ""
        hint = f"pip install 'mtl-composer[{self.name}]'{other}"
        return MissingRequirementError(f"{self.title} is not installed{reason}", hint=hint)


OPENVINO = Runtime(
    "openvino",
    "OpenVINO",
    ("openvino>=2025.0",),
    ("openvino",),
    ("model.xml", "model.bin"),
    reads_onnx=True,
)

TRACT = Runtime("tract", "tract", ("tract>=0.23",), ("tract",), (), reads_onnx=True)
"""It reads our ONNX file itself, so no exporter writes another one for it."""

NCNN = Runtime(
    "ncnn",
    "ncnn",
    ("ncnn>=1.0.20250503", "pnnx>=20250530"),
    ("ncnn", "pnnx"),
    ("model.param", "model.bin"),
    batch=1,
)
EXECUTORCH = Runtime(
    "executorch",
    "ExecuTorch",
    ("executorch>=1.0",),
    ("executorch",),
    ("model.pte",),
    source="program",
    batch=1,
    space="0.5 GB, some minutes",
)
LITERT = Runtime(
    "litert",
    "LiteRT",
    ("litert-torch>=0.8",),
    ("litert_torch", "ai_edge_litert"),
    ("model.tflite",),
    source="program",
    batch=1,
    space="1.5 GB, some minutes",
)
COREML = Runtime(
    "coreml",
    "Core ML",
    ("coremltools>=9.0",),
    ("coremltools",),
    tuple(
        f"model.mlpackage/{file}"
        for file in (
            "Manifest.json",
            "Data/com.apple.CoreML/model.mlmodel",
            "Data/com.apple.CoreML/weights/weight.bin",
        )
    ),
    source="program",
    batch=1,
    proven=False,
)

RUNTIMES_ELSEWHERE: Mapping[str, Runtime] = {
    runtime.name: runtime for runtime in (OPENVINO, TRACT, NCNN, EXECUTORCH, LITERT, COREML)
}
"""By name; the name is that of its exporter, of its extra, and of its module in `work/`."""
