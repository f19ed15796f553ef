"""The exporter `web`: the verified model with a page that runs it in the browser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...core.base.files import writing_to
from ...core.contracts import Exporter, ExportPlan, ExportReport, ExportSubject
from ...core.contracts.inputs import VectorSpec, vectors_among
from ...core.discovery.answer_forms import forms_among
from ..folder import SUMS, check_folder, unpublished_folder
from ..inference import ExportedModel
from ..metadata import IMAGE
from ..onnx_exporter import OnnxExporter
from ..options import CalibrationOption, KeepFloatOption, MaxDropOption, MaxSizeOption, PrecisionOption
from .runtime import WASM, WEBGPU_WASM, runtime_files

MODEL = "model.onnx"
PAGE = "page.json"
CHECK = "check.bin"
"""What the model answers to the first sample: graphics drivers differ, so the page compares."""
ASSETS = "assets"
"""Folder of the page's own files, beside this module."""


class WebExporter(Exporter):
    """Writes a folder that any static file server can publish: the model, a page, and what runs it.

    A person draws an image or picks a real one, turns it, adds noise, and sees every task's answer; the
    columns of rows are fields to fill in, beside an image or instead of it. The folder needs no network and
    no special headers; nothing leaves the browser. It appears complete, with `SHA256SUMS`, and only when the
    model in it has passed the verification of the exporter `onnx`.
    """

    suffix = ""
    runtimes = OnnxExporter.runtimes

    def __init__(
        self,
        *,
        runtime: Annotated[
            str | None,
            Field(description="Folder with onnxruntime-web's files; none: fetched once through npm."),
        ] = None,
        webgpu: Annotated[
            bool, Field(description="Compute by WebGPU where the browser has it; 27 MB more.")
        ] = False,
        samples: Annotated[int, Field(ge=1, le=64, description="Real images to pick from.")] = 12,
        precision: PrecisionOption = "float32",
        keep_float: KeepFloatOption = (),
        max_drop: MaxDropOption = {},  # noqa: B006
        calibration: CalibrationOption = 256,
        max_size: MaxSizeOption = 0.5,
    ) -> None:
        self.runtime = None if runtime is None else Path(runtime)
        self.webgpu = webgpu
        self.samples = samples
        self._model = OnnxExporter(
            precision=precision,
            keep_float=keep_float,
            max_drop=max_drop,
            calibration=calibration,
            max_size=max_size,
        )

    @property
    def file_name(self) -> str:
        return "web"

    @classmethod
    def recognizes(cls, path: Path) -> bool:
        return (path / SUMS).is_file() and (path / PAGE).is_file()

    def check_plan(self, plan: ExportPlan) -> None:
        self._model.check_plan(plan)
        runtime_files(self.runtime, webgpu=self.webgpu)

    def export(self, subject: ExportSubject, path: Path) -> ExportReport:
        """Write the folder `path`.

        Raises `VerificationError` when the model does not compute the same numbers, and
        `MissingRequirementError` when onnxruntime-web cannot be had; nothing is published then.
        """
        runtime = runtime_files(self.runtime, webgpu=self.webgpu)
        with unpublished_folder(path) as folder:
            report = self._model.export(subject, folder / MODEL)
            with writing_to(path):
                self._write(subject, folder, runtime)
        return ExportReport((path, path / "index.html", path / MODEL), report.verification)

    def verify(self, subject: ExportSubject, path: Path) -> Mapping[str, Any]:
        """Check every file's sum and compare the model inside with the trained one.

        Raises `VerificationError` naming what changed or differs.
        """
        check_folder(path)
        return self._model.verify(subject, path / MODEL)

    def verify_in(self, subject: ExportSubject, path: Path, runtimes: Sequence[str]) -> Mapping[str, Any]:
        check_folder(path)
        return self._model.verify_in(subject, path / MODEL, runtimes)

    def check(self, path: Path, runtimes: Sequence[str]) -> Mapping[str, Any]:
        # Without its run the model cannot be compared; a changed file is named all the same.
        check_folder(path)
        return super().check(path, runtimes)

    def _write(self, subject: ExportSubject, folder: Path, runtime: Mapping[str, bytes]) -> None:
        count = min(self.samples, *(len(values) for values in subject.samples.values()))
        for asset in files(__package__).joinpath(ASSETS).iterdir():
            (folder / asset.name).write_bytes(asset.read_bytes())
        (folder / "onnxruntime").mkdir()
        for name, content in runtime.items():
            # Servers know the type of .js; browsers refuse a module whose type is not JavaScript's.
            (folder / "onnxruntime" / name.replace(".mjs", ".js")).write_bytes(content)
        pixels = subject.samples[IMAGE][:count] if subject.image else np.zeros(0)
        (folder / "samples.bin").write_bytes(np.ascontiguousarray(pixels, dtype=np.uint8).tobytes())
        model = ExportedModel(folder / MODEL, forms=forms_among(subject.targets.values()))
        _write_json(folder / "card.json", model.card.to_json())
        sizes = {"model": (folder / MODEL).stat().st_size, "wasm": len(runtime[WASM])}
        if self.webgpu:
            sizes["webgpu"] = len(runtime[WEBGPU_WASM])
            (folder / CHECK).write_bytes(_first_answers(model, subject))
        inputs = {spec.name: _plain(subject.samples[spec.name][:count]) for spec in subject.inputs}
        page = {
            "drawings": {task: target.drawing.to_json() for task, target in subject.targets.items()},
            "samples": {"count": count, "inputs": inputs},
            "columns": {vector.name: _columns(vector) for vector in vectors_among(subject.inputs)},
            "bytes": sizes,
        }
        _write_json(folder / PAGE, page)


def _first_answers(model: ExportedModel, subject: ExportSubject) -> bytes:
    """Return the outputs for the first sample one behind the other, float32, lowest byte first."""
    first = {spec.name: subject.samples[spec.name][:1] for spec in subject.inputs}
    answers = model.run(subject.samples[IMAGE][:1] if subject.image else None, **first)
    return b"".join(np.ascontiguousarray(values, dtype="<f4").tobytes() for values in answers.values())


def _columns(vector: VectorSpec) -> list[tuple[str, list[str] | None]]:
    """Return the columns, each with the names of a category: JavaScript sorts mappings of its own."""
    numbers: list[tuple[str, list[str] | None]] = [(name, None) for name in vector.numbers]
    return numbers + [(name, list(names)) for name, names in vector.categories.items()]


def _plain(values: NDArray[Any]) -> Any:
    """Return values as JSON has them, which knows no NaN: null."""
    if values.dtype.kind != "f":
        return values.tolist()
    plain = values.astype(object)
    plain[np.isnan(values)] = None
    return plain.tolist()


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")
