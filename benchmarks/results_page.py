"""Rebuilds `docs/results.md` from the JSON files in `benchmarks/results/experiments`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from .marked import with_marked
from .published import EXPERIMENTS, Experiment, Measure, Variant

ABSENT = "\N{EN DASH}"

Found = Mapping[str, Mapping[str, Any]]

_TOP = """# Results

Every figure is of the test split and real data; the epoch is chosen on a validation split, or the last.
Mean and standard deviation over seeds, with their number; no deviation where there is one seed.
*Published*: where the figures stand is named below each table. *As the original*: the architecture and
settings of the write-up, its mistakes mended, as far as it tells them. *Best*: ours, another network with
other settings; it shows what can be reached, not that a method is better. *To reach*: this project's own
aims; for CIFAR-10 the published figures. *Doing nothing*: the shares of the classes or the mean value as
the answer to everything; the noisy image as its own denoised one. SSIM is over the whole image with
mirrored borders; where borders are left out, as is usual, it is a little different. The exported ONNX file
of every run was judged on the same test split in onnxruntime. A dash: not published, no recipe of ours or
no target, or not run yet. *2 of 20 epochs* marks a training that was cut short for want of a GPU: no
attempt at the figure beside it. *bf16* marks one in mixed precision where the recipe has float32. Below
each table: seeds, machine, date and version of the code of every figure.

This page is made from `benchmarks/results/experiments/` by

    python -m benchmarks.experiments --data-dir DIR --seeds 3      # all; goes on where it stopped
    python -m benchmarks.experiments mnist-even-third --data-dir DIR --seeds 3
    python -m benchmarks.experiments --page                        # only rebuild this page
"""


def key_of(recipe: str, settings: Sequence[str]) -> str:
    """Return the name of a result's file: the recipe, and what was set over it.

    >>> key_of("a", ("tasks.x.weight=0.8",))
    'a+tasks.x.weight=0.8'
    """
    return "+".join([recipe, *settings])


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """Return every result by its key."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def page(results: Found) -> str:
    """Return the whole page."""
    parts = [_TOP]
    for experiment in EXPERIMENTS:
        parts += [f"## {experiment.title}", experiment.note, _table(experiment, results), experiment.source]
        if experiment.by_epoch and (later := _by_epoch(experiment, results)):
            parts.append(later)
        parts += [_gaps(experiment, results), _provenance(experiment, results)]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def with_summary(text: str, results: Found) -> str:
    """Return the README with its table made anew: the experiments that our best was run for."""
    rows = [
        "| experiment | measure | published | as the original | best |",
        "|---|---|---|---|---|",
    ]
    for experiment in EXPERIMENTS:
        done = [variant for variant in experiment.variants if _whole(_result(results, variant.best, ()))]
        # The variant that the experiment is named after, if it was run: both tasks in one network.
        for variant in sorted(done, key=lambda variant: variant.original != experiment.name)[:1]:
            title = f"{experiment.title} ({variant.title})"
            for measure in experiment.measures:
                original = _result(results, variant.original, variant.settings)
                cells = [
                    _shown(measure, variant.published.get(measure.title)),
                    ABSENT if _fewer_epochs(original) else _measured(measure, original),
                    _measured(measure, _result(results, variant.best, ())),
                ]
                rows.append(f"| {title} | {measure.title} | {' | '.join(cells)} |")
                title = ""
    return with_marked(text, "results: summary", "\n".join(rows))


def _whole(result: Mapping[str, Any] | None) -> bool:
    return result is not None and not _cut_short(result)


def _table(experiment: Experiment, results: Found) -> str:
    rows = [
        "| variant | measure | doing nothing | published | as the original | best | to reach |",
        "|---|---|---|---|---|---|---|",
    ]
    for variant in experiment.variants:
        title = variant.title
        for measure in experiment.measures:
            cells = [
                _nothing(measure, variant, results),
                _shown(measure, variant.published.get(measure.title)),
                _measured(measure, _result(results, variant.original, variant.settings)),
                _measured(measure, _result(results, variant.best, ())),
                _target(measure, variant, results),
            ]
            if any(cell != ABSENT for cell in cells):
                rows.append(f"| {title} | {measure.title} | {' | '.join(cells)} |")
                title = ""
    return "\n".join(rows)


def _result(results: Found, recipe: str | None, settings: Sequence[str]) -> Mapping[str, Any] | None:
    return None if recipe is None else results.get(key_of(recipe, settings))


def values_of(measure: Measure, result: Mapping[str, Any] | None, part: str = "test") -> list[float]:
    """Return a measure of each run in a result; empty when it has none of it."""
    found = []
    for run in (result or {"runs": []})["runs"]:
        values = [
            run.get(part, {}).get(task, {}).get(name) for task, name in (k.split("/") for k in measure.keys)
        ]
        if all(value is not None for value in values):
            found.append(measure.scale * fmean(values))
    return found


def _nothing(measure: Measure, variant: Variant, results: Found) -> str:
    """Return what a constant answer, or the corrupted image itself, reaches on the same images."""
    for recipe in (variant.original, variant.best):
        values = values_of(measure, _result(results, recipe, variant.settings), "baseline")
        if values:
            return _shown(measure, fmean(values))
    return ABSENT


def _measured(measure: Measure, result: Mapping[str, Any] | None) -> str:
    values = values_of(measure, result)
    if not values:
        return ABSENT
    spread = f" ± {stdev(values):.{measure.digits}f}" if len(values) > 1 else ""
    return f"{_shown(measure, fmean(values))}{spread} ({len(values)}{_cut_short(result)})"


