"""The exporter `ncnn`: two files for ncnn, from our ONNX file through pnnx."""

from __future__ import annotations

from .exporter import RuntimeExporter
from .runtime import NCNN


class NcnnExporter(RuntimeExporter):
    """Writes `model.param` and `model.bin` in float32, one sample at a time, proven in ncnn on the CPU.

    Unasked pnnx stores weights in half precision; here it does not, and nothing is computed so.
    """

    runtime = NCNN
    runtimes = (NCNN.name,)
