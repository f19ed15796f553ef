"""The README of a bundle: what each file is, the inputs and outputs, and code to copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...core.base.shapes import shown_shape
from ..metadata import ModelCard
from .contents import label_files
from .cpp import cpp
from .javascript import javascript
from .pictures import JAVASCRIPT, ORIENTATION, PYTHON, reads_files
from .python import python

_PYTHON = "`pip install onnxruntime numpy`"
_JAVASCRIPT = "`npm install onnxruntime-node`; in a browser `onnxruntime-web` has the same API"
_CPP = "`g++ -std=c++17 main.cpp -lonnxruntime`"


def readme(card: ModelCard, verification: Mapping[str, Any]) -> str:
    """Return the text, Markdown."""
    return "\n".join(_lines(card, verification)) + "\n"


def _lines(card: ModelCard, verification: Mapping[str, Any]) -> Iterator[str]:
    tasks = ", ".join(output.name for output in card.outputs)
    yield from (
        f"# {tasks}",
        "",
        "A multitask model, exported and verified by `mtl`. `mtl verify .` checks the sums of all files and",
        "every model on the samples beside it; `sha256sum -c SHA256SUMS` checks the sums without `mtl`.",
        "",
        "| file | what it is |",
        "|---|---|",
    )
    for name, proof in verification["models"].items():
        yield f"| `{name}` | the model in {proof['precision']}, {proof['file']['bytes']:,} bytes |"
    yield "| `mtl.json` | inputs, outputs, classes, units, normalisation, recipe, versions, test metrics |"
    yield "| `verify.json` | what was compared with the trained model, and the largest difference found |"
    yield "| `samples.npz` | real inputs (`input/NAME`), the trained model's outputs (`output/TASK`) |"
    if reads_files(card):
        names = ", ".join(f"`{name}`" for name in (PYTHON, JAVASCRIPT, ORIENTATION))
        yield f"| {names} | how a picture file becomes the input, as in training |"
    yield "| `sample/` | the first of them, one little-endian file per input |"
    if label_files(card):
        yield "| `labels/` | the names of each task's classes or values, one per line |"
    yield from ("", "## Inputs and outputs", "", "| name | type | shape | meaning |", "|---|---|---|---|")
    properties = card.to_json()
    for item in properties["inputs"]:
        yield _row("input", item, _meaning(item))
    for item in properties["outputs"]:
        yield _row("output", item, item["description"])
    yield from _quality(verification)
    for title, fence, note, code in (
        ("Python", "python", _PYTHON, python(card)),
        ("JavaScript", "js", _JAVASCRIPT, javascript(card)),
        ("C++", "cpp", _CPP, cpp(card)),
    ):
        yield from ("", f"## {title}", "", f"{note}. Run it in this folder.", "", f"```{fence}")
        yield code.rstrip("\n")
        yield "```"


def _row(role: str, item: Mapping[str, Any], meaning: str) -> str:
    return f"| {role} `{item['name']}` | {item['dtype']} | {shown_shape(item['shape'])} | {meaning} |"


def _meaning(item: Mapping[str, Any]) -> str:
    if "numbers" in item:
        names = [*item["numbers"]]
        names += [f"{column} (0..{len(known) - 1})" for column, known in item["categories"].items()]
        return f"{', '.join(names)}; NaN where not known"
    low, high = item["range"]
    return f"{item['description'] or 'a whole number'} ({low}..{high})"


def _quality(verification: Mapping[str, Any]) -> Iterator[str]:
    """Say what the smaller models lose, where there are any."""
    changed = {name: proof["quality"] for name, proof in verification["models"].items() if "quality" in proof}
    if not changed:
        return
    yield from ("", "## What the smaller models lose", "")
    yield "Measured in onnxruntime; the test split, and the validation split that decides."
    yield from (
        "",
        "| file | task | metric | test before | test after | loss | allowed |",
        "|---|---|---|---|---|---|---|",
    )
    for name, tasks in changed.items():
        for task, found in tasks.items():
            before, after = (_number(found[when]["test"]) for when in ("before", "after"))
            lost = " / ".join(_number(found["drop"][split]) for split in ("test", "validation"))
            allowed = f"{found['allowed']:g} {found['unit']}"
            yield f"| `{name}` | {task} | {found['metric']} | {before} | {after} | {lost} | {allowed} |"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
