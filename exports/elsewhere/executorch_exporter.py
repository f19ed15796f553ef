"""The exporter `executorch`: a program for phones, with XNNPACK's kernels."""

from __future__ import annotations

from .exporter import RuntimeExporter
from .runtime import EXECUTORCH


class ExecuTorchExporter(RuntimeExporter):
    """Writes `model.pte` in float32, one sample at a time, proven in ExecuTorch on the CPU."""

    runtime = EXECUTORCH
    runtimes = (EXECUTORCH.name,)
