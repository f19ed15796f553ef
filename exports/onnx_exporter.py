"""The exporter `onnx`: one self-contained file, published only when it is proven to compute the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.base.files import partial, publish, unpublished, write_partial
from ..core.contracts import Exporter, ExportPlan, ExportReport, ExportSubject
from .metadata import PixelType
from .model_file import read_model
from .onnx_model import ExportForm, build_model, file_of
from .options import (
    CalibrationOption,
    KeepFloatOption,
    MaxDropOption,
    OpsetOption,
    PixelsOption,
    PrecisionOption,
    RawOption,
)
from .precision import FLOAT32, PrecisionType
from .proof import check_proof
from .publication import proof_path
from .runtimes import RUNTIMES
from .variants import build_variant, check_precision, precision_for
from .verification import base_of, verify_bytes


class OnnxExporter(Exporter):
    """Writes one self-contained ONNX file and its proof, a JSON file beside it.

    Inputs: `image` `[batch, C, H, W]`, float32 in 0..1 or uint8, and one int64 `[batch]` per extra input.
    Outputs, named after the tasks: probabilities, values, or an image in 0..1; raw outputs with `raw`. They
    are float32 in every precision.
    """

    suffix = ".onnx"
    runtimes = tuple(RUNTIMES)

    def __init__(
        self,
        *,
        input: PixelsOption = "float32",
        raw: RawOption = False,
        opset: OpsetOption = 20,
        precision: PrecisionOption = "float32",
        keep_float: KeepFloatOption = (),
        max_drop: MaxDropOption = {},  # noqa: B006
        calibration: CalibrationOption = 256,
    ) -> None:
        self.pixels: PixelType = input
        self.raw = raw
        self.opset = opset
        self.precision: PrecisionType = precision
        self.keep_float = keep_float
        self.max_drop = max_drop
        self.calibration = calibration

    def check_plan(self, plan: ExportPlan) -> None:
        check_precision(plan, self.precision, keep_float=self.keep_float, max_drop=self.max_drop)

    def export(self, subject: ExportSubject, path: Path) -> ExportReport:
        """Write the model to `path` and its proof to `proof_path(path)`, both or neither.

        Raises `VerificationError` when the file does not compute the same numbers or loses more quality than
        allowed, `ComponentError` when the model cannot be exported, `UsageError` when names clash or the path
        cannot be written; whatever was at the two paths before is then untouched.
        """
        proof = proof_path(path)
        with unpublished((path, proof)):
            form = self.form(subject)
            base = build_model(subject, replace(form, precision=FLOAT32), self.opset)
            model = base if self.precision == "float32" else build_variant(subject, form, base)
            write_partial(path, file_of(model))
            # Read back: what is verified is what is on the disk.
            data = read_model(partial(path))
            verification = verify_bytes(subject, data, name=path.name, form=form, base=base)
            write_partial(proof, (json.dumps(verification, indent=2, allow_nan=False) + "\n").encode())
            publish((path, proof))
        return ExportReport((path, proof), verification)

    def form(self, subject: ExportSubject) -> ExportForm:
        """Return what the file of a subject will read, answer and compute with."""
        precision = precision_for(
            subject,
            self.precision,
            keep_float=self.keep_float,
            max_drop=self.max_drop,
            samples=self.calibration,
        )
        return ExportForm(self.pixels, self.raw, precision)

    def verify(self, subject: ExportSubject, path: Path) -> Mapping[str, Any]:
        """Compare the file at `path` with the model, in the form the file itself declares.

        Raises `VerificationError` when they differ, `UsageError` when the file cannot be read.
        """
        return verify_bytes(subject, _read(path), name=path.name)

    def verify_in(self, subject: ExportSubject, path: Path, runtimes: Sequence[str]) -> Mapping[str, Any]:
        data = _read(path)
        base = base_of(subject, data, path.name)
        return {
            name: verify_bytes(subject, data, name=path.name, base=base, runtime=name) for name in runtimes
        }


def _read(path: Path) -> bytes:
    data = read_model(path)
    check_proof(path, data)
    return data
