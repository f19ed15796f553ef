"""The card of a model: what it is, what it was told, how good it is, whose weights are in it, how to run it.

A file README.md in the run's folder, as the Hugging Face hub shows it. What only people know stands between
two marks, and stays when the card is written again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import MtlError, UsageError
from ..base.files import read_json, read_text, write_text
from ..base.shapes import BATCH, shown_shape
from ..composition.telling import labels_by_task
from ..contracts import Form
from ..evaluation.intervals import Interval, intervals
from ..recipe.recipe_source import write_yaml
from ..report.numbers import ABSENT, number
from .pictured import preparation_of
from .run import Run

FILE = "README.md"
OPEN, CLOSE = "<!-- yours: intended use -->", "<!-- end of yours -->"
TO_FILL = (
    "**To be filled in by whoever publishes this model.** For whom is it, and for what is it not? Who is in "
    "the data, and who is not? What happens when it is wrong? (Text between the two marks stays when it is "
    "written again.)"
)
_SHOWN_LABELS = 30
_SPLITS = ("train", "validation", "test")
_MOST = 2**20


@dataclass(frozen=True)
class Card:
    """A written card; `missing` says in words what it could not tell."""

    path: Path
    missing: tuple[str, ...]


def write_card(run: Run, path: Path | None = None) -> Card:
    """Write the card of a finished run into its folder, or to `path`; keep what people wrote into it.

    Raises `UsageError` for a run that is not finished. Data that are not there any more, and a run without
    an exported file, are told in the card and in what is returned.
    """
    target = path or run.path / FILE
    missing: list[str] = []
    counts, measured = _from_data(run, missing)
    proof = _proof_of(run, missing)
    parts = [
        _front(run),
        f"# {', '.join(run.composition.tasks)}\n",
        _introduction(run),
        f"## Intended use\n\n{OPEN}\n{_kept(target)}\n{CLOSE}\n",
        _answers(run, proof),
        _data(run, counts),
        _metrics(run, measured) + _of_the_file(run, proof),
        _weights(run),
        _proof(run, proof),
        _usage(run),
        _training(run),
    ]
    write_text(target, "\n".join(part for part in parts if part))
    return Card(target, tuple(missing))


def _kept(path: Path) -> str:
    """Return what people wrote into a card that is there already."""
    if not path.is_file():
        return TO_FILL
    text = read_text(path, "a card", hint="move it away: another one is written", most=_MOST)
    found = re.search(rf"{re.escape(OPEN)}\n(.*?)\n{re.escape(CLOSE)}", text, re.DOTALL)
    if found is None:
        raise UsageError(
            f"{path} is there and is no card of mtl's", hint="move it away, or write another: --to FILE"
        )
    return found[1]


def _front(run: Run) -> str:
    words = [
        "mtl",
        "multitask-learning",
        "onnx",
        *dict.fromkeys(f.form for f in run.composition.targets.values()),
    ]
    listed = "".join(f"- {word}\n" for word in words)
    return f"---\nlibrary_name: onnx\ntags:\n{listed}---\n"


def _introduction(run: Run) -> str:
    recipe = run.composition.recipe
    count = number(run.composition.parameters()["total"])
    return (
        f"One model with {len(recipe.tasks)} {'head' if len(recipe.tasks) == 1 else 'heads'}: encoder "
        f"`{recipe.encoder.name}`, sharing `{recipe.sharing.name}`, balancer `{recipe.balancer.name}`, "
        f"{count} parameters, trained on `{recipe.dataset.name}` with mtl.\n"
    )


def _answers(run: Run, proof: Mapping[str, Any]) -> str:
    raw, tasks = proof.get("raw", False), proof.get("tasks", run.composition.tasks)
    rows = [
        [name, form.form, shown_shape([BATCH, *form.output_shape]), form.meaning(raw=raw), _labels(form)]
        for name, form in run.composition.targets.items()
        if name in tasks
    ]
    return "## Answers\n\n" + _table(["output", "form", "shape", "meaning", "labels"], rows)


def _labels(form: Form) -> str:
    labels = form.drawing.labels
    more = f", and {len(labels) - _SHOWN_LABELS} more" if len(labels) > _SHOWN_LABELS else ""
    return ", ".join(labels[:_SHOWN_LABELS]) + more


def _from_data(
    run: Run, missing: list[str]
) -> tuple[dict[str, dict[str, int]], Mapping[str, Mapping[str, Interval]]]:
    """Return the samples and labels of each part, and the intervals; nothing where the data are gone."""
    try:
        splits = run.splits
    except MtlError as error:
        missing.append(f"the data cannot be read, so samples and intervals are not told: {error.message}")
        return {}, {}
    counts = {"samples": {name: len(splits.named(name)) for name in _SPLITS}}
    counts |= {f"labels of {task}": found for task, found in labels_by_task(run.composition, splits).items()}
    with run.composition.at_work("while its metrics were drawn again"):
        return counts, intervals(run.composition, splits.test, "test")


def _data(run: Run, counts: Mapping[str, Mapping[str, int]]) -> str:
    recipe = run.composition.recipe
    lines = [f"## Data\n\nData set `{recipe.dataset.name}`.\n"]
    if counts:
        rows = [[what, *(f"{found[name]:,}" for name in _SPLITS)] for what, found in counts.items()]
        lines.append(_table(["", *_SPLITS], rows))
        lines += [f"    {line}" for line in run.composition.understood()] + [""]
    else:
        lines.append(
            "Samples and labels are not counted here: the data were not at hand when this was written.\n"
        )
    if run.composition.dataset_spec.image:
        preparation = json.dumps(preparation_of(run.composition).to_json())
        lines.append(
            f"Pictures are prepared as follows, and the exported file says so too: `{preparation}`\n"
        )
    return "\n".join(lines)


def _metrics(run: Run, measured: Mapping[str, Mapping[str, Interval]]) -> str:
    baseline = run.metrics["baseline"]
    rows = []
    for task, values in run.metrics["test"].items():
        for name, value in values.items():
            found = measured.get(task, {}).get(name)
            between = f"{number(found[0])} to {number(found[1])}" if found else ABSENT
            other = baseline.get(task, {}).get(name)
            rows.append([task, name, number(value), between, ABSENT if other is None else number(other)])
    said = "; ".join(f"{task}: {answer}" for task, answer in run.metrics.get("baseline_answer", {}).items())
    return (
        "## Metrics\n\nOn the test split, which nothing was chosen by. The interval holds the middle 95 % of "
        "200 draws of test samples with replacement; it does not tell how other seeds would do.\n\n"
        + _table(["task", "metric", "test", "95 % interval", "constant answer"], rows)
        + (f"\nThe constant answer: {said}.\n" if said else "")
        + "".join(
            f"\n**{task} is no better than its constant answer.**\n"
            for task in run.metrics.get("below_baseline", {})
        )
    )


def _of_the_file(run: Run, proof: Mapping[str, Any]) -> str:
    """Say where the exported file is less than the trained model, whose metrics are told."""
    tasks, precision = proof.get("tasks", ()), proof.get("precision", "float32")
    said = []
    if len(tasks) not in (0, len(run.composition.tasks)):
        said.append(f"answers {', '.join(tasks)} alone")
    if precision != "float32":
        said.append(f"computes in {precision}, which may cost what stands under Proof")
    return f"\nThey are the trained model's; the exported file {' and '.join(said)}.\n" if said else ""


def _weights(run: Run) -> str:
    origins = run.composition.origins or run.folder.origins()
    if not origins:
        return "## Weights of others\n\nNone: the training began with drawn weights.\n"
    rows = [
        [o.network, o.source, o.licence or "**not known: ask its publisher**", o.library] for o in origins
    ]
    return "## Weights of others\n\n" + _table(["network", "from", "licence", "library"], rows)


def _proof_of(run: Run, missing: list[str]) -> Mapping[str, Any]:
    """Return what the proof of the run's exported file says; nothing where there is no such file."""
    exported, proof = run.path / run.composition.exporter.file_name, run.path / "verify.json"
    if not exported.exists() or not proof.is_file():
        missing.append(f"{run.path} has no exported file with its proof: mtl export {run.path} makes them")
        return {}
    found: Mapping[str, Any] = read_json(proof, "a proof", hint=f"mtl export {run.path} writes it again")
    return found


