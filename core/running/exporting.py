"""Hands a trained composition to its exporter: inputs, outputs, real samples and metadata."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import ComponentError, UsageError, suggest
from ..composition.composition import Composition
from ..composition.model import MultitaskModel
from ..contracts import Exporter, ExportPlan, ExportReport, ExportSubject, Units
from ..contracts.randomness import SampleRandom, derive_seed
from ..data.samples import Samples, Splits
from ..discovery.declared import ask, require_declared
from ..discovery.options import options_of, validate_options
from ..discovery.registry import Entry, Registry, component_class
from ..discovery.responsibility import Owners
from ..evaluation.judging import SplitJudge, leading_metrics
from ..folders.run_folder import versions
from ..recipe.building import construct
from .pictured import picture_metadata
from .tuning import RunTuner

SAMPLES, FEWEST = 256, 16
"""Real samples that a verification uses, and the fewest, where answers are large."""

MOST_NUMBERS = 2**25
"""Numbers that the answers to these samples hold, beyond the fewest."""

_PART = 64
"""Samples that are floats at once."""


def export_subject(
    composition: Composition, samples: Samples, metrics: Mapping[str, Any], splits: Splits | None = None
) -> ExportSubject:
    """Return what the exporter needs: a copy of the model on the CPU, real samples, and metadata.

    With `splits` it can calibrate and measure too.
    """
    model = settled(composition)
    normalization = model.normalization
    return ExportSubject(
        model=model,
        image=composition.dataset_spec.image,
        inputs=composition.inputs,
        targets=composition.targets,
        samples=_real_samples(composition, samples),
        metadata={
            "recipe": composition.recipe.portable(),
            "recipe_hash": composition.recipe.hash(),
            "normalization": {"mean": normalization.mean.tolist(), "std": normalization.std.tolist()},
            "test_metrics": metrics.get("test", {}),
            "versions": versions(),
            **picture_metadata(composition, splits),
            **({"weights": [item.to_json() for item in composition.origins]} if composition.origins else {}),
            **({"forms": dict(composition.form_plugins)} if composition.form_plugins else {}),
        },
        reads={name: _reads(composition, name) for name in composition.tasks},
        judge=SplitJudge(composition, splits) if splits is not None else None,
        units=_units(model),
        tuner=RunTuner(composition, splits, settled) if splits is not None else None,
    )


def settled(composition: Composition) -> MultitaskModel:
    """Return a copy of the model on the CPU, as it answers: what its sharing has learned is settled.

    A copy: exporting must not move or retrace the model that the caller holds.
    """
    model = copy.deepcopy(composition.model).cpu().eval()
    model.sharing = ask(composition.owners.named(model.sharing), model.sharing, "settled")
    return model


def export(
    composition: Composition,
    samples: Samples,
    metrics: Mapping[str, Any],
    path: Path,
    exporter: Exporter | None = None,
    *,
    splits: Splits | None = None,
    tasks: Sequence[str] | None = None,
) -> ExportReport:
    """Export to `path` and verify; raise `VerificationError`, and publish nothing, when numbers differ.

    `tasks` exports some of the tasks only, with what these depend on.
    """
    subject = export_subject(composition, samples, metrics, splits)
    if tasks is not None:
        subject = subject.only(tasks)
    chosen = exporter or composition.exporter
    label = composition.owners.named(chosen)
    report: ExportReport = ask(label, chosen, "export", subject, path)
    _refuse_unwritten(label, report)
    return report


def _refuse_unwritten(label: str, report: ExportReport) -> None:
    """Raise `ComponentError` when a report names no file, or one that is not there."""
    if not report.files:
        raise ComponentError(f"{label}: its report names no files", hint="the model comes first in `files`")
    for file in report.files:
        if not file.exists():
            raise ComponentError(
                f"{label}: its report names {file}, which is not there", hint="it must be written by `export`"
            )


def check_export(composition: Composition) -> None:
    """Raise before training what the exporter would raise after it, whatever is learned."""
    composition.exporter.check_plan(
        ExportPlan(composition.targets, leading_metrics(composition), composition.inputs)
    )


def exporter_of(
    registry: Registry, path: Path, preferred: Exporter | None = None, owners: Owners | None = None
) -> Exporter:
    """Return the exporter that an existing file or folder is of; raise `UsageError` when it is of none.

    `owners` gets to know it.
    """
    if preferred is not None and preferred.recognizes(path):
        return preferred
    for name in registry.names("exporter"):
        if _recognizes(registry.find("exporter", name), path):
            return build_exporter(registry, name, {}, owners)
    raise UsageError(f"{path} is no export that an exporter here knows", hint="mtl list exporter")


def check_runtimes(exporter: Exporter, path: Path, runtimes: Sequence[str]) -> None:
    """Raise `UsageError` for a runtime that the exporter does not verify in."""
    for name in runtimes:
        if name not in exporter.runtimes:
            known = suggest(name, exporter.runtimes, "runtimes")
            raise UsageError(f"{path.name} is not run in {name!r}", hint=known)


def _recognizes(entry: Entry, path: Path) -> bool:
    owners = Owners()
    with owners.at_work(f"when it was shown {path.name}"):
        component = component_class(entry)
        owners.add(component, entry.label)
        return bool(component.recognizes(path))


def build_exporter(
    registry: Registry, name: str, options: Mapping[str, Any], owners: Owners | None = None
) -> Exporter:
    """Return an exporter by name; raise `UsageError` for an unknown name or a wrong option.

    `owners` gets to know it.
    """
    entry = registry.find("exporter", name)
    complete, problems = validate_options(options_of(entry), options)
    if problems:
        raise UsageError(f"exporter {name!r}: {problems[0].message}", hint=problems[0].hint)
    exporter: Exporter = construct(entry, **complete)
    if owners is not None:
        owners.add(type(exporter), entry.label)
    require_declared(entry.label, exporter)
    return exporter


def _units(model: MultitaskModel) -> dict[str, Units]:
    found = {task: model.standardization(task) for task in model.tasks}
    return {
        task: Units(units.mean.double().numpy(), units.std.double().numpy())
        for task, units in found.items()
        if units is not None
    }


def _reads(composition: Composition, task: str) -> frozenset[str]:
    """Return the inputs beside the image that a task's answer depends on: its head's, the encoders'."""
    spec = composition.dataset_spec
    instead = frozenset() if spec.image else frozenset(item.name for item in spec.inputs)
    return composition.model.head(task).fuses | composition.model.sharing.fuses | instead


def _real_samples(composition: Composition, samples: Samples) -> dict[str, NDArray[np.generic]]:
    parts: dict[str, list[NDArray[np.generic]]] = {}
    numbers = sum(prod(target.output_shape) for target in composition.targets.values())
    first = samples.first(min(SAMPLES, max(FEWEST, MOST_NUMBERS // numbers)))
    for indices in first.slices(_PART):
        batch = first.batch(indices)
        random = SampleRandom(indices.to(samples.device), seed=derive_seed(0, "verification"))
        found = {"image": first.pixels(indices), **batch.inputs}
        for name, composed in composition.tasks.items():
            found |= composed.task.draw_inputs(batch, random.stream(name))
        for key, value in found.items():
            parts.setdefault(key, []).append(value.cpu().numpy())
    return {key: np.concatenate(values) for key, values in parts.items()}
