"""The exporter `triton`: a model repository for NVIDIA's Triton Inference Server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ..core.base.errors import UsageError
from ..core.base.files import writing_to
from ..core.contracts import Exporter, ExportPlan, ExportReport, ExportSubject, Form
from ..core.discovery.answer_forms import forms_among
from .folder import SUMS, check_folder, unpublished_folder
from .inference import ExportedModel
from .metadata import IMAGE, ModelCard
from .onnx_exporter import OnnxExporter
from .options import (
    CalibrationOption,
    KeepFloatOption,
    MaxDropOption,
    MaxSizeOption,
    PixelsOption,
    PrecisionOption,
)

CONFIG = "config.pbtxt"
_VERSION = "1"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"


class TritonExporter(Exporter):
    """Writes a model repository: `MODEL/config.pbtxt`, `MODEL/1/model.onnx`, and a label file per task.

    Triton gathers requests into batches of up to `batch`. Its tensors need a dimension beside the batch, so
    those that have none in the model (a number, a yes or no) have shape `[1]` there. Label files name the
    numbers of an output, one per line. The repository appears complete, with `SHA256SUMS`, and only when the
    model in it has passed the verification of the exporter `onnx`.
    """

    suffix = ""
    runtimes = OnnxExporter.runtimes

    def __init__(
        self,
        *,
        model: Annotated[str, Field(pattern=f"^{_NAME}$", description="Name of the model.")] = "model",
        batch: Annotated[int, Field(ge=1, le=65536, description="Images per batch, at most.")] = 64,
        delay: Annotated[
            int, Field(ge=0, le=1_000_000, description="Microseconds that a request may wait for others.")
        ] = 500,
        input: PixelsOption = "float32",
        precision: PrecisionOption = "float32",
        keep_float: KeepFloatOption = (),
        max_drop: MaxDropOption = {},  # noqa: B006
        calibration: CalibrationOption = 256,
        max_size: MaxSizeOption = 0.5,
    ) -> None:
        self.model = model
        self.batch = batch
        self.delay = delay
        self._model = OnnxExporter(
            input=input,
            precision=precision,
            keep_float=keep_float,
            max_drop=max_drop,
            calibration=calibration,
            max_size=max_size,
        )

    @property
    def file_name(self) -> str:
        return "triton"

    @classmethod
    def recognizes(cls, path: Path) -> bool:
        return (path / SUMS).is_file() and len(list(path.glob(f"*/{CONFIG}"))) == 1

    def check_plan(self, plan: ExportPlan) -> None:
        self._model.check_plan(plan)
        _check_labels(plan.targets)

    def export(self, subject: ExportSubject, path: Path) -> ExportReport:
        """Write the repository `path`; nothing is published when the model does not pass.

        Raises as the exporter `onnx` does, and `UsageError` when a label has more than one line.
        """
        _check_labels(subject.targets)  # before seconds are spent
        with unpublished_folder(path) as folder:
            version = folder / self.model / _VERSION
            with writing_to(path):
                version.mkdir(parents=True)
            report = self._model.export(subject, version / "model.onnx")
            forms = forms_among(subject.targets.values())
            with writing_to(path):
                # Triton reads a version's folder as the model's: the proof belongs outside.
                (version / "verify.json").rename(folder / "verify.json")
                self._describe(ExportedModel(version / "model.onnx", forms=forms).card, folder / self.model)
        written = path / self.model
        return ExportReport((path, written / CONFIG, written / _VERSION / "model.onnx"), report.verification)

    def verify(self, subject: ExportSubject, path: Path) -> Mapping[str, Any]:
        """Check every file's sum and compare the model inside with the trained one.

        Raises `VerificationError` naming what changed or differs.
        """
        return self._model.verify(subject, _model_in(path))

    def verify_in(self, subject: ExportSubject, path: Path, runtimes: Sequence[str]) -> Mapping[str, Any]:
        return self._model.verify_in(subject, _model_in(path), runtimes)

    def check(self, path: Path, runtimes: Sequence[str]) -> Mapping[str, Any]:
        # Without its run the model cannot be compared; a changed file is named all the same.
        check_folder(path)
        return super().check(path, runtimes)

    def _describe(self, card: ModelCard, folder: Path) -> None:
        files = {}
        for number, output in enumerate(card.outputs):
            # Triton counts a label file along all numbers of an answer: of a map they are pixels.
            mapped = len(output.target.output_shape) > 1
            if not mapped and (labels := _labels(output.name, output.target)):
                files[output.name] = f"labels-{number}-{re.sub('[^A-Za-z0-9_-]', '_', output.name)}.txt"
                text = "".join(f"{label}\n" for label in labels)
                (folder / files[output.name]).write_text(text, encoding="utf-8")
        text = "\n".join(self._config(card, files)) + "\n"
        (folder / CONFIG).write_text(text, encoding="utf-8")

    def _config(self, card: ModelCard, label_files: Mapping[str, str]) -> Iterator[str]:
        yield f"name: {_quoted(self.model)}"
        yield 'backend: "onnxruntime"'
        yield f"max_batch_size: {self.batch}"
        pixels = "TYPE_UINT8" if card.pixels == "uint8" else "TYPE_FP32"
        if card.image:
            yield from _tensor("input", IMAGE, pixels, card.image.shape)
        for spec in card.inputs:
            kind = "TYPE_FP32" if spec.dtype == "float32" else "TYPE_INT64"
            yield from _tensor("input", spec.name, kind, spec.shape)
        for output in card.outputs:
            file = label_files.get(output.name)
            yield from _tensor("output", output.name, "TYPE_FP32", output.target.output_shape, file)
        yield "dynamic_batching {"
        yield f"  max_queue_delay_microseconds: {self.delay}"
        yield "}"


def _tensor(
    role: str, name: str, kind: str, shape: Sequence[int], label_file: str | None = None
) -> Iterator[str]:
    yield f"{role} {{"
    yield f"  name: {_quoted(name)}"
    yield f"  data_type: {kind}"
    yield f"  dims: [ {', '.join(map(str, shape or (1,)))} ]"
    if not shape:
        yield "  reshape: { shape: [ ] }"
    if label_file is not None:
        yield f"  label_filename: {_quoted(label_file)}"
    yield "}"


def _check_labels(targets: Mapping[str, Form]) -> None:
    for task, target in targets.items():
        _labels(task, target)


def _labels(task: str, target: Form) -> tuple[str, ...]:
    """Return the lines of a label file; `UsageError` when a label is no line.

    Triton counts them through the numbers of an output, so rows of several numbers have no such file.
    """
    labels = target.labels if len(target.output_shape) < 2 else ()
    for label in labels:
        if len(label.splitlines()) > 1 or label != label.strip():
            raise UsageError(
                f"task {task!r}: {label!r} cannot stand in a label file", hint="a label is one line"
            )
    return labels


def _quoted(text: str) -> str:
    """Return a string of protobuf's text format; JSON's escapes are among its own."""
    return json.dumps(text, ensure_ascii=False)


def _model_in(path: Path) -> Path:
    check_folder(path)
    (config,) = path.glob(f"*/{CONFIG}")
    return config.parent / _VERSION / "model.onnx"
