"""The exporter `coreml`: a package for Apple's systems, which is converted here and proven there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..export import Export
from .exporter import RuntimeExporter
from .opened import Manifest
from .runtime import COREML


class CoreMlExporter(RuntimeExporter):
    """Writes `model.mlpackage` in float32, one sample at a time. **Not proven here**."""

    runtime = COREML
    runtimes = ()

    def _proof(self, export: Export, folder: Path, name: str, python: Path) -> dict[str, Any]:
        told = Manifest.of(folder, export.forms).told
        reason = f"{COREML.title} runs on Apple's systems alone"
        return {"passed": False, "proven": False, "reason": reason, "runtime": COREML.name, **told}