def _proof(run: Run, found: Mapping[str, Any]) -> str:
    if not found:
        return "## Proof\n\n**There is no exported file, so nothing is proven of one.**\n"
    facts = [[key.replace("_", " "), _said(value)] for key, value in _flat(found)]
    verdict = "computes what the trained model computes" if found.get("passed") else "**was not proven**"
    return f"## Proof\n\n`{run.composition.exporter.file_name}` {verdict}.\n\n" + _table(
        ["what", "found"], facts
    )


def _flat(found: Any, *before: str) -> Iterator[tuple[str, Any]]:
    for key, value in found.items() if isinstance(found, Mapping) else ():
        if isinstance(value, Mapping):
            yield from _flat(value, *before, str(key))
        elif not (isinstance(value, list) and any(isinstance(item, Mapping) for item in value)):
            yield ": ".join((*before, str(key))), value


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, int | float) else str(value)


def _usage(run: Run) -> str:
    name = run.composition.exporter.file_name
    if not name.endswith(".onnx"):
        return f"## How to run it\n\n`{name}`; see the exporter's documentation.\n"
    plan = run.composition.plan()
    inputs = [f"`{item['name']}`: {item['dtype']} {shown_shape(item['shape'])}" for item in plan["inputs"]]
    return (
        f"## How to run it\n\nWith mtl installed (from a clone or a wheel; it is not on PyPI yet):\n\n"
        f"```sh\nmtl predict {name} picture.png\n```\n\n"
        f"or without mtl, in onnxruntime: inputs {'; '.join(inputs)} (pixels in 0..1), an output per task.\n"
    )


def _training(run: Run) -> str:
    environment = run.folder.read_environment()
    recipe = {**run.composition.recipe.portable()}
    training = run.metrics["training"]
    return (
        f"## Training\n\nSeed {recipe['seed']}, {training['epochs']} epochs in {training['seconds']:.1f} s "
        f"on {environment['device']}; the weights of epoch {training['chosen_epoch']} were kept. Recipe "
        f"`{run.composition.recipe.hash()[:12]}`, without paths:\n\n```yaml\n{write_yaml(recipe)}```\n\n"
        + _table(
            ["package", "version"], [[key, str(value)] for key, value in environment["versions"].items()]
        )
    )


def _table(header: list[str], rows: list[list[str]]) -> str:
    """Return a table of Markdown; what would end a cell is escaped."""

    def line(cells: list[str]) -> str:
        return f"| {' | '.join(' '.join(cell.replace('|', chr(92) + '|').split()) for cell in cells)} |\n"

    return line(header) + line(["---"] * len(header)) + "".join(map(line, rows))
