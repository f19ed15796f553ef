"""An exported file and the trained model, run side by side on the same inputs.

The reference comes from the subject's own model, not from what was handed to the exporter, so a wrong
wrapper, a dropped normalisation or swapped outputs show up as different numbers.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core.base.errors import VerificationError
from ..core.contracts import Arrays, ExportSubject, Predict
from ..core.contracts.inputs import numbers_among, vectors_among
from ..core.contracts.randomness import generator
from .agreement import agreement_of
from .candidate import reason
from .conditioning import MOST, ROUNDINGS, TURNS, rounded_otherwise
from .export import Export
from .metadata import IMAGE
from .precision import TOLERANCES, Tolerance
from .session import ALLOWED
from .variants import fed

BATCHES = (1, 2, 7, 64)
LARGE = 1000
"""Once, with real samples repeated: what only shows in a large batch."""

MOST_BYTES = 1 << 29
"""What images and the numbers inside the model may take in the large batch: smaller where they are many."""

_COPIES = 8
"""Times that images are held while they are made, fed and read."""

KINDS = {"real": "real samples", "random": "random pixels", "zeros": "black images", "ones": "white images"}


_COARSE = (
    "calibrate on more samples (calibration=N), keep a task's layers in float (keep_float), or use float16"
)


_UNSTEADY = (
    "the trained model's own answers move by {moved:.2g} when its weights are rounded otherwise: "
    "the training nearly diverged; a smaller learning rate or more epochs help"
)


_NUMBERS = 2**20
"""Numbers that are compared at once."""


class _Part(NamedTuple):
    """Of some rows: the largest difference, what is allowed there, whether any is beyond, the least slack."""

    difference: float
    allowed: float
    beyond: bool
    least: float


class Runnable(Protocol):
    """An exported file that has been opened."""

    name: str

    def run(self, feed: Arrays, case: str = ...) -> dict[str, NDArray[Any]]:
        """Return the outputs by name; `VerificationError` when it cannot be run."""
        ...


@dataclass(frozen=True)
class Difference:
    """The largest difference of one output in one case, in units of what is allowed there."""

    output: str
    batch: int
    kind: str
    difference: float
    allowed: float

    @property
    def excess(self) -> float:
        """More than 1 is too much."""
        return self.difference / self.allowed

    def to_json(self) -> dict[str, Any]:
        """Return the difference as plain JSON values."""
        return {
            "output": self.output,
            "batch": self.batch,
            "kind": self.kind,
            "difference": self.difference,
            "allowed": self.allowed,
        }


class SideBySide:
    """The model and an exported file, run side by side; `batches` are the sizes compared.

    `tolerance` is what they may differ by (None: what the file's precision allows).
    """

    def __init__(
        self,
        export: Export,
        candidate: Runnable,
        batches: tuple[int, ...] = (*BATCHES, LARGE),
        tolerance: Tolerance | None = None,
    ) -> None:
        subject = export.subject
        self.export = export
        self.subject = subject
        self.candidate = candidate
        self.batches = batches
        self.tolerance = tolerance or TOLERANCES[export.precision.type]
        self.model: nn.Module = copy.deepcopy(subject.model).cpu().eval()
        self.moved: dict[str, float] = {}
        names = (IMAGE, *(spec.name for spec in subject.inputs))
        if missing := [name for name in names if name not in subject.samples]:
            raise VerificationError(f"the real samples to verify on lack {', '.join(map(repr, missing))}")
        if len(subject.samples[IMAGE]) == 0:
            raise VerificationError("there are no real samples to verify on")

    def numbers(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Compare every case; return the table of differences and the worst of them.

        Raises `VerificationError` when a difference is not allowed.
        """
        cases, worst = [], None
        for batch in dict.fromkeys(self._fitting(batch) for batch in self.batches):
            for kind in KINDS if batch <= BATCHES[-1] else ("real",):
                found = self._compare(batch, kind)
                differences = {item.output: item.difference for item in found}
                cases.append({"batch": batch, "kind": kind, "differences": differences})
                for item in found:
                    worst = item if worst is None or item.excess > worst.excess else worst
        if not self.tolerance.elementwise:
            worst = max(self._deviations(), key=lambda item: item.excess, default=None)
        if worst is None or not worst.excess <= 1.0:
            raise self._unequal(worst)
        return cases, worst.to_json()

    def _fitting(self, batch: int) -> int:
        """Return the batch, or the largest one that fits into `MOST_BYTES`; up to 64 images always do."""
        if batch <= BATCHES[-1]:
            return batch
        return max(BATCHES[-1], min(batch, MOST_BYTES // self._bytes_per_sample))

    def most_bytes(self) -> int:
        """Return the bytes of images and the numbers inside the model in the largest batch."""
        return max(map(self._fitting, self.batches)) * self._bytes_per_sample

    @cached_property
    def _bytes_per_sample(self) -> int:
        """The bytes of one real sample and of everything that the model's layers answer to it."""
        sizes: list[int] = []

        def note(layer: nn.Module, given: Any, answer: Any) -> None:
            if isinstance(answer, Tensor):
                sizes.append(answer.nbytes)

        layers = [layer for layer in self.model.modules() if not list(layer.children())]
        hooks = [layer.register_forward_hook(note) for layer in layers]
        try:
            self._reference(*self._rows(np.arange(1)))
        finally:
            for hook in hooks:
                hook.remove()
        return max(1, _COPIES * 4 * prod(self.subject.image.kept_shape) + sum(sizes))

    def agreement(self) -> dict[str, Any]:
        """Compare the answers to all real samples; return one summary per task."""
        found = {}
        for task, target in self.subject.targets.items():
            answer = torch.from_numpy(self._answers[task])
            answer = target.predict(answer) if self.export.raw else answer
            expected = target.predict(self._expected[task])
            units, name = self.subject.units.get(task), self.candidate.name
            slack = ROUNDINGS * self.moved.get(task, 0.0)
            found[task] = agreement_of(name, task, target, expected, answer, self.tolerance, units, slack)
        return found

    @cached_property
    def _expected(self) -> Mapping[str, Tensor]:
        """The model's raw outputs for all real samples."""
        parts = [self._reference(pixels, inputs) for pixels, inputs in self._all_samples()]
        return {task: torch.cat([part[task] for part in parts]) for task in self.subject.targets}

    @cached_property
    def _answers(self) -> Arrays:
        """The file's outputs for all real samples."""
        parts = [self.candidate.run(self._feed(pixels, inputs)) for pixels, inputs in self._all_samples()]
        return {task: np.concatenate([part[task] for part in parts]) for task in self.subject.targets}

    def _compare(self, batch: int, kind: str) -> list[Difference]:
        if kind == "real":
            rows = np.arange(batch) % len(self.subject.samples[IMAGE])
            pixels, inputs = self._rows(rows)
            raw: Mapping[str, Tensor] = {task: value[rows] for task, value in self._expected.items()}
        else:
            pixels, inputs = self._case(batch, kind)
            raw = self._reference(pixels, inputs)
        outputs = self.candidate.run(self._feed(pixels, inputs), f"batch {batch}, {KINDS[kind]}")
        found = []
        for task, target in self.subject.targets.items():
            expected = (raw[task] if self.export.raw else target.predict(raw[task])).numpy()
            place = f"output {task!r} (batch {batch}, {KINDS[kind]})"
            if not np.isfinite(expected).all():
                raise VerificationError(f"the trained model itself is not finite: {place}")
            if task not in outputs:
                raise VerificationError(f"{self.candidate.name} has no {place}")
            actual = outputs[task]
            if actual.shape != expected.shape:
                raise VerificationError(
                    f"{self.candidate.name}: {place} has shape {list(actual.shape)}, "
                    f"not {list(expected.shape)}"
                )
            if not np.isfinite(actual).all():
                raise VerificationError(f"{self.candidate.name} is not finite: {place}")
            slack, parts = 0.0, list(self._parts(task, actual, expected))
            if self.tolerance.elementwise and any(part.beyond for part in parts):
                least = min(part.least for part in parts)
                slack = self._rounding(task, pixels, inputs, expected, least)
                parts = list(self._parts(task, actual, expected, slack))
            found.append(
                max((Difference(task, batch, kind, *part[:2]) for part in parts), key=lambda one: one.excess)
            )
        return found

    def _parts(
        self, task: str, actual: NDArray[Any], expected: NDArray[Any], slack: float = 0.0
    ) -> Iterator[_Part]:
        """Yield the largest difference of some rows after the other: in float64 all take much memory."""
        rows = max(1, _NUMBERS * len(expected) // expected.size)
        for start in range(0, len(expected), rows):
            exact = expected[start : start + rows].astype(np.float64)
            difference = np.abs(actual[start : start + rows] - exact)
            allowed = self.tolerance.allowed(exact, self.subject.units.get(task)) + slack
            at = int(np.argmax(difference / allowed))
            beyond = bool((difference > allowed).any())
            largest = (float(difference.reshape(-1)[at]), float(allowed.reshape(-1)[at]))
            yield _Part(*largest, beyond, float(allowed.min()))

    def _rounding(
        self, task: str, pixels: NDArray[Any], inputs: Arrays, expected: NDArray[Any], allowed: float
    ) -> float:
        """Return what the model's own rounding adds to what a task's answers may differ by in a case."""
        moved = 0.0
        for model in self._rounded_otherwise:
            raw = self._reference(pixels, inputs, model)[task]
            answer = (raw if self.export.raw else self.subject.targets[task].predict(raw)).numpy()
            moved = max(moved, float(np.abs(answer - expected).max()))
        self.moved[task] = max(self.moved.get(task, 0.0), moved)
        return min(ROUNDINGS * moved, MOST * allowed)

    @cached_property
    def _rounded_otherwise(self) -> list[nn.Module]:
        return [rounded_otherwise(self.model, turn) for turn in range(TURNS)]

    def _deviations(self) -> Iterator[Difference]:
        """Yield the root mean square of each output's difference over the real samples.

        Of values with units it is in standard deviations.
        """
        count = len(self.subject.samples[IMAGE])
        for task, target in self.subject.targets.items():
            raw = self._expected[task]
            expected = (raw if self.export.raw else target.predict(raw)).numpy()
            answer, units = self._answers[task], self.subject.units.get(task)
            mean = expected.mean(axis=0, dtype=np.float64)
            spread, deviation = 0.0, 0.0
            # Row by row: in float64 all would take much memory.
            for given, said in zip(answer, expected, strict=True):
                scale = 1.0 if units is None else units.std
                spread += float(np.square((said - mean) / scale).mean())
                deviation += float(np.square((given.astype(np.float64) - said) / scale).mean())
            allowed = self.tolerance.absolute + self.tolerance.relative * math.sqrt(spread / count)
            yield Difference(task, count, "real", math.sqrt(deviation / count), allowed)

    def _unequal(self, worst: Difference | None) -> VerificationError:
        if worst is None:
            return VerificationError(f"{self.candidate.name}: nothing was compared")
        mean = "" if self.tolerance.elementwise else " (root mean square)"
        moved = self.moved.get(worst.output, 0.0)
        unsteady = moved > worst.allowed / ROUNDINGS / 2
        return VerificationError(
            f"{self.candidate.name} does not compute what the trained model computes: "
            f"output {worst.output!r} differs by {worst.difference:.3g}{mean} at batch {worst.batch}, "
            f"{KINDS[worst.kind]}; allowed there: {worst.allowed:.3g}",
            hint=_UNSTEADY.format(moved=moved)
            if unsteady
            else None
            if self.tolerance.elementwise
            else _COARSE,
        )

    def _reference(
        self, pixels: NDArray[Any], inputs: Arrays, model: nn.Module | None = None
    ) -> Mapping[str, Tensor]:
        """Return raw outputs of the trained model (or of `model`), on the CPU, in evaluation mode."""
        image = torch.from_numpy(pixels)
        image = image.float().div_(255.0) if image.dtype == torch.uint8 else image
        try:
            with torch.inference_mode():
                raw = (model or self.model)(
                    image, {name: torch.from_numpy(value) for name, value in inputs.items()}
                )
                return {task: raw[task].float() for task in self.subject.targets}
        except Exception as error:  # whatever the model does wrong, nothing has been proven
            raise VerificationError(f"the trained model itself cannot be run: {reason(error)}") from error

    def _feed(self, pixels: NDArray[Any], inputs: Arrays) -> Arrays:
        """Return the inputs as the file reads them."""
        if not self.subject.image:
            return inputs
        if self.export.pixels == "float32" and pixels.dtype == np.uint8:
            floats = pixels.astype(np.float32)
            pixels = np.divide(floats, np.float32(255.0), out=floats)
        return {IMAGE: pixels, **inputs}

    def _case(self, batch: int, kind: str) -> tuple[NDArray[Any], Arrays]:
        source = generator("cpu", 0, "verification", kind, batch)
        shape = (batch, *self.subject.image.kept_shape)
        whole = self.export.pixels == "uint8"
        if kind == "random":
            pixels = (
                torch.randint(0, 256, shape, generator=source, dtype=torch.uint8)
                if whole
                else torch.rand(shape, generator=source)
            )
        else:
            value = 0 if kind == "zeros" else 255 if whole else 1
            pixels = torch.full(shape, value, dtype=torch.uint8 if whole else torch.float32)
        inputs: dict[str, NDArray[Any]] = {
            spec.name: torch.randint(0, spec.count, (batch,), generator=source).numpy()
            for spec in numbers_among(self.subject.inputs)
        }
        # Vectors are drawn last: what is drawn before is then the same with and without them.
        for spec in vectors_among(self.subject.inputs):
            random = np.random.default_rng(int(torch.randint(2**31, (), generator=source)))
            inputs[spec.name] = spec.draw(batch, random, self.subject.samples[spec.name])
            if kind == "zeros":
                inputs[spec.name][:] = np.nan
        return pixels.numpy(), inputs

    def _all_samples(self) -> Iterator[tuple[NDArray[Any], Arrays]]:
        count = len(self.subject.samples[IMAGE])
        size = min(BATCHES[-1], max(self.batches))
        for start in range(0, count, size):
            yield self._rows(np.arange(start, min(start + size, count)))

    def _rows(self, rows: NDArray[np.intp]) -> tuple[NDArray[Any], Arrays]:
        samples = self.subject.samples
        pixels = np.ascontiguousarray(samples[IMAGE][rows])
        if pixels.dtype != np.uint8:
            raise VerificationError(f"the real samples to verify on are {pixels.dtype}, not uint8")
        inputs = {spec.name: samples[spec.name][rows].astype(spec.dtype) for spec in self.subject.inputs}
        return pixels, inputs


def memory_for(subject: ExportSubject) -> int:
    """Return how many bytes a file of the model may use for its numbers while it is verified."""
    probe = SideBySide(Export(subject, raw=True), _Unopened())
    return ALLOWED + probe.most_bytes()


class _Unopened:
    """Stands for a file that is not run."""

    name = "the file"

    def run(self, feed: Arrays, case: str = "") -> dict[str, NDArray[Any]]:
        raise NotImplementedError


def predicting(candidate: Runnable, export: Export) -> Predict:
    """Return the file as it predicts: from float32 pixels and extra inputs to predictions by task."""
    names = export.subject.input_names

    def predict(feed: Arrays) -> Arrays:
        outputs = candidate.run(fed({name: feed[name] for name in names}, export.pixels), "a split")
        if not export.raw:
            return outputs
        return {
            task: target.predict(torch.from_numpy(outputs[task])).numpy()
            for task, target in export.subject.targets.items()
        }

    return predict
