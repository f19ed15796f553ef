"""How large and how fast exported ONNX files are, in onnxruntime on this machine. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.base.errors import UsageError
from ..core.base.files import reading
from ..core.discovery.answer_forms import Forms
from ..core.recipe.several_runs import refuse_several, to_export
from .elsewhere.answering import HERE, open_export
from .elsewhere.environment import is_installed
from .elsewhere.opened import runtime_named
from .elsewhere.runtime import RUNTIMES_ELSEWHERE
from .inference import AGAIN, FEWEST, ExportedModel
from .limits import in_time
from .metadata import IMAGE, ModelCard
from .proof import proof_of

WARM_UP = 3


@dataclass(frozen=True)
class Timing:
    """Calls of one batch size: median and 95th percentile in milliseconds, images per second."""

    batch: int
    calls: int
    p50: float
    p95: float
    throughput: float

    def to_json(self) -> dict[str, Any]:
        """Return the timing as plain JSON values."""
        return {
            "batch": self.batch,
            "calls": self.calls,
            "p50_ms": self.p50,
            "p95_ms": self.p95,
            "images_per_second": self.throughput,
        }


@dataclass(frozen=True)
class Bounds:
    """What a file may take: seconds for opening it and for each answer, bytes for its numbers."""

    seconds: float
    memory: int


@dataclass(frozen=True)
class Result:
    """One file: what it is, how large, how fast, and how good on the test split where that is known.

    `metrics` is `{task: (metric, value)}`, the value None where it is not finite.
    """

    path: Path
    runtime: str
    card: ModelCard
    size: int
    timings: tuple[Timing, ...]
    metrics: Mapping[str, tuple[str, float | None]]

    @property
    def precision(self) -> str:
        """What the file computes with."""
        return precision_of(self.card)

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain JSON values."""
        return {
            "file": str(self.path),
            "runtime": self.runtime,
            "precision": self.precision,
            "input": self.card.pixels,
            "tasks": [output.name for output in self.card.outputs],
            "bytes": self.size,
            "timings": [timing.to_json() for timing in self.timings],
            "metrics": {task: {name: value} for task, (name, value) in self.metrics.items()},
        }


def files_of(targets: Sequence[Path]) -> list[Path]:
    """Return the models that targets stand for: files, and folders (runs, bundles, Triton's) with files.

    Folders for other runtimes are such models; within a run, those whose runtime is installed.
    Raises `UsageError` for a target that does not exist or holds none.
    """
    found: list[Path] = []
    for target in targets:
        if target.is_dir():
            inside = sorted(target.glob("*.onnx"), key=lambda path: (path.name != "model.onnx", path.name))
            # A Triton repository holds MODEL/VERSION/model.onnx.
            inside = inside or sorted(target.glob("*/*/model.onnx"))
            inside += [target] if runtime_named(target) else sorted(filter(_runs_here, target.iterdir()))
            if not inside:
                refuse_several(target)
                hint = to_export(target) or "export the run first: mtl export RUN"
                raise UsageError(f"{target} holds no ONNX file", hint=hint)
            found += inside
        elif target.exists():
            found.append(target)
        else:
            raise UsageError(f"{target} does not exist", hint="name exported files, runs or bundles")
    return list(dict.fromkeys(found))


def _runs_here(path: Path) -> bool:
    """Whether a folder is one for another runtime, which is installed."""
    name = runtime_named(path)
    runtime = RUNTIMES_ELSEWHERE.get(name or "")
    return runtime is not None and runtime.proven and is_installed(runtime)


def bench(
    path: Path,
    batches: Sequence[int],
    seconds: float,
    bounds: Bounds,
    forms: Forms | None = None,
    runtime: str = HERE,
) -> Result:
    """Measure a file, at least `seconds` per batch size; an ONNX file in a `runtime` that opens it.

    Raises as `ExportedModel` does, and `UsageError` when the images of a batch are too large, or an answer
    takes too long.
    """
    exported = in_time(bounds.seconds, path, lambda: open_export(path, bounds.memory, forms, runtime))
    if max(batches) > exported.most_images():
        raise UsageError(
            f"{path}: its images are so large that at most {exported.most_images()} are tried at once",
            hint="measure smaller batches with --batch",
        )
    with reading(path, "a model that can be measured", hint=AGAIN):
        metrics = metrics_of(path, exported.card)
        timings = tuple(measure(exported, batch, seconds, bounds.seconds) for batch in batches)
    return Result(path, exported.runtime, exported.card, exported.size, timings, metrics)


def measure(exported: ExportedModel, batch: int, seconds: float, limit: float) -> Timing:
    """Time calls of one batch size, after a few that are not counted; none may take longer than `limit`."""
    feed = random_feed(exported.card, batch)
    for _ in range(WARM_UP):
        in_time(limit, exported.path, lambda: exported.infer(feed), stop=exported.stop)
    most = seconds + (FEWEST + 1) * limit
    taken = in_time(most, exported.path, lambda: exported.times(feed, seconds), stop=exported.stop)
    p50, p95 = (float(value) for value in np.percentile(taken, (50, 95)))
    return Timing(batch, len(taken), 1000 * p50, 1000 * p95, batch * len(taken) / sum(taken))


def precision_of(card: ModelCard) -> str:
    """Return what a file says that it computes with."""
    stated = card.metadata.get("precision")
    return str(stated["type"]) if isinstance(stated, Mapping) and "type" in stated else "float32"


def metrics_of(path: Path, card: ModelCard) -> dict[str, tuple[str, float | None]]:
    """Return each task's leading metric on the test split, from the proof beside the file or from itself.

    A float32 file knows its own metrics.
    """
    quality = (proof_of(path) or {}).get("quality", {})
    found: dict[str, tuple[str, float | None]] = {}
    measured = card.metadata.get("test_metrics", {})
    for output in card.outputs:
        if output.name in quality:
            item = quality[output.name]
            found[output.name] = (str(item["metric"]), _number(item["after"]["test"]))
        elif precision_of(card) == "float32":
            values = measured.get(output.name, {})
            # JSON keeps no order of names; the recipe's list of metrics has the leading one first.
            name = next((name for name in _metrics_in(card, output.name) if name in values), None)
            if name is not None:
                found[output.name] = (name, _number(values[name]))
    return found


def _metrics_in(card: ModelCard, task: str) -> list[str]:
    """Return the names of a task's metrics as the file's recipe lists them; none when it has no recipe."""
    try:
        return [str(metric["name"]) for metric in card.metadata["recipe"]["tasks"][task]["metrics"]]
    except (KeyError, TypeError):
        return []


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def random_feed(card: ModelCard, batch: int) -> dict[str, NDArray[Any]]:
    """Return random inputs for a batch, as the file reads them."""
    source = np.random.default_rng(0)
    shape = (batch, *card.image.kept_shape)
    pixels: NDArray[Any] = (
        source.integers(0, 256, shape, dtype=np.uint8)
        if card.pixels == "uint8"
        else source.random(shape, dtype=np.float32)
    )
    extra = {spec.name: spec.draw(batch, source) for spec in card.inputs}
    return {**({IMAGE: pixels} if card.image else {}), **extra}
