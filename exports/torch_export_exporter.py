"""The exporter `torch-export`: a program that torch runs without the classes it was made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..core.base.files import partial, publish, unpublished, write_partial
from ..core.contracts import Exporter, ExportReport, ExportSubject
from ..core.discovery.answer_forms import forms_among
from .metadata import PREFIX
from .model_file import read_model
from .onnx_model import ExportForm, card_of
from .options import PixelsOption, RawOption
from .publication import proof_path
from .torch_program import Program, build_program, program_bytes
from .verification import check_card, compare, form_of, part_of


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
        self.form = ExportForm(input, raw)

    def export(self, subject: ExportSubject, path: Path) -> ExportReport:
        """Write the program to `path` and its proof beside it, both or neither.

        Raises as the ONNX exporter does.
        """
        proof = proof_path(path)
        with unpublished((path, proof)):
            program = build_program(subject, self.form)
            write_partial(path, program_bytes(program, card_of(subject, self.form)))
            data = read_model(partial(path))
            verification = _verify(subject, data, path.name, self.form)
            write_partial(proof, (json.dumps(verification, indent=2, allow_nan=False) + "\n").encode())
            publish((path, proof))
        return ExportReport((path, proof), verification)

    def verify(self, subject: ExportSubject, path: Path) -> Mapping[str, Any]:
        """Compare the file at `path` with the model, in the form the file itself declares.

        Raises `VerificationError` when they differ, `UsageError` when the file cannot be read.
        """
        return _verify(subject, read_model(path), path.name)

    def verify_in(self, subject: ExportSubject, path: Path, runtimes: Sequence[str]) -> Mapping[str, Any]:
        return {name: self.verify(subject, path) for name in runtimes}


def _verify(subject: ExportSubject, data: bytes, name: str, form: ExportForm | None = None) -> dict[str, Any]:
    program = Program(data, name, forms_among(subject.targets.values()))
    program.check_contents()
    unlike = {f"{PREFIX}versions"} if form is None else set()
    if form is None:
        form, subject = form_of(program.card, name), part_of(subject, program.card)
    check_card(name, program.properties, card_of(subject, form), unlike)
    return {
        "passed": True,
        "file": {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)},
        "tasks": list(subject.targets),
        **compare(subject, program, form),
        "runtime": "torch",
        "versions": {"torch": str(torch.__version__)},
    }
