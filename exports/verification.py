"""The proof that an exported ONNX file computes what the trained model computes. Any doubt is a failure.

A float32 file is compared number by number. A float16 or int8 file is proven in four steps: the float32 file
it was made from passes that comparison; it is that file with rounded weights and nothing else
(`derivation`); its own numbers lie within its precision's tolerance; and no task loses more quality than
allowed (`quality`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import onnx
import torch

from ..core.base.errors import VerificationError
from ..core.contracts import ExportSubject
from ..core.discovery.answer_forms import forms_among
from .activations import check_halves, check_kept, check_scales, rounded_nodes
from .candidate import Candidate
from .card_values import read_json
from .compatibility import USUAL
from .derivation import Derivation, prove_derivation
from .export import Export
from .fine_tuning import with_weights
from .metadata import PREFIX, ModelCard
from .onnx_model import build_model, file_of
from .precision import FLOAT32, HALF, KEY, TOLERANCES, Precision
from .quality import check_change, measure_change
from .ranges import ranges_of
from .returning import returned_table
from .runtimes import SLOW, runtime_version
from .session import MOST_MEMORY, allowed
from .side_by_side import BATCHES as BATCHES
from .side_by_side import KINDS as KINDS
from .side_by_side import Runnable, SideBySide, memory_for, predicting
from .variants import calibration_feed, float32_nodes
from .weights import compare_weights

DEFAULT_RUNTIME = "onnxruntime"
FEW = (1, 2, 7)
"""Batches compared in a runtime that is too slow for more."""

HALVES = (1, 2)
"""Batches compared in true half precision, in that runtime."""


class Opened(Runnable, Protocol):
    """An exported file that has been opened: its bytes, and what it says about itself."""

    data: bytes
    properties: Mapping[str, str]
    card: ModelCard

    def check_contents(self) -> None:
        """Raise `VerificationError` when it holds more than computation."""
        ...

    def check_interface(self) -> None:
        """Raise `VerificationError` when its inputs or outputs are not those it says it has."""
        ...


def verify_written(export: Export, data: bytes, name: str) -> dict[str, Any]:
    """Return the report of a passed comparison of what was just written; raise at the first doubt.

    `name` is what messages call the file.
    """
    # What was built here is trusted with memory.
    return verify(export, Candidate(data, name, DEFAULT_RUNTIME, MOST_MEMORY, export.forms))


def verify_existing(
    subject: ExportSubject, data: bytes, path: Path, runtimes: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return a report by runtime of a file that is what it says it is; raise at the first doubt.

    `path` is where it lies, with what belongs to it beside it. The versions that wrote it need not be those
    of today.
    """
    found: dict[str, dict[str, Any]] = {}
    export: Export | None = None
    for runtime in runtimes:
        candidate = open_existing(subject, data, path.name, runtime)
        if export is None:
            export = with_weights(stated_export(subject, candidate, candidate.opset), path)
            if export.rounded and len(runtimes) > 1:  # traced once for all
                export = replace(export, base=build_model(export))
        found[runtime] = verify(export, candidate)
    return found


def open_existing(
    subject: ExportSubject, data: bytes, name: str, runtime: str = DEFAULT_RUNTIME
) -> Candidate:
    """Return an existing file, opened; it may use the memory that the trained model needs."""
    memory = allowed(data, memory_for(subject))
    return Candidate(data, name, runtime, memory, forms_among(subject.targets.values()))


def stated_export(subject: ExportSubject, opened: Opened, opset: int = USUAL) -> Export:
    """Return the export that an existing file says it is, which is then to be proven.

    Of the subject it may be a part; other tasks than the model's are left to differ. Raises
    `VerificationError` when it says nothing that can be.
    """
    card = opened.card
    tasks = [output.name for output in card.outputs]
    if tasks and len(set(tasks)) == len(tasks) and set(tasks) < set(subject.targets):
        subject = subject.only(tasks)
    raw = any(output.raw for output in card.outputs)
    return Export(subject, card.pixels, raw, stated_precision(opened), opset, stated=True)


def stated_precision(opened: Opened) -> Precision:
    """Return the precision that a file says it has; `VerificationError` when it says none that there is."""
    try:
        stated = opened.card.metadata.get(KEY)
        return FLOAT32 if stated is None else Precision.from_json(stated)
    except ValueError as error:
        raise VerificationError(f"{opened.name}: {error}") from error


