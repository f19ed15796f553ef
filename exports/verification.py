"""The proof that an exported file computes what the trained model computes. Any doubt is a failure.

The reference comes from the subject's own model, not from what was handed to the ONNX exporter, so a wrong
wrapper, a dropped normalisation or swapped outputs show up as different numbers.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core.contracts import ExportSubject
from ..core.errors import VerificationError
from ..core.predictions import predict
from ..core.randomness import generator
from ..core.specs import Binary, Categorical, Image, TargetSpec
from .candidate import Candidate, reason
from .metadata import IMAGE, PREFIX, ModelCard
from .onnx_model import ExportForm, card_of

BATCHES = (1, 2, 7, 64)
KINDS = {"real": "real samples", "random": "random pixels", "zeros": "black images", "ones": "white images"}
ABSOLUTE = 1e-4
RELATIVE = 1e-4
PICTURES = 60.0
"""Lowest PSNR in dB between the file's and the model's picture of a real sample."""

_IDENTICAL = 200.0
Arrays = Mapping[str, NDArray[Any]]


def verify_bytes(
    subject: ExportSubject, data: bytes, *, name: str, form: ExportForm | None = None
) -> dict[str, Any]:
    """Return the report of a passed comparison; raise `VerificationError` at the first doubt.

    `name` is what messages call the file. Without `form`, the file is an existing one: its own account of
    its form is taken, and then proven, and the versions that wrote it need not be those of today.
    """
    candidate = Candidate(data, name)
    candidate.check_contents()
    # An older file was written by other versions than those that check it now.
    unlike = {f"{PREFIX}versions"} if form is None else set()
    form = form or _form_of(candidate.card)
    _check_card(candidate, card_of(subject, form), unlike)
    candidate.check_interface()
    comparison = _Comparison(subject, candidate, form)
    cases, worst = comparison.numbers()
    return {
        "passed": True,
        "file": {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)},
        "input": form.pixels,
        "raw": form.raw,
        "tolerance": {"absolute": ABSOLUTE, "relative": RELATIVE},
        "worst": worst,
        "agreement": comparison.agreement(),
        "cases": cases,
        "versions": {
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
            "torch": str(torch.__version__),
        },
    }


def _form_of(card: ModelCard) -> ExportForm:
    return ExportForm(card.pixels, any(output.raw for output in card.outputs))


def _check_card(candidate: Candidate, expected: ModelCard, unlike: Set[str]) -> None:
    found, wanted = candidate.card.to_properties(), expected.to_properties()
    for key in wanted:
        if key not in found:
            raise VerificationError(f"{candidate.name}: metadata {key} is missing")
    for key in found:
        if key not in wanted:
            raise VerificationError(f"{candidate.name}: metadata {key} does not belong to this model")
        if key not in unlike and found[key] != wanted[key]:
            raise VerificationError(f"{candidate.name}: metadata {key} does not agree with the trained model")


@dataclass(frozen=True)
class _Difference:
    """The largest difference of one output in one case, in units of what is allowed there."""

    output: str
    batch: int
    kind: str
    difference: float
    allowed: float

    @property
    def excess(self) -> float:
        return self.difference / self.allowed

    def to_json(self) -> dict[str, Any]:
        return {
            "output": self.output,
            "batch": self.batch,
            "kind": self.kind,
            "difference": self.difference,
            "allowed": self.allowed,
        }


class _Comparison:
    """The model and the candidate, run side by side."""

    def __init__(self, subject: ExportSubject, candidate: Candidate, form: ExportForm) -> None:
        self.subject = subject
        self.candidate = candidate
        self.form = form
        self.model: nn.Module = copy.deepcopy(subject.model).cpu().eval()
        names = (IMAGE, *(spec.name for spec in subject.inputs))
        if missing := [name for name in names if name not in subject.samples]:
            raise VerificationError(f"the real samples to verify on lack {', '.join(map(repr, missing))}")
        if len(subject.samples[IMAGE]) == 0:
            raise VerificationError("there are no real samples to verify on")

    def numbers(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Compare every case; return the table of differences and the worst of them."""
        cases, worst = [], None
        for batch in BATCHES:
            for kind in KINDS:
                pixels, inputs = self._case(batch, kind)
                found = self._compare(batch, kind, pixels, inputs)
                cases.append(
                    {
                        "batch": batch,
                        "kind": kind,
                        "differences": {item.output: item.difference for item in found},
                    }
                )
                for item in found:
                    worst = item if worst is None or item.excess > worst.excess else worst
        if worst is None or not worst.excess <= 1.0:
            raise self._unequal(worst)
        return cases, worst.to_json()

    def agreement(self) -> dict[str, Any]:
        """Compare the answers to all real samples; return one summary per task."""
        references: dict[str, list[Tensor]] = {task: [] for task in self.subject.targets}
        answers: dict[str, list[Tensor]] = {task: [] for task in self.subject.targets}
        for pixels, inputs in self._all_samples():
            raw = self._reference(pixels, inputs)
            outputs = self.candidate.run({IMAGE: self._fed(pixels), **inputs})
            for task, target in self.subject.targets.items():
                answer = torch.from_numpy(outputs[task])
                references[task].append(predict(raw[task], target))
                answers[task].append(predict(answer, target) if self.form.raw else answer)
        return {
            task: _agree(
                self.candidate.name, task, target, torch.cat(references[task]), torch.cat(answers[task])
            )
            for task, target in self.subject.targets.items()
        }

    def _compare(self, batch: int, kind: str, pixels: NDArray[Any], inputs: Arrays) -> list[_Difference]:
        raw = self._reference(pixels, inputs)
        outputs = self.candidate.run({IMAGE: self._fed(pixels), **inputs}, f"batch {batch}, {KINDS[kind]}")
        found = []
        for task, target in self.subject.targets.items():
            expected = (raw[task] if self.form.raw else predict(raw[task], target)).numpy().astype(np.float64)
            place = f"output {task!r} (batch {batch}, {KINDS[kind]})"
            if not np.isfinite(expected).all():
                raise VerificationError(f"the trained model itself is not finite: {place}")
            actual = outputs[task]
            if actual.shape != expected.shape:
                raise VerificationError(
                    f"{self.candidate.name}: {place} has shape {list(actual.shape)}, "
                    f"not {list(expected.shape)}"
                )
            if not np.isfinite(actual).all():
                raise VerificationError(f"{self.candidate.name} is not finite: {place}")
            difference = np.abs(actual - expected).reshape(-1)
            allowed = ABSOLUTE + RELATIVE * np.abs(expected).reshape(-1)
            at = int(np.argmax(difference / allowed))
            found.append(_Difference(task, batch, kind, float(difference[at]), float(allowed[at])))
        return found

    def _unequal(self, worst: _Difference | None) -> VerificationError:
        if worst is None:
            return VerificationError(f"{self.candidate.name}: nothing was compared")
        return VerificationError(
            f"{self.candidate.name} does not compute what the trained model computes: "
            f"output {worst.output!r} differs by {worst.difference:.3g} at batch {worst.batch}, "
            f"{KINDS[worst.kind]}; allowed there: {worst.allowed:.3g}"
        )

    def _reference(self, pixels: NDArray[Any], inputs: Arrays) -> Mapping[str, Tensor]:
        """Return the trained model's raw outputs, on the CPU, in evaluation mode."""
        image = torch.from_numpy(pixels)
        image = image.float() / 255.0 if image.dtype == torch.uint8 else image
        try:
            with torch.inference_mode():
                raw = self.model(image, {name: torch.from_numpy(value) for name, value in inputs.items()})
                return {task: raw[task].float() for task in self.subject.targets}
        except Exception as error:  # whatever the model does wrong, nothing has been proven
            raise VerificationError(f"the trained model itself cannot be run: {reason(error)}") from error

    def _fed(self, pixels: NDArray[Any]) -> NDArray[Any]:
        if self.form.pixels == "float32" and pixels.dtype == np.uint8:
            return pixels.astype(np.float32) / np.float32(255.0)
        return pixels

    def _case(self, batch: int, kind: str) -> tuple[NDArray[Any], Arrays]:
        if kind == "real":
            rows = np.arange(batch) % len(self.subject.samples[IMAGE])
            return self._rows(rows)
        source = generator("cpu", 0, "verification", kind, batch)
        shape = (batch, *self.subject.image.shape)
        whole = self.form.pixels == "uint8"
        if kind == "random":
            pixels = (
                torch.randint(0, 256, shape, generator=source, dtype=torch.uint8)
                if whole
                else torch.rand(shape, generator=source)
            )
        else:
            value = 0 if kind == "zeros" else 255 if whole else 1
            pixels = torch.full(shape, value, dtype=torch.uint8 if whole else torch.float32)
        inputs = {
            spec.name: torch.randint(0, spec.count, (batch,), generator=source).numpy()
            for spec in self.subject.inputs
        }
        return pixels.numpy(), inputs

    def _all_samples(self) -> Iterator[tuple[NDArray[Any], Arrays]]:
        count = len(self.subject.samples[IMAGE])
        for start in range(0, count, BATCHES[-1]):
            yield self._rows(np.arange(start, min(start + BATCHES[-1], count)))

    def _rows(self, rows: NDArray[np.intp]) -> tuple[NDArray[Any], Arrays]:
        samples = self.subject.samples
        pixels = np.ascontiguousarray(samples[IMAGE][rows])
        if pixels.dtype != np.uint8:
            raise VerificationError(f"the real samples to verify on are {pixels.dtype}, not uint8")
        inputs = {spec.name: samples[spec.name][rows].astype(np.int64) for spec in self.subject.inputs}
        return pixels, inputs


