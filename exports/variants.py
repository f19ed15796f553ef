"""From the float32 file to the one asked for: calibration samples, conversion, and its account of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx

from ..core.base.errors import UsageError, VerificationError, suggest
from ..core.contracts import Arrays, ExportPlan, ExportSubject
from ..core.contracts.quality import check_drops
from .activations import beyond_half
from .decisions import nodes_that_decide
from .export import Export
from .metadata import IMAGE, PixelType
from .precision import FLOAT32, SEED, Calibration, Precision, PrecisionType
from .preparing import nodes_that_prepare
from .quality import allowed_drops, check_measurable
from .ranges import Ranges, ranges_of
from .units import nodes_in_units


@dataclass(frozen=True)
class AskedPrecision:
    """What an exporter was asked for: the type, what stays in float, what may be lost, how many samples.

    `max_size` is the share of the float32 file's bytes up to which operators of an int8 file go back to
    float32 where it loses too much, `fine_tune` the epochs that its model is trained on for, rounded.
    """

    type: PrecisionType = "float32"
    keep_float: Sequence[str] = ()
    max_drop: Mapping[str, float] = field(default_factory=dict)
    samples: int = 256
    max_size: float = 0.5
    fine_tune: int = 0

    def check(self, plan: ExportPlan) -> None:
        """Raise `UsageError` before training when such a file could not be made or judged."""
        self._check_fine_tune()
        if self.type != "float32":
            _check_kept(self.keep_float, tuple(plan.targets))
            check_drops(plan.leading, self.max_drop)
            check_measurable(plan.targets, plan.leading, f"a {self.type} export")

    def of(self, subject: ExportSubject) -> Precision:
        """Return the precision in full: calibration samples drawn, what each task may lose decided.

        Raises `UsageError` for an unknown task, for one that no metric judges, and when there is no data to
        calibrate on or to measure with.
        """
        self._check_fine_tune()
        if self.type == "float32":
            return FLOAT32
        if subject.judge is None:
            raise UsageError(f"a {self.type} export needs the data of the run, and there is none")
        check_measurable(subject.targets, subject.judge.leading, f"a {self.type} export")
        # A part of a model may get what was said for the whole.
        _check_kept(self.keep_float, tuple(dict.fromkeys((*subject.targets, *subject.judge.leading))))
        kept = tuple(sorted(set(self.keep_float) & set(subject.targets)))
        drops = allowed_drops(subject, self.max_drop)
        calibration = Calibration.of(_drawn(subject, self.samples, SEED), self.samples, SEED)
        return Precision(self.type, kept if self.type == "int8" else (), drops, calibration)

    def _check_fine_tune(self) -> None:
        if self.fine_tune and self.type != "int8":
            hint = "leave it out, or export in int8 (--precision int8)"
            raise UsageError(f"fine_tune is for int8, and this is a {self.type} export", hint=hint)


def _check_kept(keep_float: Sequence[str], tasks: Sequence[str]) -> None:
    for task in keep_float:
        if task not in tasks:
            hint = suggest(task, tasks, "tasks")
            raise UsageError(f"keep_float names {task!r}, which is no task of the model", hint=hint)


def build_variant(export: Export) -> onnx.ModelProto:
    """Return the model of an export, made from its float32 graph: that itself, or another, rounded.

    Raises `VerificationError` when the calibration samples are not those that the export records.
    """
    assert export.base is not None
    if not export.rounded:
        return export.base
    feed = calibration_feed(export)
    if export.precision.type == "float16":
        from .float16 import to_float16

        model = to_float16(export.base, float32_nodes(export.base, ranges_of(export.base, feed)))
    else:
        from .int8 import to_int8

        model = to_int8(export.base, feed, export.precision)
    onnx.helper.set_model_props(model, export.card.to_properties())
    return model


def float32_nodes(base: onnx.ModelProto, ranges: Ranges) -> tuple[str, ...]:
    """Return the nodes that stay in float32 in a float16 file, in order."""
    kept = {
        *beyond_half(base, ranges),
        *nodes_that_prepare(base.graph),
        *nodes_in_units(base.graph),
        *nodes_that_decide(base.graph),
    }
    return tuple(node.name for node in base.graph.node if node.name in kept)


def calibration_feed(export: Export) -> Arrays:
    """Return the calibration samples as the file reads them, drawn again.

    Raises `VerificationError` when they are not the recorded ones.
    """
    recorded = export.precision.calibration
    if recorded is None:
        raise VerificationError("the file does not say what it was calibrated on")
    drawn = dict(_drawn(export.subject, recorded.samples, recorded.seed))
    if Calibration.of(drawn, recorded.samples, recorded.seed) != recorded:
        raise VerificationError("the file was calibrated on other samples than it says")
    return fed(drawn, export.pixels)


def fed(arrays: Arrays, pixels: PixelType) -> Arrays:
    """Return inputs with float32 pixels in 0..1 as a file reads them."""
    if pixels == "float32" or IMAGE not in arrays:
        return arrays
    whole = np.rint(arrays[IMAGE] * np.float32(255)).clip(0, 255).astype(np.uint8)
    return {**arrays, IMAGE: whole}


def _drawn(subject: ExportSubject, samples: int, seed: int) -> Arrays:
    if subject.judge is None:
        raise VerificationError("the calibration of the file cannot be checked: there is no data at hand")
    drawn = subject.judge.training_samples(samples, seed)
    return {name: drawn[name] for name in subject.input_names}
