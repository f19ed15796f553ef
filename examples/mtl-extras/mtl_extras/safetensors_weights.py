"""The weights alone, for a program that has the model."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from mtl.contracts import (
    Exporter,
    ExportReport,
    ExportSubject,
    UsageError,
    VerificationError,
    write_bytes,
)

BATCHES = (1, 2, 7, 64)
Tolerance = Annotated[float, Field(ge=0, description="Largest difference of a prediction that passes.")]


class SafetensorsWeights(Exporter):
    """Writes the state of the model, with what mtl knows about it as JSON in the file's metadata.

    It is verified by loading it into a copy of the model whose own numbers were wiped out first.
    """

    suffix = ".safetensors"

    def __init__(self, *, tolerance: Tolerance = 1e-5) -> None:
        self.tolerance = tolerance

    def export(self, subject: ExportSubject, path: Path) -> ExportReport:
        """Write the weights to `path`, in one piece, once they are verified.

        Raises `VerificationError` when they do not give the model's predictions, `UsageError` when
        the folder does not exist; whatever was at `path` is then untouched.
        """
        if path.is_dir() or not path.parent.is_dir():
            raise UsageError(f"cannot write {path}", hint="name a file in an existing folder")
        # Clones: the format refuses tensors that share memory, and a state may hold such.
        state = {name: value.detach().clone().contiguous() for name, value in _state(subject).items()}
        metadata = json.dumps(dict(subject.metadata), default=str)
        data = save(state, metadata={"mtl": metadata})
        verification = self._compare(subject, data, path.name)
        write_bytes(path, data)
        return ExportReport((path,), verification)

    def verify(self, subject: ExportSubject, path: Path) -> Mapping[str, Any]:
        """Compare the weights at `path` with the model's; raise `VerificationError` when they differ."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
        return self._compare(subject, data, path.name)

    def _compare(self, subject: ExportSubject, data: bytes, name: str) -> dict[str, Any]:
        restored = copy.deepcopy(subject.model)
        with torch.no_grad():
            for value in restored.state_dict().values():
                value.zero_()
        try:
            restored.load_state_dict(load(data))
        except (SafetensorError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise VerificationError(f"{name} does not hold this model's weights: {reason}") from error
        worst = dict.fromkeys(subject.targets, 0.0)
        for count in BATCHES:
            expected, got = _answers(subject, subject.model, count), _answers(subject, restored, count)
            for task, answer in expected.items():
                difference = float((got[task] - answer).abs().max())
                # Written so that a number that is none fails, too.
                if not difference <= self.tolerance:
                    raise VerificationError(
                        f"{name} does not compute what the model computes: {task!r} is {difference:.3g} off"
                    )
                worst[task] = max(worst[task], difference)
        return {"passed": True, "batches": list(BATCHES), "largest_difference": worst}


def _state(subject: ExportSubject) -> Mapping[str, Tensor]:
    state: Mapping[str, Tensor] = subject.model.state_dict()
    return state


@torch.no_grad()
def _answers(subject: ExportSubject, model: torch.nn.Module, count: int) -> dict[str, Tensor]:
    samples = {name: torch.from_numpy(column[:count]) for name, column in subject.samples.items()}
    image = samples.pop("image").float() / 255
    raw = model.eval()(image, samples)
    return {task: target.predict(raw[task]) for task, target in subject.targets.items()}