def _agree(name: str, task: str, target: TargetSpec, reference: Tensor, answer: Tensor) -> dict[str, Any]:
    """Return how well the answers agree; raise `VerificationError` when a decided one differs."""
    if not (answer.isfinite().all() and reference.isfinite().all()):
        raise VerificationError(f"{name}: task {task!r} is not finite on the real samples")
    count = len(reference)
    if isinstance(target, Image):
        error = (reference.double() - answer.double()).square().reshape(count, -1).mean(dim=1).max().item()
        psnr = _IDENTICAL if error == 0 else min(_IDENTICAL, -10 * math.log10(error))
        if psnr < PICTURES:
            raise VerificationError(
                f"{name}: task {task!r} draws another picture: {psnr:.1f} dB on the worst real sample, "
                f"at least {PICTURES:.0f} dB are needed"
            )
        inside = ((reference > 0) & (reference < 1)).float().mean().item()
        return {"samples": count, "lowest_psnr": psnr, "pixels_not_clamped": inside}
    if isinstance(target, Categorical):
        same = reference.argmax(dim=1) == answer.argmax(dim=1)
        chosen = reference.gather(1, answer.argmax(dim=1, keepdim=True)).squeeze(1)
        decided = reference.amax(dim=1) - chosen > ABSOLUTE + RELATIVE
    elif isinstance(target, Binary):
        same = (reference >= 0.5) == (answer >= 0.5)
        decided = (reference - 0.5).abs() > ABSOLUTE + RELATIVE
    else:
        allowed = ABSOLUTE + RELATIVE * reference.abs()
        same = ((reference - answer).abs() <= allowed).reshape(count, -1).all(dim=1)
        decided = torch.ones_like(same)
    wrong = int((~same & decided).sum())
    if wrong:
        raise VerificationError(
            f"{name}: task {task!r} answers differently on {wrong} of {count} real samples"
        )
    return {"samples": count, "same": int(same.sum()), "too_close_to_call": int((~same).sum())}