def _cut_short(result: Mapping[str, Any] | None) -> str:
    """Return how many of the recipe's epochs were trained, and how precisely, where it was not as it says."""
    run = result["runs"][0] if result is not None else {}
    precision = run.get("precision")
    text = _fewer_epochs(result)
    return text if precision == run.get("recipe_precision") else f"{text}; {precision}"


def _fewer_epochs(result: Mapping[str, Any] | None) -> str:
    run = result["runs"][0] if result is not None else {}
    epochs, whole = run.get("epochs"), run.get("recipe_epochs")
    return "" if whole is None or epochs == whole else f"; {epochs} of {whole} epochs"


def _shown(measure: Measure, value: float | None) -> str:
    return ABSENT if value is None else f"{value:.{measure.digits}f}{measure.unit and f' {measure.unit}'}"


def _target(measure: Measure, variant: Variant, results: Found) -> str:
    if measure.title not in variant.target:
        return ABSENT
    target = variant.target[measure.title]
    candidates = (
        _result(results, variant.original, variant.settings),
        _result(results, variant.best, ()),
    )
    whole = [result for result in candidates if _whole(result)]
    means = [fmean(values) for values in (values_of(measure, result) for result in whole) if values]
    bound = f"{'≥' if measure.higher else '≤'} {_shown(measure, target)}"
    if not means:
        return bound
    reached = any(mean >= target if measure.higher else mean <= target for mean in means)
    return f"{bound}: {'reached' if reached else '**missed**'}"


def _by_epoch(experiment: Experiment, results: Found) -> str:
    """Return the test losses after each epoch, of the first seed."""
    tables = [_epochs_of(measure, experiment, results) for measure in experiment.measures]
    return "\n\n".join(table for table in tables if table)


def _epochs_of(measure: Measure, experiment: Experiment, results: Found) -> str:
    ((task, name),) = (key.split("/") for key in measure.keys)
    columns: dict[str, dict[int, float]] = {}
    for variant in experiment.variants:
        written = variant.as_written.get(measure.title)
        if written:
            columns[f"`{variant.original}`, its mistakes left in (our rerun)"] = dict(written)
        for recipe in (variant.original, variant.best):
            result = _result(results, recipe, ())
            if recipe and result and result["runs"][0].get("test_by_epoch"):
                columns[f"`{recipe}`"] = {
                    row["epoch"]: row["test"][task][name] for row in result["runs"][0]["test_by_epoch"]
                }
    epochs = [e for e in (1, 2, 5, 10, 20, 30) if any(e in column for column in columns.values())]
    if not epochs:
        return ""
    rows = [
        f"| {measure.title} after epoch | {' | '.join(map(str, epochs))} |",
        "|---" * (len(epochs) + 1) + "|",
    ]
    for recipe, column in columns.items():
        cells = [f"{column[e]:.{measure.digits}f}" if e in column else ABSENT for e in epochs]
        rows.append(f"| {recipe} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _gaps(experiment: Experiment, results: Found) -> str:
    """Return by how much one variant falls short of another, where that was to be small."""
    measures = {measure.title: measure for measure in experiment.measures}
    variants = {variant.title: variant for variant in experiment.variants}
    lines = []
    for gap in experiment.gaps:
        measure = measures[gap.measure]
        pair = (variants[gap.variant], variants[gap.against])
        for title, found in (
            ("as the original", [_result(results, item.original, item.settings) for item in pair]),
            ("best", [_result(results, item.best, ()) for item in pair]),
        ):
            one, other = (values_of(measure, result) if _whole(result) else [] for result in found)
            if one and other:
                worse = (fmean(other) - fmean(one)) * (1 if measure.higher else -1)
                verdict = "reached" if worse <= gap.at_most else "**missed**"
                lines.append(
                    f"- {measure.title}, {title}: {gap.variant} against {gap.against} "
                    f"{-worse:+.{measure.digits}f}{measure.unit and f' {measure.unit}'} "
                    f"(at most {gap.at_most:g} worse: {verdict})"
                )
    return "\n".join(lines)


def _provenance(experiment: Experiment, results: Found) -> str:
    """Return how each result was got, and how far the exported file is from it."""
    lines = []
    for variant in experiment.variants:
        for recipe, settings in ((variant.original, variant.settings), (variant.best, ())):
            result = _result(results, recipe, settings)
            if recipe is None or result is None:
                continue
            lines += [f"- `{key_of(recipe, settings)}`: {where}" for where in _origins(result["runs"])]
    return "\n".join(dict.fromkeys(lines))


def _origins(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return where runs come from, those of one machine, day and commit together."""
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for run in runs:
        commit = run["commit"][:10] + ("-dirty" if run["commit"].endswith("-dirty") else "")
        groups.setdefault((run["hardware"], run["date"], commit), []).append(run)
    found = []
    for (hardware, date, commit), group in groups.items():
        seeds = ", ".join(str(run["seed"]) for run in group)
        seconds = fmean(run["seconds"] for run in group)
        cpu = [run["cpu_seconds"] for run in group if run.get("cpu_seconds") is not None]
        of_cores = f" ({fmean(cpu):.1f} s of CPU)" if cpu else ""
        apart = max(run["onnx_difference"] for run in group)
        found.append(
            f"seeds {seeds}, {seconds:.0f} s per training{of_cores} on {hardware}, {date}, commit {commit}; "
            f"largest difference of a test metric in onnxruntime {apart:.1g} of its value"
        )
    return found
