"""Exporters, verification, and inference from an exported file without torch: an ordinary plugin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core.contracts.hookspecs import hookimpl
from ..core.contracts.records import Component

EXPORTERS = (
    Component(
        "exporter",
        "onnx",
        "One self-contained ONNX file, compared with the model in onnxruntime",
        "mtl.exports.onnx_exporter:OnnxExporter",
        default_for=("recipe",),
    ),
    Component(
        "exporter",
        "bundle",
        "A folder to deploy: models in several precisions, labels, samples, sums, code to copy",
        "mtl.exports.bundle.exporter:BundleExporter",
    ),
    Component(
        "exporter",
        "coreml",
        "A package for Apple's systems, converted here and proven there",
        "mtl.exports.elsewhere.coreml_exporter:CoreMlExporter",
    ),
    Component(
        "exporter",
        "executorch",
        "A program for phones, proven in ExecuTorch",
        "mtl.exports.elsewhere.executorch_exporter:ExecuTorchExporter",
    ),
    Component(
        "exporter",
        "litert",
        "A flat buffer for LiteRT, proven there",
        "mtl.exports.elsewhere.litert_exporter:LiteRtExporter",
    ),
    Component(
        "exporter",
        "ncnn",
        "Two files for ncnn, float32, proven there",
        "mtl.exports.elsewhere.ncnn_exporter:NcnnExporter",
    ),
    Component(
        "exporter",
        "openvino",
        "OpenVINO's own files, proven there",
        "mtl.exports.elsewhere.openvino_exporter:OpenVinoExporter",
    ),
    Component(
        "exporter",
        "torch-export",
        "A program that torch runs without the classes it was made from",
        "mtl.exports.torch_export_exporter:TorchExportExporter",
    ),
    Component(
        "exporter",
        "triton",
        "A model repository for NVIDIA's Triton Inference Server",
        "mtl.exports.triton_exporter:TritonExporter",
    ),
    Component(
        "exporter",
        "web",
        "A folder with a page that runs the model in a browser",
        "mtl.exports.web.exporter:WebExporter",
    ),
)


@hookimpl
def mtl_components() -> Iterable[Component]:
    return EXPORTERS


@hookimpl
def mtl_commands(cli: Any) -> None:
    cli.add_lazy("predict", "mtl.exports.predict_command:predict", "Answer with an exported model.")
    cli.add_lazy("bench", "mtl.exports.bench_command:bench", "Measure exported files, each in its runtime.")
    cli.add_lazy("serve", "mtl.exports.serving.command:serve", "Answer inference requests over HTTP.")
