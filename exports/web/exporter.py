"""The exporter `web`: the verified model with a page that runs it in the browser."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ...core.contracts import Exporter, ExportReport, ExportSubject
from ...core.errors import VerificationError
from ...core.files import writing_to
from ..folder import check_folder, unpublished_folder
from ..metadata import IMAGE
from ..onnx_exporter import OnnxExporter
from ..onnx_model import ExportForm, card_of
from .runtime import runtime_files

MODEL = "model.onnx"
ASSETS = "assets"
"""Folder of the page's own files, beside this module."""


class WebExporter(Exporter):
    """Writes a folder that any static file server can publish: the model, a page, and what runs it.

    A person draws an image or picks a real one, turns it, adds noise, and sees every task's answer. The
    folder needs no network and no special headers; nothing leaves the browser. It appears complete, with
    `SHA256SUMS`, and only when the model in it has passed the verification of the exporter `onnx`.
    """

    suffix = ""

    def __init__(
        self,
        *,
        runtime: Annotated[
            str | None,
            Field(description="Folder with onnxruntime-web's files; none: fetched once through npm."),
        ] = None,
        samples: Annotated[int, Field(ge=1, le=64, description="Real images to pick from.")] = 12,
    ) -> None:
        self.runtime = None if runtime is None else Path(runtime)
        self.samples = samples
        self._model = OnnxExporter()

    def export(self, subject: ExportSubject, path: Path) -> ExportReport:
        """Write the folder `path`.

        Raises `VerificationError` when the model does not compute the same numbers, and
        `MissingRequirementError` when onnxruntime-web cannot be had; nothing is published then.
        """
        runtime = runtime_files(self.runtime)
        with unpublished_folder(path) as folder:
            report = self._model.export(subject, folder / MODEL)
            with writing_to(path):
                self._write(subject, folder, runtime)
        written = sorted(item for item in path.rglob("*") if item.is_file())
        return ExportReport((path, *written), report.verification)

    def verify(self, subject: ExportSubject, path: Path) -> Mapping[str, Any]:
        """Check every file's sum and compare the model inside with the trained one.

        Raises `VerificationError` naming what changed or differs.
        """
        if not path.is_dir():
            raise VerificationError(f"{path} is no exported folder")
        check_folder(path)
        return self._model.verify(subject, path / MODEL)

    def _write(self, subject: ExportSubject, folder: Path, runtime: Mapping[str, bytes]) -> None:
        count = min(self.samples, len(subject.samples[IMAGE]))
        for asset in files(__package__).joinpath(ASSETS).iterdir():
            (folder / asset.name).write_bytes(asset.read_bytes())
        (folder / "onnxruntime").mkdir()
        for name, content in runtime.items():
            # Servers know the type of .js; browsers refuse a module whose type is not JavaScript's.
            (folder / "onnxruntime" / name.replace(".mjs", ".js")).write_bytes(content)
        pixels = np.ascontiguousarray(subject.samples[IMAGE][:count], dtype=np.uint8)
        (folder / "samples.bin").write_bytes(pixels.tobytes())
        properties = card_of(subject, ExportForm()).to_properties()
        _write_json(
            folder / "mtl.json",
            {key.removeprefix("mtl."): json.loads(text) for key, text in properties.items()},
        )
        _write_json(
            folder / "page.json",
            {
                "samples": {
                    "count": count,
                    "inputs": {
                        spec.name: subject.samples[spec.name][:count].tolist() for spec in subject.inputs
                    },
                },
                "bytes": {
                    MODEL: (folder / MODEL).stat().st_size,
                    "runtime": len(runtime["ort-wasm-simd-threaded.wasm"]),
                },
            },
        )


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n")
