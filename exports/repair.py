"""int8 that repairs itself: where a task loses too much, the operators to blame go back to float32.

After the accuracy-aware quantisation of NNCF: operators are ranked by how far each one alone, rounded, moves
the answers of the tasks that lose too much, on calibration samples, and go back in that order until the gate
holds. The ranking sees training samples only; the gate judges on the validation split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import onnx

from ..core.base.errors import VerificationError
from ..core.contracts import Arrays
from .activations import rounded_nodes
from .candidate import Candidate
from .export import Export
from .int8 import Quantised
from .onnx_model import file_of
from .quality import check_change, losing_tasks, measure_change
from .runtimes import open_onnxruntime
from .side_by_side import predicting
from .variants import build_variant, calibration_feed
from .verification import compare

RANKED = 64
"""Calibration samples that the operators are ranked by."""

_SAVED = 3
"""Bytes that a number of a weight takes more in float32 than in eight bits."""


def build_repaired(export: Export, max_size: float, name: str) -> tuple[Export, onnx.ModelProto]:
    """Return an export and its model; an int8 one with the operators in float32 that the gate asks for.

    As few go back as hold the gate, in the order of what they do to the answers, while the file stays below
    `max_size` of the float32 file's bytes. Raises `VerificationError`, calling the file `name`, where these
    are not enough.
    """
    if export.precision.type != "int8" or not max_size:
        return export, build_variant(export)
    assert export.base is not None
    feed = calibration_feed(export)
    trials = _Trials(export, Quantised(export.base, feed, export.precision.keep_float), name)
    whole = trials.of(())
    if whole.problem is None:
        return whole.export, whole.model
    ranked = _ranked(trials, feed, whole.tasks)
    room = int(max_size * len(file_of(export.base))) - len(file_of(whole.model))
    order = _fitting(export.base, ranked, room)
    return trials.fewest(order, ranked, whole)


@dataclass(frozen=True)
class _Trial:
    """A file that was tried: what speaks against it, and the tasks that do."""

    export: Export
    model: onnx.ModelProto
    problem: VerificationError | None = None
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Trials:
    """Tries files that have some operators in float32."""

    export: Export
    quantised: Quantised
    name: str

    def of(self, operators: Sequence[str], sensitivities: Mapping[str, float] | None = None) -> _Trial:
        """Return what the gate says of a file with these operators in float32."""
        precision = replace(self.export.precision, float_operators=tuple(operators))
        export = replace(self.export, precision=precision, sensitivities=sensitivities or {})
        model = self.quantised.model(operators)
        onnx.helper.set_model_props(model, export.card.to_properties())
        found = _Trial(export, model)
        try:
            candidate = Candidate(file_of(model), self.name, forms=export.forms)
            compare(export, candidate, (1,))
        except VerificationError as error:
            return replace(found, problem=error, tasks=tuple(export.subject.targets))
        change = measure_change(export.subject, predicting(candidate, export), precision, self.name)
        try:
            check_change(change, precision, self.name)
        except VerificationError as error:
            return replace(found, problem=error, tasks=losing_tasks(change))
        return found

    def fewest(
        self, order: Sequence[str], sensitivities: Mapping[str, float], whole: _Trial
    ) -> tuple[Export, onnx.ModelProto]:
        """Return the file with the shortest beginning of `order` in float32 that passes, found by halving."""
        best = self.of(order, sensitivities) if order else whole
        if best.problem is not None:
            raise best.problem
        few, enough = 0, len(order)
        while enough - few > 1:
            middle = (few + enough) // 2
            trial = self.of(order[:middle], sensitivities)
            if trial.problem is None:
                best, enough = trial, middle
            else:
                few = middle
        return best.export, best.model


def _ranked(trials: _Trials, feed: Arrays, tasks: Sequence[str]) -> dict[str, float]:
    """Return how far each operator alone, rounded, moves the answers of some tasks; the worst one first.

    In units of the answers' deviation from their mean, the largest of the tasks.
    """
    base, precision = trials.export.base, trials.export.precision
    assert base is not None
    few = {name: np.ascontiguousarray(values[:RANKED]) for name, values in feed.items()}
    expected = open_onnxruntime(base.SerializeToString())(few)
    able = rounded_nodes(base.graph, precision.keep_float)
    order = [node.name for node in base.graph.node if node.name in able]

    def moved() -> Iterator[tuple[str, float]]:
        for name in order:
            alone = trials.quantised.model([other for other in order if other != name])
            answers = open_onnxruntime(alone.SerializeToString())(few)
            yield name, max(_moved(answers[task], expected[task]) for task in tasks)

    return dict(sorted(moved(), key=lambda item: -item[1]))


def _moved(answer: np.ndarray, expected: np.ndarray) -> float:
    exact = expected.astype(np.float64)
    spread = float(np.square(exact - exact.mean(axis=0)).mean())
    return float(np.sqrt(np.square(answer - exact).mean() / max(spread, np.finfo(np.float32).tiny)))


def _fitting(base: onnx.ModelProto, ranked: Mapping[str, float], room: int) -> list[str]:
    """Return the operators that matter and have room together, in order; what is too large is left out."""
    sizes = {tensor.name: prod(tensor.dims) for tensor in base.graph.initializer}
    reads = {node.name: node.input for node in base.graph.node}
    order = []
    for name, moved in ranked.items():
        bytes_more = _SAVED * sum(sizes.get(weight, 0) for weight in reads[name][:2])
        if moved > 0 and bytes_more <= room:
            room -= bytes_more
            order.append(name)
    return order
