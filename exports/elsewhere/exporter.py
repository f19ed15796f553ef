"""What the exporters for other runtimes share: convert, read back, prove where it runs, publish a folder."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field

from ...core.base.errors import ComponentError
from ...core.base.files import write_json, writing_to
from ...core.contracts import Exporter, ExportPlan, ExportReport, ExportSubject
from ...core.discovery.answer_forms import forms_among
from ..export import Export
from ..folder import check_folder, unpublished_folder
from ..metadata import PixelType
from ..onnx_model import build_model, file_of
from ..options import PixelsOption, RawOption
from ..torch_program import build_program, program_bytes
from ..verification import BATCHES, prove, stated_export
from .environment import exporting_python
from .opened import MANIFEST, PROOF, Elsewhere, facts_of, runtime_named
from .process import Worker, WorkerError
from .runtime import Runtime

IsolatedOption = Annotated[
    bool, Field(description="Run in an environment of its own, made once in the user's cache.")
]
PythonOption = Annotated[
    str | None, Field(description="An environment, or its Python, that has the runtime.")
]


class RuntimeExporter(Exporter, ABC):
    """Writes a folder: the runtime's files, `runtime.json` with the metadata of an ONNX file, `verify.json`.

    The answers are those of the ONNX file, float32, in the order and by the names of its outputs. The folder
    appears complete, with `SHA256SUMS`, and only when the runtime itself has answered as the trained model
    does.
    """

    suffix = ""
    runtime: ClassVar[Runtime]

    def __init__(
        self,
        *,
        input: PixelsOption = "float32",
        raw: RawOption = False,
        isolated: IsolatedOption = False,
        python: PythonOption = None,
    ) -> None:
        self.pixels: PixelType = input
        self.raw = raw
        self.isolated = isolated
        self.python = python

    @property
    def file_name(self) -> str:
        return self.runtime.name

    @classmethod
    def recognizes(cls, path: Path) -> bool:
        return runtime_named(path) == cls.runtime.name

    def check_plan(self, plan: ExportPlan) -> None:
        if not self.isolated and self.python is None and self.runtime.absent:
            raise self.runtime.missing()

    def export(self, subject: ExportSubject, path: Path) -> ExportReport:
        """Write the folder `path`.

        Raises `ComponentError` when the runtime cannot hold the model, naming what it lacks,
        `VerificationError` when it does not compute the same numbers, and `MissingRequirementError` when it
        is not installed; nothing is published then.
        """
        python = exporting_python(self.runtime, self.isolated, self.python)
        export = Export(subject, self.pixels, self.raw)
        with unpublished_folder(path) as folder:
            told = self._convert(export, folder, python)
            with writing_to(path):
                manifest = {"runtime": self.runtime.name, "told": told}
                properties = export.card.to_properties()
                write_json(folder / MANIFEST, {**manifest, "properties": properties})
            report = self._proof(export, folder, path.name, python)
            with writing_to(path):
                write_json(folder / PROOF, report)
        return ExportReport((path, *(path / file for file in self.runtime.files)), report)

    def verify(self, subject: ExportSubject, path: Path) -> Mapping[str, Any]:
        """Check every file's sum and compare the model with the trained one, in its runtime.

        Raises `VerificationError` naming what changed or differs.
        """
        opened = Elsewhere(path, forms=forms_among(subject.targets.values()))
        return _verified(stated_export(subject, opened), opened)

    def verify_in(self, subject: ExportSubject, path: Path, runtimes: Sequence[str]) -> Mapping[str, Any]:
        return {name: self.verify(subject, path) for name in runtimes}

    def check(self, path: Path, runtimes: Sequence[str]) -> Mapping[str, Any]:
        # Without its run the model cannot be compared; a changed file is named all the same.
        check_folder(path)
        return super().check(path, runtimes)

    def source(self, export: Export) -> bytes:
        """Return the model as the runtime converts it from."""
        if self.runtime.source == "onnx":
            return file_of(build_model(export))
        return program_bytes(build_program(export, self.runtime.batch), export.card)

    def _convert(self, export: Export, folder: Path, python: Path) -> Mapping[str, Any]:
        facts = facts_of(export.card)
        source = self.source(export)
        with Worker(self.runtime, python) as worker:
            try:
                told = worker.convert(source, folder, facts)
            except WorkerError as error:
                raise ComponentError(f"{self.runtime.title} cannot hold the model: {error}") from None
        if unwritten := [name for name in self.runtime.files if not (folder / name).is_file()]:
            raise ComponentError(f"{self.runtime.title} wrote no {unwritten[0]}")
        return told

    def _proof(self, export: Export, folder: Path, name: str, python: Path) -> dict[str, Any]:
        forms = forms_among(export.subject.targets.values())
        return _verified(export, Elsewhere(folder, name=name, python=python, forms=forms, complete=False))


def _verified(export: Export, opened: Elsewhere) -> dict[str, Any]:
    try:
        # Where the runtime takes any batch, all of them.
        batches = BATCHES if opened.runtime.batch else None
        report = prove(export, opened, batches)
    finally:
        opened.close()
    return {
        **report,
        "runtime": opened.runtime.name,
        **opened.told,
        "versions": {opened.runtime.name: opened.version, "torch": str(torch.__version__)},
    }
