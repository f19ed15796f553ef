"""Running an exported file without torch: from images to answers a person can read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime import RunOptions

from ..core.base.errors import MissingRequirementError, UsageError, VerificationError, suggest
from ..core.base.files import reading
from ..core.base.shapes import BATCH, shown_shape
from ..core.contracts import Described
from ..core.contracts.inputs import ModelInput, VectorSpec, numbers_among
from ..core.discovery.answer_forms import Forms
from .card_values import MOST_NUMBERS
from .given import given_values, rows_given
from .metadata import IMAGE, ModelCard, Output
from .model_file import read_model
from .proof import check_proof
from .seal import unbroken
from .session import (
    ALLOWED,
    allowed,
    check_seal,
    interface_problem,
    is_out_of_memory,
    open_session,
    run_options,
)

FEWEST = 10
"""Calls that a latency is measured by, at least."""

AGAIN = "export the run again"


def _refuse_archive(path: Path, data: bytes) -> None:
    """Raise `UsageError` for an archive, as torch's programs are: it is sound, and no ONNX file."""
    if data.startswith(b"PK\x03\x04"):
        raise UsageError(
            f"{path} is an archive, as a torch program is, and no ONNX file",
            hint="torch.export.load reads a torch program; mtl export --format onnx writes an ONNX file",
        )


