"""The exporter `bundle`: models in several precisions, labels, samples, proofs, sums, and code to copy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...core.base.errors import UsageError, VerificationError
from ...core.base.files import writing_to
from ...core.contracts import Exporter, ExportPlan, ExportReport, ExportSubject
from ..candidate import Candidate
from ..compatibility import opset_for
from ..export import Export
from ..folder import SUMS, check_folder, unpublished_folder
from ..metadata import ModelCard, PixelType
from ..model_file import read_model
from ..onnx_model import build_model, file_of
from ..options import (
    CalibrationOption,
    KeepFloatOption,
    MaxDropOption,
    MaxSizeOption,
    OpensInOption,
    OpsetOption,
    PixelsOption,
    RawOption,
)
from ..precision import TOLERANCES, PrecisionType
from ..repair import build_repaired
from ..runtimes import RUNTIMES
from ..session import allowed
from ..variants import AskedPrecision
from ..verification import open_existing, stated_export, stated_precision, verify, verify_written
from .contents import (
    MANIFEST,
    PROOF,
    Samples,
    label_files,
    labels_of,
    manifest,
    read_manifest,
    read_names,
    real_samples,
    write_labels,
)
from .pictures import write_code
from .readme import readme

_NUMBERS = 2**18
"""Numbers of images that are computed at once in a check."""


class BundleExporter(Exporter):
    """Writes a folder: models, `mtl.json`, `verify.json`, `samples.npz`, `labels/`, `README.md`, sums.

    `model.onnx` has the first of `variants`; the others are `model-TYPE.onnx`. Each passes the gate of the
    ONNX exporter, and the folder appears complete or not at all.
    """

    suffix = ""
    runtimes = tuple(RUNTIMES)

    def __init__(
        self,
        *,
        variants: Annotated[
            tuple[PrecisionType, ...],
            Field(min_length=1, description="Precisions to write, the one to use by default first."),
        ] = ("float32",),
        input: PixelsOption = "float32",
        raw: RawOption = False,
        opset: OpsetOption = 20,
        opens_in: OpensInOption = None,
        keep_float: KeepFloatOption = (),
        max_drop: MaxDropOption = {},  # noqa: B006
        calibration: CalibrationOption = 256,
        max_size: MaxSizeOption = 0.5,
    ) -> None:
        self.variants = tuple(
            AskedPrecision(kind, keep_float, max_drop, calibration, max_size)
            for kind in dict.fromkeys(variants)
        )
        self.pixels: PixelType = input
        self.raw = raw
        self.opset = opset_for(opens_in, opset)

    @property
    def file_name(self) -> str:
        return "bundle"

    @classmethod
    def recognizes(cls, path: Path) -> bool:
        return path.is_dir() and (path / SUMS).is_file() and (path / MANIFEST).is_file()

    def check_plan(self, plan: ExportPlan) -> None:
        for asked in self.variants:
            asked.check(plan)

    def export(self, subject: ExportSubject, path: Path) -> ExportReport:
        """Write the folder; raise as the ONNX exporter does, and then leave what was there untouched."""
        with unpublished_folder(path) as folder:
            plain = Export(subject, self.pixels, self.raw, opset=self.opset)
            plain = replace(plain, base=build_model(plain))
            proofs: dict[str, dict[str, Any]] = {}
            for asked, name in self._files():
                export = replace(plain, precision=asked.of(subject))
                export, model = build_repaired(export, asked.max_size, name)
                with writing_to(path):
                    (folder / name).write_bytes(file_of(model))
                # Read back: what is verified is what is on the disk.
                proofs[name] = verify_written(export, read_model(folder / name), name)
            verification = _together(proofs)
            with writing_to(path):
                _describe(plain, folder, verification)
        return ExportReport((path, *(path / name for name in proofs)), verification)

    def _files(self) -> list[tuple[AskedPrecision, str]]:
        return [
            (asked, "model.onnx" if index == 0 else f"model-{asked.type}.onnx")
            for index, asked in enumerate(self.variants)
        ]

    def verify(self, subject: ExportSubject, path: Path) -> Mapping[str, Any]:
        """Compare every file of the bundle at `path` with the model, in the form the models declare.

        Raises `VerificationError`, naming every file that was changed, and when a model, a label file or
        the samples are not the trained model's.
        """
        check_folder(path)
        return self._verified(subject, path, "onnxruntime")

    def verify_in(self, subject: ExportSubject, path: Path, runtimes: Sequence[str]) -> Mapping[str, Any]:
        check_folder(path)
        return {name: self._verified(subject, path, name) for name in runtimes}

    def _verified(self, subject: ExportSubject, path: Path, runtime: str) -> dict[str, Any]:
        proofs = {}
        base = None
        for name, stated in _models(path).items():
            opened = open_existing(subject, read_model(path / name), name, runtime)
            export = stated_export(subject, opened, opened.opset)
            _precision_of(opened, stated)
            if export.rounded:
                base = base or build_model(export)
                export = replace(export, base=base)
            proofs[name] = verify(export, opened)
            _check_beside(path, opened.card, export)
        return _together(proofs)

    def check(self, path: Path, runtimes: Sequence[str]) -> Mapping[str, Any]:
        """Check a bundle by itself: its sums, and every model on its samples against their reference outputs.

        Raises `VerificationError` when a file was changed, or a model answers otherwise.
        """
        check_folder(path)
        samples = Samples.read(path)
        report = {}
        for runtime in runtimes or self.runtimes[:1]:
            proofs = {}
            for name, stated in _models(path).items():
                data = read_model(path / name)
                candidate = Candidate(data, name, runtime, allowed(data))
                candidate.check_contents()
                candidate.check_interface()
                samples.check(path, candidate.card)
                proofs[name] = _replayed(candidate, _precision_of(candidate, stated), samples)
            report[runtime] = _together(proofs)
        return report if runtimes else report[self.runtimes[0]]


def _models(path: Path) -> dict[str, str]:
    """Return the model files with the precision that the bundle says they have."""
    found = {str(item["file"]): str(item.get("precision")) for item in read_manifest(path)["models"]}
    if wrong := [name for name in found if Path(name).name != name or not (path / name).is_file()]:
        raise VerificationError(f"{path} names a model that it does not hold: {wrong[0]}")
    return found


def _precision_of(opened: Candidate, stated: str) -> PrecisionType:
    """Return the precision of a model; raise `VerificationError` when it is not what the bundle states."""
    found = stated_precision(opened).type
    if found != stated:
        raise VerificationError(f"{opened.name} is {found}, and the bundle says that it is {stated}")
    return found


def _describe(export: Export, folder: Path, verification: Mapping[str, Any]) -> None:
    """Write everything beside the models."""
    card = export.card
    facts = {
        name: {"precision": proof["precision"], "bytes": proof["file"]["bytes"]}
        for name, proof in verification["models"].items()
    }
    write_labels(card, folder)
    write_code(card, folder)
    real_samples(export).write(folder)
    for name, value in ((MANIFEST, manifest(card, facts)), (PROOF, verification)):
        text = json.dumps(value, indent=2, allow_nan=False) + "\n"
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "README.md").write_text(readme(card, verification), encoding="utf-8")


def _together(proofs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the proofs of all models, the worst difference of them first."""
    worst = max((proof["worst"] for proof in proofs.values()), key=lambda item: _excess(item))
    return {"passed": True, "worst": worst, "models": dict(proofs)}


