"""The exporter `litert`: a flat buffer for LiteRT, which was TensorFlow Lite."""

from __future__ import annotations

from .exporter import RuntimeExporter
from .runtime import LITERT


class LiteRtExporter(RuntimeExporter):
    """Writes `model.tflite` in float32, one sample at a time, proven in LiteRT on the CPU.

    Its inputs are `args_0` and so on in the order of the metadata; numbers beside the image are int32.
    """

    runtime = LITERT
    runtimes = (LITERT.name,)
