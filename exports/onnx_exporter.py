"""The exporter `onnx`: one self-contained file, published only when it is proven to compute the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ..core.contracts import Exporter, ExportReport, ExportSubject
from ..core.errors import UsageError
from .onnx_model import ExportForm, build_model
from .publication import partial, publish, unpublished, write_partial
from .verification import verify_bytes


class OnnxExporter(Exporter):
    """Writes one self-contained ONNX file and its proof, a JSON file beside it.

    Inputs: `image` `[batch, C, H, W]`, float32 in 0..1 or uint8, and one int64 `[batch]` per extra input.
    Outputs, named after the tasks: probabilities, values, or an image in 0..1; raw outputs with `raw`.
    """

    suffix = ".onnx"

    def __init__(
        self,
        *,
        input: Annotated[
            Literal["float32", "uint8"],
            Field(description="Pixels the file reads: float32 in 0..1, or the bytes of an image file."),
        ] = "float32",
        raw: Annotated[
            bool, Field(description="Write logits and unclamped values instead of predictions.")
        ] = False,
        opset: Annotated[int, Field(ge=18, le=23, description="Version of ONNX's operators.")] = 20,
    ) -> None:
        self.form = ExportForm(input, raw)
        self.opset = opset

    def export(self, subject: ExportSubject, path: Path) -> ExportReport:
        """Write the model to `path` and its proof to `proof_path(path)`, both or neither.

        Raises `VerificationError` when the file does not compute the same numbers, `ComponentError` when
        the model cannot be exported, `UsageError` when names clash or the path cannot be written; whatever
        was at the two paths before is then untouched.
        """
        proof = proof_path(path)
        with unpublished((path, proof)):
            model = build_model(subject, self.form, self.opset)
            write_partial(path, model.SerializeToString(deterministic=True))
            # Read back: what is verified is what is on the disk.
            data = partial(path).read_bytes()
            verification = verify_bytes(subject, data, name=path.name, form=self.form)
            write_partial(proof, (json.dumps(verification, indent=2, allow_nan=False) + "\n").encode())
            publish((path, proof))
        return ExportReport((path, proof), verification)

    def verify(self, subject: ExportSubject, path: Path) -> Mapping[str, Any]:
        """Compare the file at `path` with the model, in the form the file itself declares.

        Raises `VerificationError` when they differ, `UsageError` when the file cannot be read.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
        return verify_bytes(subject, data, name=path.name)


def proof_path(path: Path) -> Path:
    """Return where the proof of an export lies: `verify.json`, or `NAME.verify.json` for another name.

    >>> proof_path(Path("run/model.onnx")).name, proof_path(Path("run/bytes.onnx")).name
    ('verify.json', 'bytes.verify.json')
    """
    return path.with_name("verify.json" if path.stem == "model" else f"{path.stem}.verify.json")
