"""An exported model as the protocol sees it: a name, tensors, and metadata."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnxruntime import RunOptions

from ...core.base.errors import UsageError
from ...core.contracts.inputs import ModelInput, VectorSpec
from ...core.discovery.answer_forms import Forms
from ..inference import ExportedModel, scaled_pixels
from ..metadata import IMAGE, PREPARATION, ModelCard, Output, PixelType
from ..session import MOST_MEMORY, run_options
from .batching import Batcher
from .tensors import TensorForm

VERSION = "1"
"""Version of every served model; the protocol lets clients ask for one."""

_SPIN = 10
"""Microseconds: long enough to meet the next piece of work, too short to take a core from others."""
_LARGE = 8
"""Images per request from which computing takes far longer than reading and writing."""

Arrays = Mapping[str, NDArray[Any]]


class ServedModel:
    """A model with its name, its tensors' forms, and the thread that runs it in batches.

    It computes on `threads` cores. Where many small requests arrive, one of them is left to reading and
    writing them, which then takes as long as computing: a second session of the same file does that.
    `observe` hears of every run how many images it had and how many seconds it took. Raises `UsageError` when
    the file cannot be read or computes longer than `limit` seconds.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        threads: int,
        batch: int,
        window: float,
        limit: float,
        forms: Forms | None = None,
        observe: Callable[[int, float], None] | None = None,
    ) -> None:
        self.name = name
        self._observe = observe
        how: dict[str, Any] = {"spin": _SPIN, "memory": MOST_MEMORY, "forms": forms}
        exported = ExportedModel(path, threads=threads, **how)
        batch = min(batch, exported.most_images())
        self._alone = exported.infer
        self._beside = ExportedModel(path, threads=threads - 1, **how).infer if threads > 1 else self._alone
        self.card = exported.card
        self.inputs = {form.name: form for form in _inputs(exported.card)}
        self.outputs = {item.name: _output(item) for item in exported.card.outputs}
        self._meanings = {item.name: _meaning(item) for item in exported.card.outputs}
        self.pictured = bool(exported.card.image) and exported.card.preparation.readable
        # The first runs are slow: memory is planned for each new batch size.
        for rows in (1, batch):
            for infer in (self._alone, self._beside):
                with _within(limit, path) as options:
                    infer(self._zeros(rows), options)
        self.batcher = Batcher(self._run, rows=batch, window=window, limit=limit)

    def pixels(self, pictures: NDArray[np.uint8]) -> NDArray[Any]:
        """Return prepared pictures, uint8 `[N, C, H, W]`, as the input `image` takes them."""
        return pictures if self.card.pixels == "uint8" else scaled_pixels(pictures)

    def close(self) -> None:
        """Finish what is waited for and end the thread that runs the model."""
        self.batcher.close()

    def meaning(self, output: str) -> dict[str, Any]:
        """Return the labels and the units of an output, where it has any."""
        return self._meanings[output]

    def metadata(self) -> dict[str, Any]:
        """Return the model's metadata as the protocol has it, with what each tensor means beside."""
        described = {
            output.name: {"description": output.to_json()["description"]} | self._meanings[output.name]
            for output in self.card.outputs
        }
        for item in self.card.to_json()["inputs"]:
            said = ("description", "range", "numbers", "categories", "missing")
            described[item["name"]] = {key: item[key] for key in said if key in item}
        if PREPARATION in self.card.metadata:
            described[IMAGE][PREPARATION] = self.card.metadata[PREPARATION]
        return {
            "name": self.name,
            "versions": [VERSION],
            "platform": "onnx_onnxv1",
            "inputs": [_tensor(form) | described[form.name] for form in self.inputs.values()],
            "outputs": [_tensor(form) | described[form.name] for form in self.outputs.values()],
        }

    def _run(self, feed: Arrays, requests: int, options: RunOptions) -> Arrays:
        rows = len(next(iter(feed.values())))
        small = requests > 1 and rows < _LARGE * requests
        begun = perf_counter()
        found = (self._beside if small else self._alone)(feed, options)
        if self._observe is not None:
            self._observe(rows, perf_counter() - begun)
        return found

    def _zeros(self, rows: int) -> Arrays:
        dtypes = {"FP32": np.float32, "UINT8": np.uint8, "INT64": np.int64}
        return {
            form.name: np.zeros((rows, *form.shape), dtypes[form.datatype]) for form in self.inputs.values()
        }


@contextmanager
def _within(seconds: float, path: Path) -> Iterator[RunOptions]:
    """Give options that stop a run when the time is up."""
    options = run_options()
    timer = threading.Timer(seconds, setattr, (options, "terminate", True))
    timer.start()
    try:
        yield options
    except Exception as error:
        if not options.terminate:
            raise
        raise UsageError(
            f"{path} did not answer within {seconds:g} s", hint="pass a larger --timeout or a smaller --batch"
        ) from error
    finally:
        timer.cancel()


def _inputs(card: ModelCard) -> tuple[TensorForm, ...]:
    image = (_image(card.pixels, card.image.shape),) if card.image else ()
    return (*image, *(_beside(spec) for spec in card.inputs))


def _image(pixels: PixelType, shape: tuple[int, ...]) -> TensorForm:
    if pixels == "uint8":
        return TensorForm(IMAGE, "UINT8", shape)
    return TensorForm(IMAGE, "FP32", shape, (0, 1))


def _beside(spec: ModelInput) -> TensorForm:
    if isinstance(spec, VectorSpec):
        return TensorForm(spec.name, "FP32", spec.shape, vector=spec)
    return TensorForm(spec.name, "INT64", (), (0, spec.count - 1))


def _output(output: Output) -> TensorForm:
    return TensorForm(output.name, "FP32", output.target.output_shape)


def _tensor(form: TensorForm) -> dict[str, Any]:
    return {"name": form.name, "datatype": form.datatype, "shape": [-1, *form.shape]}


def _meaning(output: Output) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if labels := output.target.labels:
        found["labels"] = list(labels)
    if units := output.target.drawing.unit:
        found["units"] = units
    return found