def verify(export: Export, candidate: Candidate) -> dict[str, Any]:
    """Return the report of a passed comparison; raise `VerificationError` at the first doubt."""
    runtime = candidate.runtime
    report = {
        **prove(export, candidate, FEW if runtime in SLOW else None),
        "runtime": runtime,
        "versions": {
            "onnx": onnx.__version__,
            runtime: runtime_version(runtime),
            "torch": str(torch.__version__),
        },
    }
    if export.rounded:
        report |= _rounding(export, candidate)
    else:
        report["weights"] = _weights(export, candidate)
    return report


def prove(export: Export, opened: Opened, batches: tuple[int, ...] | None = None) -> dict[str, Any]:
    """Return how a file's account, numbers and answers compare; raise `VerificationError` if they do not."""
    opened.check_contents()
    # An older file was written by other versions than those that check it now.
    check_card(opened.name, opened.properties, export.card, {f"{PREFIX}versions"} if export.stated else set())
    opened.check_interface()
    data = opened.data
    return {
        "passed": True,
        "file": {"name": opened.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)},
        "tasks": list(export.subject.targets),
        **compare(export, opened, batches),
    }


def compare(export: Export, opened: Runnable, batches: tuple[int, ...] | None = None) -> dict[str, Any]:
    """Return how an opened file's numbers and answers compare; raise `VerificationError` when they do not."""
    side_by_side = SideBySide(export, opened, *(() if batches is None else (batches,)))
    tolerance = TOLERANCES[export.precision.type]
    cases, worst = side_by_side.numbers()
    return {
        "input": export.pixels,
        "raw": export.raw,
        "precision": export.precision.type,
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


def _weights(export: Export, candidate: Candidate) -> dict[str, int]:
    def traced() -> onnx.ModelProto:
        return export.base or build_model(export)

    return compare_weights(candidate.name, candidate.model, export.subject.model, traced)


def _rounding(export: Export, candidate: Candidate) -> dict[str, Any]:
    """Return the proof that a file is a proven float32 file, rounded, and what that costs."""
    if export.precision.fine_tuning is not None and export.tuned is None:
        raise VerificationError(f"{candidate.name} was fine-tuned, and its weights are not at hand")
    base = export.base or build_model(export)
    plain = replace(export.in_float32(), base=base)
    before = Candidate(file_of(base), f"the float32 form of {candidate.name}", forms=export.forms)
    check_card(before.name, before.properties, plain.card)
    before.check_interface()
    worst = compare(plain, before)["worst"]
    weights = _weights(plain, before)
    derivation = prove_derivation(base, candidate.model, candidate.name)
    rounded = _activations(export, candidate, base, derivation)
    predict = predicting(candidate, export)
    change = measure_change(export.subject, predict, export.precision, candidate.name)
    check_change(change, export.precision, candidate.name)
    returned = returned_table(base, export.precision.float_operators, export.sensitivities, candidate.name)
    return {
        "float32": {"worst": worst, "weights": weights},
        "derivation": derivation.to_json() | rounded,
        "quality": change,
        KEY: export.precision.type,
        "settings": export.precision.to_json(),
        **({"back_in_float32": returned} if returned else {}),
        **({"without_fine_tuning": dict(export.before_tuning)} if export.before_tuning else {}),
    }


def _activations(
    export: Export, candidate: Candidate, base: onnx.ModelProto, derivation: Derivation
) -> dict[str, Any]:
    """Return what was found about the numbers inside a rounded file; raise when they are rounded wrongly."""
    name, model = candidate.name, candidate.model
    ranges = ranges_of(base, calibration_feed(export))
    if export.precision.type == "int8":
        scales = check_scales(derivation, model, ranges, name)
        rounded = rounded_nodes(base.graph, export.precision.keep_float, export.precision.float_operators)
        check_kept(derivation, model, base, rounded, name)
        return {"scales": scales}
    check_halves(derivation, model, ranges, name)
    # onnxruntime computes half precision in float32 on a CPU, and would never show a sum that is too large.
    halves = Candidate(file_of(model), f"{name} in half precision", "reference", forms=export.forms)
    _, worst = SideBySide(export, halves, HALVES, HALF).numbers()
    return {"float32_operators": list(float32_nodes(base, ranges)), "in_half_precision": {"worst": worst}}


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
