"""Writes the file once it was compared with the model, and compares it again."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from mtl.contracts import (
    Exporter,
    ExportReport,
    ExportSubject,
    VerificationError,
    reading,
    write_bytes,
)

from .translation import Predicts, Translation, translated

BATCHES = (1, 2, 7, 64)
Tolerance = Annotated[float, Field(ge=0, description="Largest difference that passes, of numbers up to 1.")]


class NumpySource(Exporter):
    """A Python file that needs NumPy alone, and an .npz file of the same name with its weights.

    Both are written once their predictions were compared with the model's for batches of several sizes.
    Raises `UsageError` for a model with an operation that is not known, `VerificationError` where the answers
    differ.
    """

    suffix = ".py"

    def __init__(self, *, tolerance: Tolerance = 1e-4) -> None:
        self.tolerance = tolerance

    def export(self, subject: ExportSubject, path: Path) -> ExportReport:
        found = translated(subject)
        verification = self._compare(subject, found, path.name)
        content = io.BytesIO()
        np.savez(content, **found.weights)
        write_bytes(path.with_suffix(".npz"), content.getvalue())
        write_bytes(path, found.text.encode())
        return ExportReport((path, path.with_suffix(".npz")), verification)

    def verify(self, subject: ExportSubject, path: Path) -> Mapping[str, Any]:
        """Compare the files with the model. Code is never run because it stands in a file.

        The text must be the one that this model gives; that one is run, with the weights of the file.
        """
        hint = "export the model again"
        with reading(path, "a model in NumPy", hint=hint):
            text = path.read_text(encoding="utf-8")
        with (
            reading(path.with_suffix(".npz"), "weights", hint=hint),
            np.load(path.with_suffix(".npz")) as file,
        ):
            weights = {name: file[name] for name in file.files}
        if text != translated(subject).text:
            raise VerificationError(f"{path.name} is not what this model gives", hint=hint)
        return self._compare(subject, Translation(text, weights), path.name)

    def _compare(self, subject: ExportSubject, found: Translation, name: str) -> dict[str, Any]:
        room: dict[str, Any] = {"__name__": "model"}
        exec(compile(found.text, name, "exec"), room)
        worst = dict.fromkeys(subject.targets, 0.0)
        for count in BATCHES:
            samples = {key: column[:count] for key, column in subject.samples.items()}
            image = samples.pop("image").astype(np.float32) / np.float32(255)
            given = {item.name: samples[item.name] for item in subject.inputs}
            tensors = {key: torch.from_numpy(value) for key, value in given.items()}
            with torch.no_grad():
                expected = Predicts(subject).eval()(torch.from_numpy(image), tensors)
            got = _answers(room["predict"], [image, *given.values()], found.weights, name)
            for task, answer in zip(subject.targets, expected, strict=True):
                scale = max(1.0, float(answer.abs().max()))
                off = float(np.abs(got[task] - answer.numpy()).max()) / scale
                if not off <= self.tolerance:  # a number that is none fails, too
                    raise VerificationError(
                        f"{name} does not answer as the model does: {task!r} is {off:.3g} off"
                    )
                worst[task] = max(worst[task], off)
        return {"passed": True, "batches": list(BATCHES), "largest_difference": worst}


def _answers(
    predict: Any, given: list[Any], weights: Mapping[str, np.ndarray], name: str
) -> dict[str, np.ndarray]:
    try:
        found: dict[str, np.ndarray] = predict(*given, weights=weights)
    except (KeyError, ValueError, TypeError) as error:
        raise VerificationError(f"{name} does not run with its weights: {error}") from error
    return found
