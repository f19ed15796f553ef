"""The proof that an exported ONNX file computes what the trained model computes. Any doubt is a failure.

A float32 file is compared number by number. A float16 or int8 file is proven in four steps: the float32 file
it was made from passes that comparison; it is that file with rounded weights and nothing else
(`derivation`); its own numbers lie within its precision's tolerance; and no task loses more quality than
allowed (`quality`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

import onnx
import torch

from ..core.base.errors import VerificationError
from ..core.contracts import ExportSubject
from ..core.discovery.answer_forms import forms_among
from .activations import QUANTIZED, check_halves, check_kept, check_scales, own_nodes
from .candidate import Candidate
from .card_values import read_json
from .derivation import Derivation, prove_derivation
from .graphs import opset_of
from .metadata import PREFIX, ModelCard
from .onnx_model import ExportForm, build_model, card_of, file_of
from .precision import FLOAT32, HALF, KEY, TOLERANCES, Precision
from .quality import measure_change
from .ranges import ranges_of
from .runtimes import SLOW, runtime_version
from .session import MOST_MEMORY, allowed
from .side_by_side import BATCHES as BATCHES
from .side_by_side import KINDS as KINDS
from .side_by_side import SideBySide, answers_of, memory_for
from .variants import calibration_feed, float32_nodes
from .weights import compare_weights

ABSOLUTE = TOLERANCES["float32"].absolute
RELATIVE = TOLERANCES["float32"].relative
DEFAULT_RUNTIME = "onnxruntime"
FEW = (1, 2, 7)
"""Batches compared in a runtime that is too slow for more."""

HALVES = (1, 2)
"""Batches compared in true half precision, in that runtime."""


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
    # What was built here is trusted; another file may use what the trained model needs.
    memory = MOST_MEMORY if form is not None else allowed(data, memory_for(subject))
    candidate = Candidate(data, name, runtime, memory, forms_among(subject.targets.values()))
    candidate.check_contents()
    # An older file was written by other versions than those that check it now.
    unlike = {f"{PREFIX}versions"} if form is None else set()
    if form is None:
        form, subject = form_of(candidate.card, name), part_of(subject, candidate.card)
    check_card(name, candidate.properties, card_of(subject, form), unlike)
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
    if form.precision.type == "float32":
        report["weights"] = _weights(subject, candidate, form, base)
    else:
        report |= _rounding(subject, candidate, form, base)
    return report


def compare(
    subject: ExportSubject, candidate: Any, form: ExportForm, batches: tuple[int, ...] | None = None
) -> dict[str, Any]:
    """Return how an opened file's numbers and answers compare; raise `VerificationError` when they do not."""
    side_by_side = SideBySide(subject, candidate, form, *(() if batches is None else (batches,)))
    tolerance = TOLERANCES[form.precision.type]
    cases, worst = side_by_side.numbers()
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
        "agreement": side_by_side.agreement(),
        "cases": cases,
        # Only where the tolerance alone was not enough.
        **({"moved_by_rounding": side_by_side.moved} if side_by_side.moved else {}),
    }


def _weights(
    subject: ExportSubject, candidate: Candidate, form: ExportForm, base: onnx.ModelProto | None
) -> dict[str, int]:
    def traced() -> onnx.ModelProto:
        return base or build_model(subject, form, opset_of(candidate.model))

    return compare_weights(candidate.name, candidate.model, subject.model, traced)


def _rounding(
    subject: ExportSubject, candidate: Candidate, form: ExportForm, base: onnx.ModelProto | None
) -> dict[str, Any]:
    """Return the proof that a file is a proven float32 file, rounded, and what that costs."""
    plain = replace(form, precision=FLOAT32)
    if base is None:
        base = build_model(subject, plain, opset_of(candidate.model))
    forms = forms_among(subject.targets.values())
    before = Candidate(file_of(base), f"the float32 form of {candidate.name}", forms=forms)
    check_card(before.name, before.properties, card_of(subject, plain))
    before.check_interface()
    worst = compare(subject, before, plain)["worst"]
    weights = _weights(subject, before, plain, base)
    derivation = prove_derivation(base, candidate.model, candidate.name)
    rounded = _activations(subject, candidate, form, base, derivation)
    change = measure_change(subject, answers_of(candidate, subject, form), form.precision, candidate.name)
    return {
        "float32": {"worst": worst, "weights": weights},
        "derivation": derivation.to_json() | rounded,
        "quality": change,
        KEY: form.precision.type,
        "settings": form.precision.to_json(),
    }


def _activations(
    subject: ExportSubject,
    candidate: Candidate,
    form: ExportForm,
    base: onnx.ModelProto,
    derivation: Derivation,
) -> dict[str, Any]:
    """Return what was found about the numbers inside a rounded file; raise when they are rounded wrongly."""
    name, model = candidate.name, candidate.model
    ranges = ranges_of(base, calibration_feed(subject, form))
    if form.precision.type == "int8":
        scales = check_scales(derivation, model, ranges, name)
        own = own_nodes(base.graph, form.precision.keep_float)
        rounded = {node.name for node in base.graph.node if node.op_type in QUANTIZED} - own
        check_kept(derivation, model, base, rounded, name)
        return {"scales": scales}
    check_halves(derivation, model, ranges, name)
    # onnxruntime computes half precision in float32 on a CPU, and would never show a sum that is too large.
    forms = forms_among(subject.targets.values())
    halves = Candidate(file_of(model), f"{name} in half precision", "reference", forms=forms)
    _, worst = SideBySide(subject, halves, form, HALVES, HALF).numbers()
    return {"float32_operators": list(float32_nodes(base, ranges)), "in_half_precision": {"worst": worst}}


def base_of(subject: ExportSubject, data: bytes, name: str) -> onnx.ModelProto | None:
    """Return the float32 model that an existing file was made from, built anew; None for a float32 file.

    Raises `VerificationError` when the file is no export.
    """
    forms = forms_among(subject.targets.values())
    candidate = Candidate(data, name, memory=allowed(data, memory_for(subject)), forms=forms)
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


def check_card(
    name: str, found: Mapping[str, str], expected: ModelCard, unlike: Set[str] = frozenset()
) -> None:
    """Raise `VerificationError` unless a file's account of itself, as it stands, is the expected one.

    What is `unlike` must be texts by name, as the expected values are.
    """
    wanted = expected.to_properties()
    for key in wanted:
        if key not in found:
            raise VerificationError(f"{name}: metadata {key} is missing")
    for key in found:
        if key not in wanted:
            raise VerificationError(f"{name}: metadata {key} does not belong to this model")
        same = _texts(found[key]) if key in unlike else found[key] == wanted[key]
        if not same:
            raise VerificationError(f"{name}: metadata {key} does not agree with the trained model")


def _texts(text: str) -> bool:
    value = read_json(text)
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