def _excess(worst: Mapping[str, Any]) -> float:
    return float(worst["difference"] / worst["allowed"])


def _check_beside(path: Path, card: ModelCard, export: Export) -> None:
    """Raise `VerificationError` unless the label files and the samples are those of the trained model."""
    wanted = labels_of(export.card)
    for task, file in label_files(card).items():
        lines = read_names(path / file).splitlines()
        if lines != wanted[task]:
            raise VerificationError(f"{path / file} does not hold the names of task {task!r}")
    found, expected = Samples.read(path), real_samples(export)
    found.check(path, card)
    for role, one, other in (
        ("input", found.inputs, expected.inputs),
        ("output", found.outputs, expected.outputs),
    ):
        for name, value in other.items():
            holes = role == "input"
            near = len(one[name]) == len(value) and np.allclose(
                one[name], value, rtol=1e-4, atol=1e-4, equal_nan=holes
            )
            if not near:
                raise VerificationError(f"{path}: the samples' {role} {name!r} is not the trained model's")


def _answers(candidate: Candidate, samples: Samples) -> dict[str, NDArray[Any]]:
    """Return a model's answers to the samples, some at a time: it may use no more memory than a stranger."""
    largest = max(samples.inputs.values(), key=lambda values: values.size)
    count = len(largest)
    some = max(1, _NUMBERS * count // max(1, largest.size))
    parts = [
        candidate.run({name: values[start : start + some] for name, values in samples.inputs.items()})
        for start in range(0, max(1, count), some)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _replayed(candidate: Candidate, precision: PrecisionType, samples: Samples) -> dict[str, Any]:
    """Compare a model's answers to the samples with the reference outputs beside them."""
    tolerance = TOLERANCES[precision]
    outputs = _answers(candidate, samples)
    worst: dict[str, Any] = {}
    for output in candidate.card.outputs:
        expected = samples.outputs.get(output.name)
        actual = outputs[output.name]
        if expected is None or expected.shape != actual.shape:
            raise VerificationError(f"{candidate.name}: there are no reference outputs of {output.name!r}")
        difference = np.abs(actual.astype(np.float64) - expected)
        if tolerance.elementwise:
            allowed = tolerance.absolute + tolerance.relative * np.abs(expected)
        else:
            spread = float(np.sqrt(np.square(expected - expected.mean(axis=0)).mean()))
            difference = np.sqrt(np.square(difference).mean())
            allowed = np.asarray(tolerance.absolute + tolerance.relative * spread)
        at = int(np.argmax(difference / allowed))
        found = {
            "output": output.name,
            "batch": len(expected),
            "kind": "real",
            "difference": float(difference.reshape(-1)[at]),
            "allowed": float(allowed.reshape(-1)[at]),
        }
        # Written so that NaN fails it too.
        if not _excess(found) <= 1:
            raise VerificationError(
                f"{candidate.name} does not answer as the samples beside it: output {output.name!r} differs "
                f"by {found['difference']:.3g}; allowed: {found['allowed']:.3g}"
            )
        worst = found if not worst or _excess(found) > _excess(worst) else worst
    if not worst:
        raise UsageError(f"{candidate.name} has no outputs")
    return {"precision": precision, "worst": worst}