class ExportedModel:
    """A model read from an exported file; everything it needs to know is inside the file.

    It may use `memory` bytes for its numbers, and some beside them that follow from the size of the file.
    `forms` of answers are known beside those of the installed plugins.
    Raises `UsageError`, naming the file and the reason, when it cannot be read or is not one of ours, and
    `VerificationError` when it is damaged, or not the one that a proof beside it proves; and
    `MissingRequirementError`, naming the plugin, when it answers in a form of one that is not there.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        threads: int = 0,
        spin: int | None = None,
        memory: int = ALLOWED,
        forms: Forms | None = None,
    ) -> None:
        self.path = Path(path)
        self._memory = memory
        self._options = run_options()
        data = read_model(self.path)
        _refuse_archive(self.path, data)
        check_seal(data, str(self.path))
        check_proof(self.path, data)
        with reading(self.path, "an ONNX file", hint=f"{AGAIN}: the file is damaged or something else"):
            self._session = open_session(data, threads=threads, spin=spin, memory=allowed(data, memory))
        try:
            self.card = ModelCard.from_properties(self._session.get_modelmeta().custom_metadata_map, forms)
        except MissingRequirementError as error:
            raise MissingRequirementError(f"{self.path}: {error.message}", hint=error.hint) from error
        except ValueError as error:
            raise UsageError(f"{self.path} is not a model exported by mtl: {error}") from error
        if problem := interface_problem(self._session, self.card):
            raise UsageError(f"{self.path} is not a model exported by mtl: {problem}")
        if unbroken(data) is None:
            raise VerificationError(
                f"{self.path} has no sum: it was written by an earlier mtl, or changed since", hint=AGAIN
            )
        self._names = [output.name for output in self.card.outputs]

    def run(self, images: NDArray[Any] | None = None, /, **inputs: Any) -> dict[str, NDArray[np.float32]]:
        """Return each output by task name, float32 `[N, ...]`.

        `images` is `[N, C, H, W]`, uint8 or float32 in 0..1, and left out where the model reads none. Each
        other input is a whole number, or one per sample; or the rows of a vector: real numbers
        `[N, width]` as the card orders them, or a mapping by column for each sample (`VectorSpec.encode`).
        Raises `UsageError` when shapes, types, ranges or names do not fit.
        """
        if (images is None) == bool(self.card.image):
            wanted = "reads images" if self.card.image else "reads no images, only vectors"
            raise UsageError(f"{self.path} {wanted}", hint=f"its inputs: {', '.join(self.card.input_names)}")
        feed = {} if images is None else {IMAGE: self._pixels(np.asarray(images))}
        count = len(feed[IMAGE]) if feed else rows_given(self.card.inputs, inputs)
        return self.infer(feed | self.check_inputs(inputs, count))

    def infer(
        self, feed: Mapping[str, NDArray[Any]], options: RunOptions | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Return each output by task name, for inputs that are known to fit the model: they are not checked.

        `options` are made by `run_options`; their `terminate`, set by another thread, ends the run. Raises
        `VerificationError`, naming the task, when an answer has another shape than promised or is not finite,
        and `UsageError` when the model cannot be run.
        """
        with reading(self.path, "a model that runs here", hint=AGAIN):
            try:
                found = self._computed(feed, options or self._options)
            except Exception as error:
                if is_out_of_memory(error):
                    raise self._too_large() from None
                raise
        rows = len(next(iter(feed.values())))
        for output in self.card.outputs:
            self._check_answer(output, found[output.name], rows)
        return found

    def _computed(self, feed: Mapping[str, NDArray[Any]], options: RunOptions) -> dict[str, NDArray[Any]]:
        """Return the outputs by name as the runtime gives them; whatever it raises passes through."""
        return dict(zip(self._names, self._session.run(self._names, feed, options), strict=True))

    def stop(self) -> None:
        """End the run that is under way, and all later ones that are given no options."""
        self._options.terminate = True

    def _too_large(self) -> UsageError:
        return UsageError(
            f"{self.path} needs more than {self._memory // 2**20:,} MiB for its numbers",
            hint="allow more with --memory, if you trust the file; a smaller --batch needs less",
        )

    def _check_answer(self, output: Output, values: NDArray[Any], rows: int) -> None:
        wanted = (rows, *output.target.output_shape)
        if values.shape != wanted:
            wrong = f"answers with shape {list(values.shape)}, not {list(wanted)} as it says"
        elif not np.isfinite(values).all():
            wrong = "answers with numbers that are not finite"
        else:
            return
        raise VerificationError(f"{self.path}: task {output.name!r} {wrong}", hint=AGAIN)

    def most_images(self, numbers: int = MOST_NUMBERS) -> int:
        """Return how many samples fit into the numbers that are held at once; at least one."""
        sizes = [prod(self.card.image.kept_shape), *(prod(item.shape) for item in self.card.inputs)]
        return max(1, numbers // max(sizes))

    @property
    def runtime(self) -> str:
        """The runtime that computes, with its version."""
        return f"onnxruntime {onnxruntime.__version__}"

    @property
    def size(self) -> int:
        """The bytes of the model."""
        return self.path.stat().st_size

    def times(self, feed: Mapping[str, NDArray[Any]], seconds: float) -> list[float]:
        """Return the seconds of each of at least `FEWEST` calls, which take at least `seconds` together."""
        run, taken = self.raw_runner(), list[float]()
        while len(taken) < FEWEST or sum(taken) < seconds:
            began = time.perf_counter()
            run(feed)
            taken.append(time.perf_counter() - began)
        return taken

    def raw_runner(self) -> Callable[[Mapping[str, NDArray[Any]]], list[NDArray[np.float32]]]:
        """Return onnxruntime's own call, unchecked: inputs by name to outputs in order."""
        return lambda feed: list(self._session.run(self._names, feed, self._options))

    def answers(
        self, outputs: Mapping[str, NDArray[Any]], images: NDArray[np.uint8] | None = None
    ) -> list[dict[str, Described]]:
        """Return, for each sample, the readable answer of every task to what `run` returned.

        What is best seen over the image, as points are, is drawn there where the images are given.
        """
        columns = []
        for output in self.card.outputs:
            values = outputs[output.name]
            predictions = output.target.predict_array(values) if output.raw else values
            drawing = output.target.drawing
            said = drawing.describe(predictions)
            columns.append(said if images is None else drawing.over(said, images))
        return [dict(zip(self._names, row, strict=True)) for row in zip(*columns, strict=True)]

    def check_inputs(self, inputs: Mapping[str, Any], count: int) -> dict[str, NDArray[Any]]:
        """Return the inputs beside the image, `[count, ...]`; `UsageError` for a missing or wrong one."""
        return self._checked({spec.name: spec for spec in self.card.inputs}, inputs, count)

    def check_numbers(self, numbers: Mapping[str, int]) -> None:
        """Raise `UsageError` unless these are the whole numbers that the model reads."""
        self._checked({spec.name: spec for spec in numbers_among(self.card.inputs)}, numbers, 1)

    def _checked(
        self, specs: Mapping[str, ModelInput], inputs: Mapping[str, Any], count: int
    ) -> dict[str, NDArray[Any]]:
        for name in inputs:
            if name not in specs:
                raise UsageError(
                    f"{self.path} has no input {name!r}", hint=suggest(name, list(specs), "extra inputs")
                )
        for name, spec in specs.items():
            if name not in inputs:
                raise UsageError(f"{self.path} needs the input {_described(spec)}", hint=_hint(spec))
        return {name: given_values(specs[name], value, count) for name, value in inputs.items()}

    def _pixels(self, images: NDArray[Any]) -> NDArray[Any]:
        wanted = self.card.image.shape
        if images.ndim != 4 or images.shape[1:] != wanted:
            read = shown_shape([BATCH, *wanted])
            raise UsageError(f"images have shape {shown_shape(images.shape)}; the model reads {read}")
        if images.dtype == np.uint8:
            if self.card.pixels == "uint8":
                return images
            return scaled_pixels(images)
        if self.card.pixels == "uint8" or images.dtype.kind != "f":
            readable = " or ".join(dict.fromkeys((self.card.pixels, "uint8")))
            raise UsageError(f"pixels are {images.dtype}; the model reads {readable}")
        # Written so that NaN fails it too.
        if not ((images >= 0) & (images <= 1)).all():
            raise UsageError("pixels are outside 0..1")
        return images.astype(np.float32)


def scaled_pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return pixels 0..255 as the numbers in 0..1 that a model reads, the same ones as in training."""
    return np.asarray(np.divide(images, np.float32(255), dtype=np.float32))


def _described(spec: ModelInput) -> str:
    if isinstance(spec, VectorSpec):
        return f"{spec.name!r} ({', '.join(spec.columns)})"
    about = f": {spec.description}" if spec.description else ""
    return f"{spec.name!r} (0..{spec.count - 1}{about})"


def _hint(spec: ModelInput) -> str:
    vector = isinstance(spec, VectorSpec)
    return "name a table with these columns" if vector else f"pass --input {spec.name}=VALUE"
