"""The exporter `openvino`: the intermediate representation that OpenVINO reads without a conversion."""

from __future__ import annotations

from .exporter import RuntimeExporter
from .runtime import OPENVINO


class OpenVinoExporter(RuntimeExporter):
    """Writes `model.xml` and `model.bin` in float32, any batch, proven in OpenVINO on the CPU."""

    runtime = OPENVINO
    runtimes = (OPENVINO.name,)
