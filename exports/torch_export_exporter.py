"""The exporter `torch-export`: a program that torch runs without the classes it was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..core.contracts import Exporter, ExportReport, ExportSubject
from ..core.discovery.answer_forms import forms_among
from .export import Export
from .metadata import PixelType
from .model_file import read_model
from .options import PixelsOption, RawOption
from .publication import Made, publish_proven
from .torch_program import Program, build_program, program_bytes
from .verification import prove, stated_export


class TorchExportExporter(Exporter):
    """Writes one `.pt2` file and its proof, a JSON file beside it; proven by the gate of the ONNX exporter.

    `torch.export.load(path).module()(image, ...)` answers with a dict by task: `image` `[batch, C, H, W]`,
    float32 in 0..1 or uint8, then one int64 `[batch]` per extra input, in the order of the metadata.
    """

    suffix = ".pt2"
    runtimes = ("torch",)

    def __init__(
        self,
        *,
        input: PixelsOption = "float32",
        raw: RawOption = False,
    ) -> None:
        self.pixels: PixelType = input
        self.raw = raw

    def export(self, subject: ExportSubject, path: Path) -> ExportReport:
        """Write the program to `path` and its proof beside it, both or neither.

        Raises as the ONNX exporter does.
        """

        def make() -> Made:
            export = Export(subject, self.pixels, self.raw)
            content = program_bytes(build_program(export), export.card)
            return Made(content, lambda data: _verified(export, Program(data, path.name, export.forms)))

        return publish_proven(path, make)

    def verify(self, subject: ExportSubject, path: Path) -> Mapping[str, Any]:
        """Compare the file at `path` with the model, in the form the file itself declares.

        Raises `VerificationError` when they differ, `UsageError` when the file cannot be read.
        """
        program = Program(read_model(path), path.name, forms_among(subject.targets.values()))
        return _verified(stated_export(subject, program), program)

    def verify_in(self, subject: ExportSubject, path: Path, runtimes: Sequence[str]) -> Mapping[str, Any]:
        return {name: self.verify(subject, path) for name in runtimes}


def _verified(export: Export, program: Program) -> dict[str, Any]:
    return {
        **prove(export, program),
        "runtime": "torch",
        "versions": {"torch": str(torch.__version__)},
    }
