"""The proof that an exported ONNX file computes what the trained model computes. Any doubt is a failure.

A float32 file is compared number by number. A float16 or int8 file is proven in four steps: the float32 file
it was made from passes that comparison; it is that file with rounded weights and nothing else
(`derivation`); its own numbers lie within its precision's tolerance; and no task loses more quality than
allowed (`quality`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence, Set
from dataclasses import replace
from typing import Any

import onnx
import torch

from ..core.contracts import ExportSubject
from ..core.errors import VerificationError
from .candidate import Candidate
from .comparison import BATCHES as BATCHES
from .comparison import KINDS as KINDS
from .comparison import Comparison, answers_of
from .derivation import prove_derivation
from .metadata import PREFIX, ModelCard
from .onnx_model import ExportForm, build_model, card_of
from .precision import FLOAT32, KEY, TOLERANCES, Precision
from .quality import measure_change
from .runtimes import SLOW, runtime_version
from .variants import calibration_feed

ABSOLUTE = TOLERANCES["float32"].absolute
RELATIVE = TOLERANCES["float32"].relative
DEFAULT_RUNTIME = "onnxruntime"
FEW = (1, 2, 7)
"""Batches compared in a runtime that is too slow for more."""

_OPSET = ("", "ai.onnx")


def verify_bytes(
    subject: ExportSubject,
    data: bytes,
    *,
    name: str,
    form: ExportForm | None = None,
    base: onnx.ModelProto | None = None,
    runtime: str = DEFAULT_RUNTIME,
) -> dict[str, Any]:
    """Return the report of a passed comparison; raise `VerificationError` at the first doubt.

    `name` is what messages call the file. Without `form`, the file is an existing one: its own account of
    its form and its tasks is taken, and then proven, and the versions that wrote it need not be those of
    today. `base` is the float32 model that a file of another precision was made from (None: built anew).
    """
    candidate = Candidate(data, name, runtime)
    candidate.check_contents()
    # An older file was written by other versions than those that check it now.
    unlike = {f"{PREFIX}versions"} if form is None else set()
    if form is None:
        form, subject = form_of(candidate.card, name), part_of(subject, candidate.card)
    check_card(name, candidate.card, card_of(subject, form), unlike)
    candidate.check_interface()
    report = {
        "passed": True,
        "file": {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)},
        "tasks": list(subject.targets),
        **compare(subject, candidate, form, FEW if runtime in SLOW else None),
        "runtime": runtime,
        "versions": {
            "onnx": onnx.__version__,
            runtime: runtime_version(runtime),
            "torch": str(torch.__version__),
        },
    }
    if form.precision.type != "float32":
        report |= _rounding(subject, candidate, form, base)
    return report


def compare(
    subject: ExportSubject, candidate: Any, form: ExportForm, batches: tuple[int, ...] | None = None
) -> dict[str, Any]:
    """Return how an opened file's numbers and answers compare; raise `VerificationError` when they do not."""
    comparison = Comparison(subject, candidate, form, *(() if batches is None else (batches,)))
    tolerance = TOLERANCES[form.precision.type]
    cases, worst = comparison.numbers()
    return {
        "input": form.pixels,
        "raw": form.raw,
        "precision": form.precision.type,
        "tolerance": {
            "absolute": tolerance.absolute,
            "relative": tolerance.relative,
            "of": "each number" if tolerance.elementwise else "root mean square",
        },
        "worst": worst,
        "agreement": comparison.agreement(),
        "cases": cases,
    }


def _rounding(
    subject: ExportSubject, candidate: Candidate, form: ExportForm, base: onnx.ModelProto | None
) -> dict[str, Any]:
    """Return the proof that a file is a proven float32 file, rounded, and what that costs."""
    plain = replace(form, precision=FLOAT32)
    if base is None:
        base = build_model(subject, plain, opset_of(candidate.model))
    before = Candidate(base.SerializeToString(deterministic=True), f"the float32 form of {candidate.name}")
    check_card(before.name, before.card, card_of(subject, plain), set())
    before.check_interface()
    worst = compare(subject, before, plain)["worst"]
    derivation = prove_derivation(base, candidate.model, candidate.name)
    if form.precision.type == "int8":
        calibration_feed(subject, form)
    change = measure_change(subject, answers_of(candidate, subject, form), form.precision, candidate.name)
    return {
        "float32": {"worst": worst},
        "derivation": derivation.to_json(),
        "quality": change,
        KEY: form.precision.type,
        "settings": form.precision.to_json(),
    }


def base_of(subject: ExportSubject, data: bytes, name: str) -> onnx.ModelProto | None:
    """Return the float32 model that an existing file was made from, built anew; None for a float32 file.

    Raises `VerificationError` when the file is no export.
    """
    candidate = Candidate(data, name)
    form = form_of(candidate.card, name)
    if form.precision.type == "float32":
        return None
    part = part_of(subject, candidate.card)
    return build_model(part, replace(form, precision=FLOAT32), opset_of(candidate.model))


def form_of(card: ModelCard, name: str) -> ExportForm:
    """Return the form that a file says it has; `VerificationError` when it says none that there is."""
    try:
        stated = card.metadata.get(KEY)
        precision = FLOAT32 if stated is None else Precision.from_json(stated)
    except ValueError as error:
        raise VerificationError(f"{name}: {error}") from error
    return ExportForm(card.pixels, any(output.raw for output in card.outputs), precision)


def part_of(subject: ExportSubject, card: ModelCard) -> ExportSubject:
    """Return the part of a model that a file says it is; other tasks than the model's are left to differ."""
    tasks = [output.name for output in card.outputs]
    if tasks and len(set(tasks)) == len(tasks) and set(tasks) < set(subject.targets):
        return subject.only(tasks)
    return subject


def check_card(name: str, card: ModelCard, expected: ModelCard, unlike: Set[str] = frozenset()) -> None:
    """Raise `VerificationError` unless a file's account of itself is the expected one."""
    found, wanted = card.to_properties(), expected.to_properties()
    for key in wanted:
        if key not in found:
            raise VerificationError(f"{name}: metadata {key} is missing")
    for key in found:
        if key not in wanted:
            raise VerificationError(f"{name}: metadata {key} does not belong to this model")
        if key not in unlike and found[key] != wanted[key]:
            raise VerificationError(f"{name}: metadata {key} does not agree with the trained model")


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's operators that a model was built for."""
    versions: Sequence[int] = [item.version for item in model.opset_import if item.domain in _OPSET]
    return max(versions, default=20)
