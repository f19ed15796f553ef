"""int8 with fine-tuning: the model is trained on, rounded as its file will be, before it is rounded.

The weights that it then has lie beside the file, and its metadata hold their sum: what is rounded is known to
the last bit. The answers and the quality are judged against those of the trained model, as without.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load, save
from torch import nn

from ..core.base.errors import UsageError, VerificationError
from ..core.base.files import read_bytes, reading, sha256
from ..core.contracts import Arrays, ExportSubject
from .candidate import Candidate
from .export import Export
from .metadata import IMAGE
from .model_file import LARGEST
from .onnx_model import build_model, file_of
from .precision import FineTuning
from .quality import measure_change
from .rounded_layers import rounded, seen_layers
from .side_by_side import predicting
from .variants import build_variant, calibration_feed

_PART = 64
"""Samples at once."""


def weights_path(path: Path) -> Path:
    """Return where the weights of a fine-tuned file lie.

    >>> weights_path(Path("small.onnx")).name
    'small.fine-tuned.safetensors'
    """
    return path.with_name(f"{path.stem}.fine-tuned.safetensors")


def fine_tuned(export: Export, epochs: int, name: str) -> tuple[Export, bytes]:
    """Return an int8 export whose model was trained on for some epochs, and its weights as a file.

    Raises `UsageError` when there is no data to train on; messages call the file `name`.
    """
    tuner = export.subject.tuner
    if tuner is None:
        raise UsageError("fine_tune needs the data of the run, and there is none")
    feed = calibration_feed(replace(export, pixels="float32"))
    tasks = [task for task in export.subject.targets if task not in export.precision.keep_float]

    @contextmanager
    def within(model: nn.Module) -> Iterator[None]:
        layers = seen_layers(model, lambda: _run(model, feed, tasks)) if tasks else {}
        with rounded(layers):
            yield

    # safetensors writes an array's memory as it lies there, whatever its strides say.
    weights = tuner.tuned(epochs, within).items()
    content = save({name: np.asarray(value, order="C") for name, value in weights})
    told = FineTuning(epochs, sha256(content))
    before = _lost(export, name)
    precision = replace(export.precision, fine_tuning=told)
    found = replace(export, precision=precision, base=None, before_tuning=before)
    found = replace(found, tuned=_tuned_subject(export.subject, content))
    return replace(found, base=build_model(found)), content


def with_weights(export: Export, path: Path) -> Export:
    """Return an export that says it was fine-tuned with the weights beside its file at `path`.

    Raises `VerificationError` unless they are there, those that the file names, and of this model.
    """
    told = export.precision.fine_tuning
    if told is None:
        return export
    weights = weights_path(path)
    hint = f"{path.name} was fine-tuned: keep {weights.name} beside it, or export it again"
    content = read_bytes(
        weights, "the weights of a fine-tuned model", hint=hint, most=LARGEST, error=VerificationError
    )
    if sha256(content) != told.sha256:
        raise VerificationError(
            f"{weights} is not what {path.name} was made from: its sum differs", hint=hint
        )
    with reading(weights, "the weights of a fine-tuned model", hint=hint, error=VerificationError):
        return replace(export, tuned=_tuned_subject(export.subject, content))


def _tuned_subject(subject: ExportSubject, content: bytes) -> ExportSubject:
    if subject.tuner is None:
        raise VerificationError("a fine-tuned file cannot be proven without the data of its run")
    return subject.with_model(subject.tuner.model(load(content)))


def _run(model: nn.Module, feed: Arrays, tasks: Sequence[str]) -> None:
    """Let a model answer some tasks for samples, a few at a time."""
    count = min(len(values) for values in feed.values())
    for start in range(0, count, _PART):
        part = {
            name: torch.from_numpy(np.ascontiguousarray(values[start : start + _PART]))
            for name, values in feed.items()
        }
        image = part.pop(IMAGE, None)
        model(torch.zeros(len(next(iter(part.values()))), 0, 0, 0) if image is None else image, part, tasks)


def _lost(export: Export, name: str) -> dict[str, dict[str, object]]:
    """Return what each task loses in eight bits without fine-tuning, all operators rounded."""
    candidate = Candidate(file_of(build_variant(export)), name, forms=export.forms)
    return measure_change(export.subject, predicting(candidate, export), export.precision, name)
