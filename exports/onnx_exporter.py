"""The exporter `onnx`: one self-contained file, published only when it is proven to compute the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.contracts import Arrays, Exporter, ExportPlan, ExportReport, ExportSubject
from ..core.contracts.exporter import Predict
from .compatibility import opset_for
from .export import Export
from .fine_tuning import fine_tuned, weights_path
from .inference import ExportedModel
from .metadata import PixelType
from .model_file import read_model
from .onnx_model import build_model, file_of
from .options import (
    CalibrationOption,
    FineTuneOption,
    KeepFloatOption,
    MaxDropOption,
    MaxSizeOption,
    OpensInOption,
    OpsetOption,
    PixelsOption,
    PrecisionOption,
    RawOption,
)
from .proof import check_proof
from .publication import Made, publish_proven
from .repair import build_repaired
from .runtimes import RUNTIMES
from .variants import AskedPrecision
from .verification import DEFAULT_RUNTIME, verify_existing, verify_written


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
        opens_in: OpensInOption = None,
        precision: PrecisionOption = "float32",
        keep_float: KeepFloatOption = (),
        max_drop: MaxDropOption = {},  # noqa: B006
        calibration: CalibrationOption = 256,
        max_size: MaxSizeOption = 0.5,
        fine_tune: FineTuneOption = 0,
    ) -> None:
        self.pixels: PixelType = input
        self.raw = raw
        self.opset = opset_for(opens_in, opset)
        self.precision = AskedPrecision(precision, keep_float, max_drop, calibration, max_size, fine_tune)

    def check_plan(self, plan: ExportPlan) -> None:
        self.precision.check(plan)

    def export(self, subject: ExportSubject, path: Path) -> ExportReport:
        """Write the model to `path` and its proof to `proof_path(path)`, both or neither.

        A fine-tuned one has its float32 weights beside it, at `weights_path(path)`.

        Raises `VerificationError` when the file does not compute the same numbers or loses more quality than
        allowed, `ComponentError` when the model cannot be exported, `UsageError` when names clash or the path
        cannot be written; whatever was at the two paths before is then untouched.
        """

        def make() -> Made:
            asked = Export(subject, self.pixels, self.raw, self.precision.of(subject), self.opset)
            plain, weights = replace(asked, base=build_model(asked)), None
            if self.precision.fine_tune:
                plain, weights = fine_tuned(plain, self.precision.fine_tune, path.name)
            export, model = build_repaired(plain, self.precision.max_size, path.name)
            return Made(file_of(model), lambda data: verify_written(export, data, path.name), weights)

        return publish_proven(path, make, weights_path(path))

    def verify(self, subject: ExportSubject, path: Path) -> Mapping[str, Any]:
        """Compare the file at `path` with the model, in the form the file itself declares.

        Raises `VerificationError` when they differ, `UsageError` when the file cannot be read.
        """
        found = self.verify_in(subject, path, (DEFAULT_RUNTIME,))
        return found[DEFAULT_RUNTIME]

    def predictor(self, path: Path) -> Predict:
        model = ExportedModel(path, threads=1)
        own = {spec.name for spec in model.card.inputs}

        def answer(given: Arrays) -> Arrays:
            inputs = {name: values for name, values in given.items() if name in own}
            return model.run(given["image"] if model.card.image else None, **inputs)

        return answer

    def verify_in(
        self, subject: ExportSubject, path: Path, runtimes: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        data = read_model(path)
        check_proof(path, data)
        return verify_existing(subject, data, path, runtimes)
