"""A folder with a model for another runtime, opened there: what it says about itself, and how it is run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...core.base.errors import MissingRequirementError, UsageError, VerificationError
from ...core.base.files import read_bytes, read_json, reading
from ...core.base.shapes import shown_shape
from ...core.discovery.answer_forms import Forms
from ..folder import SUMS, check_folder
from ..metadata import ModelCard
from ..model_file import LARGEST
from .environment import existing_python
from .process import Worker, WorkerError, feed_of
from .runtime import RUNTIMES_ELSEWHERE, Runtime

MANIFEST = "runtime.json"
"""What a folder says about itself: the runtime, the batch, what was rounded, and the model's metadata."""

PROOF = "verify.json"
_AGAIN = "export the run again"


@dataclass(frozen=True)
class Manifest:
    """What `runtime.json` says, checked."""

    runtime: Runtime
    properties: Mapping[str, str]
    told: Mapping[str, Any]
    card: ModelCard

    @classmethod
    def of(cls, folder: Path, forms: Forms | None = None) -> Manifest:
        """Read it; raise `UsageError` that names the file when it is missing, or not of ours."""
        path = folder / MANIFEST
        with reading(path, "the account of a model for another runtime", hint=_AGAIN):
            found = read_json(path, "the account of a model for another runtime", hint=_AGAIN)
            name, properties, told = found["runtime"], found["properties"], found["told"]
            if name not in RUNTIMES_ELSEWHERE:
                raise ValueError(f"it names the runtime {name!r:.40}, which this mtl does not know")
            if not all(isinstance(value, str) for value in properties.values()) or not isinstance(told, dict):
                raise ValueError("its values have other types than they should")
            card = ModelCard.from_properties(properties, forms)
        return cls(RUNTIMES_ELSEWHERE[name], properties, told, card)


def runtime_named(path: Path) -> str | None:
    """Return the runtime that a folder says it is for; None where it says none, or is no such folder."""
    if not ((path / MANIFEST).is_file() and (path / SUMS).is_file()):
        return None
    with suppress(UsageError):
        found = read_json(path / MANIFEST, "the account of a model for another runtime", hint=_AGAIN)
        if isinstance(found, dict) and isinstance(found.get("runtime"), str):
            return str(found["runtime"])
    return None


class Elsewhere:
    """A published folder, opened in its runtime.

    `python` runs it (None: the one that has the runtime), with `memory` bytes for its numbers (0: not
    bounded). `complete` is false while it is being written and has no sums yet. Raises `VerificationError`
    when it is damaged or the runtime does not open it, `UsageError` when it is no such folder, and
    `MissingRequirementError` when the runtime is not there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "",
        python: Path | None = None,
        memory: int = 0,
        threads: int = 0,
        forms: Forms | None = None,
        complete: bool = True,
    ) -> None:
        self.name = name or folder.name
        if complete:
            check_folder(folder)
        manifest = Manifest.of(folder, forms)
        self.runtime = manifest.runtime
        self.properties = manifest.properties
        self.card = manifest.card
        self.told = manifest.told
        self.data = b"".join(self._content(folder / file) for file in self.runtime.files)
        self.outputs = [output.name for output in self.card.outputs]
        if not self.runtime.proven:
            raise MissingRequirementError(
                f"{self.name} is not proven here: {self.runtime.title} runs on other systems alone",
                hint="compare its answers there with those of model.onnx",
            )
        self._worker = Worker(self.runtime, python or existing_python(self.runtime), threads)
        facts = {**facts_of(self.card), **self.told}
        try:
            allowed = memory and memory + 4 * len(self.data)
            self._interface = self._worker.open(folder, facts, allowed)
        except WorkerError as error:
            raise VerificationError(
                f"{self.name} cannot be opened in {self.runtime.title}: {error}", hint=_AGAIN
            ) from None

    @property
    def version(self) -> str:
        """The version of the runtime."""
        return self._worker.version

    def check_contents(self) -> None:
        """A folder holds what its sums name; the runtime's own formats hold no notes of ours."""

    def check_interface(self) -> None:
        """Raise `VerificationError` when inputs or outputs are not those that the metadata promises.

        A runtime that does not name them is not asked.
        """
        if problem := interface_problem(self._interface, self.card, self.runtime):
            raise VerificationError(f"{self.name}: {problem}")

    def run(self, feed: Mapping[str, NDArray[Any]], case: str = "real samples") -> dict[str, NDArray[Any]]:
        """Return the outputs by name."""
        try:
            return self._worker.run(feed_of(self.card.input_names, feed), self.outputs)
        except WorkerError as error:
            raise VerificationError(f"{self.name} cannot be run ({case}): {error}") from None

    def infer(self, feed: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the outputs by name; `WorkerError` when the runtime cannot."""
        return self._worker.run(feed_of(self.card.input_names, feed), self.outputs)

    def times(self, feed: Mapping[str, NDArray[Any]], seconds: float, limit: float) -> list[float]:
        """Return the seconds of each of many calls."""
        try:
            return self._worker.times(feed_of(self.card.input_names, feed), seconds, limit)
        except WorkerError as error:
            raise UsageError(f"{self.name} cannot be measured: {error}") from None

    def stop(self) -> None:
        """End the runtime's process, whatever it is doing."""
        self._worker.stop()

    def close(self) -> None:
        """End the runtime's process."""
        self._worker.close()

    def _content(self, path: Path) -> bytes:
        hint, error = _AGAIN, VerificationError
        return read_bytes(path, f"a file of {self.runtime.title}", hint=hint, most=LARGEST, error=error)


def facts_of(card: ModelCard) -> dict[str, Any]:
    """Return what a runtime is told of a model: names in order, shapes without the batch, types."""
    image = [(card.image.shape, card.pixels)] if card.image else []
    inputs = [*image, *((tuple(spec.shape), spec.dtype) for spec in card.inputs)]
    return {
        "inputs": list(card.input_names),
        "shapes": [[list(shape), dtype] for shape, dtype in inputs],
        "outputs": [output.name for output in card.outputs],
        "answers": [list(output.target.output_shape) for output in card.outputs],
    }


def interface_problem(found: Mapping[str, Any], card: ModelCard, runtime: Runtime) -> str | None:
    """Return how a model's inputs and outputs differ from the card, or None.

    `found` has `inputs` and `outputs`, each a list of name and shape, the batch None where it is any; what a
    runtime does not tell is missing.
    """
    facts = facts_of(card)
    shapes = {"inputs": [shape for shape, _ in facts["shapes"]], "outputs": facts["answers"]}
    for role, promised in shapes.items():
        if role not in found:
            continue
        names = [name for name, _ in found[role]]
        if names != facts[role]:
            return f"its {role} are {', '.join(map(str, names))}, not {', '.join(facts[role])}"
        for (name, shape), wanted in zip(found[role], promised, strict=True):
            if shape is not None and shape != [runtime.batch, *wanted]:
                promise = shown_shape([runtime.batch, *wanted])
                return f"{role[:-1]} {name!r} has shape {shown_shape(shape)}, not {promise}"
    return None
