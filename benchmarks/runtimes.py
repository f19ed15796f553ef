"""One model, seven runtimes: differences from torch, sizes, latencies, and every shipped task in each.

`python -m benchmarks.runtimes`, from the repository root, exports the default model, and then untrained
small models that have every shipped task, to each runtime, proves each there, writes
`benchmarks/results/runtimes.json` after every file, and rebuilds the tables between the markers of
`docs/exports.md`. What is in the results already is not measured again unless `--again` is given. A runtime
that is not installed beside mtl gets an environment of its own (`MTL_ISOLATED_NAME=DIR` names one that
exists).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import mtl
from mtl.core.base.errors import MtlError
from mtl.core.composition.composer import compose
from mtl.core.contracts import ExportSubject
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry, discover
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.exporting import build_exporter, export_subject
from mtl.exports.benchmarking import measure, random_feed
from mtl.exports.elsewhere.onnx_file import OnnxElsewhere
from mtl.exports.elsewhere.opened import Elsewhere
from mtl.exports.elsewhere.runtime import RUNTIMES_ELSEWHERE
from mtl.exports.export import Export
from mtl.exports.inference import ExportedModel
from mtl.exports.verification import compare

from . import in_browser
from .exports import processor
from .marked import with_marked

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "runtimes.json"
DOCUMENT = ROOT / "docs" / "exports.md"
TITLES = {
    "torch-export": "torch (`torch-export`)",
    "onnx": "onnxruntime (`onnx`)",
    "onnxruntime-web": "onnxruntime-web (reads the ONNX file, in headless Chromium)",
    "openvino": "OpenVINO (`openvino`)",
    "tract": "tract (reads the ONNX file)",
    "ncnn": "ncnn (`ncnn`)",
    "executorch": "ExecuTorch (`executorch`)",
    "litert": "LiteRT (`litert`)",
}
SECONDS, LIMIT = 0.5, 60.0
DEFAULT = "default"
SETS: Mapping[str, dict[str, Any]] = {
    "digits": {
        "dataset": "digits",
        "tasks": {
            "denoise": {},
            "classify": {},
            "parity": {},
            "multiple-of": {},
            "even": {},
            "third": {},
            "label-group": {"groups": {"round": ["0", "6", "8", "9"]}},
            "autoencode": {},
            "rotation": {},
            "random-sum": {},
        },
    },
    "ranks": {"dataset": "digits", "tasks": {"rank": {}}},
    "shapes": {
        "dataset": {"name": "shapes-synthetic", "train_size": 60, "test_size": 20},
        "tasks": {"shape-class": {}, "shape-count": {}, "regress": {}},
    },
    "scenes": {
        "dataset": {"name": "scenes", "train_size": 40, "test_size": 10, "size": 16},
        "tasks": {
            "segmentation": {"task": "segment", "label": "segmentation"},
            "depth": {"task": "depth"},
            "attributes": {"task": "attributes"},
            "keypoints": {"task": "keypoints"},
        },
    },
}
"""Every shipped task, by the data set that has its labels."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--again", action="store_true", help="measure what is in the results too")
    parser.add_argument("--tables", action="store_true", help="write the tables of the results alone")
    arguments = parser.parse_args()
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    if not arguments.tables:
        measured({} if arguments.again else found)
        found = json.loads(RESULTS.read_text())
    rebuild(found)


def measured(found: dict[str, Any]) -> None:
    """Measure what `found` lacks, and write the results after each file."""
    registry = discover()
    with tempfile.TemporaryDirectory() as place:
        for name in (DEFAULT, *SETS):
            subject = None
            for runtime in TITLES:
                if runtime in found.get(name, {}):
                    continue
                subject = subject or subject_of(name, registry, Path(place))
                say(f"{name} in {runtime} ...")
                row = row_of(subject, runtime, registry, Path(place) / f"{name}-{runtime}")
                found.setdefault(name, {})[runtime] = row
                found["where"] = f"{processor()}, {time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.0f}"
                RESULTS.write_text(json.dumps(found, indent=1) + "\n")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def subject_of(name: str, registry: Registry, place: Path) -> ExportSubject:
    if name == DEFAULT:
        made = mtl.compose(
            tasks=["denoise", "classify"], encoder="lenet", epochs=1, out=place / "run"
        ).composition
    else:
        tree = {"encoder": {"name": "mlp", "hidden": [16]}, **SETS[name]}
        made = compose(read(RecipeSource(tree), registry), registry)
    splits = load_splits(made.dataset, validation=0.1, split_seed=0)
    return export_subject(made, splits.validation, {}, splits)


def row_of(subject: ExportSubject, runtime: str, registry: Registry, place: Path) -> dict[str, Any]:
    """Return what one runtime makes of a model; of its tasks one by one where it does not hold all."""
    try:
        return {"lacks": {}, **exported(subject, runtime, registry, place)}
    except MtlError as error:
        if len(subject.targets) == 1:
            return {"lacks": {next(iter(subject.targets)): error.message}, "differences": {}}
    parts = [row_of(subject.only([task]), runtime, registry, place) for task in subject.targets]
    return {key: {k: v for part in parts for k, v in part[key].items()} for key in ("lacks", "differences")}


def exported(subject: ExportSubject, runtime: str, registry: Registry, place: Path) -> dict[str, Any]:
    """Export, prove, and measure at one sample."""
    if runtime == "tract":
        exporter = build_exporter(registry, "onnx", {})
        path = place.with_suffix(".onnx")
        exporter.export(subject, path)
        report = exporter.verify_in(subject, path, ("tract",))["tract"]
        own = OnnxElsewhere("tract", path.read_bytes())
        times = own.times(random_feed(ExportedModel(path).card, 1), SECONDS, LIMIT)
    elif runtime == in_browser.NAME:
        return web_row(subject, registry, place.with_suffix(".onnx"))
    elif runtime in RUNTIMES_ELSEWHERE:
        options = {"isolated": bool(RUNTIMES_ELSEWHERE[runtime].absent)}
        report = build_exporter(registry, runtime, options).export(subject, place).verification
        opened = Elsewhere(place)
        times = opened.times(random_feed(opened.card, 1), SECONDS, LIMIT)
        opened.close()
    else:
        exporter = build_exporter(registry, runtime, {})
        path = place.with_suffix(exporter.suffix)
        report = exporter.export(subject, path).verification
        own_time = measure(ExportedModel(path), 1, SECONDS, LIMIT).p50 if runtime == "onnx" else None
        times = [] if own_time is None else [own_time / 1000]
    return {
        "differences": worst_of(report),
        "bytes": report["file"]["bytes"],
        "p50_ms": 1000 * float(np.median(times)) if times else None,
        "batch": report.get("batch", "any"),
        "version": report["versions"].get(report["runtime"], ""),
    }


def web_row(subject: ExportSubject, registry: Registry, path: Path) -> dict[str, Any]:
    """Return the row of the ONNX file in a browser, compared in the same cases as in other runtimes."""
    build_exporter(registry, "onnx", {}).export(subject, path)
    data = path.read_bytes()
    with in_browser.browser() as driver:
        opened = in_browser.InBrowser(driver, data)
        report = compare(Export(subject), opened)
        times = opened.times(random_feed(ExportedModel(path).card, 1), 50)
    row = {"differences": worst_of({**report, "tasks": list(subject.targets)}), "bytes": len(data)}
    return {**row, "p50_ms": 1000 * float(np.median(times)), "batch": "any", "version": opened.version}


def worst_of(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the largest difference of each task."""
    return {task: max(case["differences"][task] for case in report["cases"]) for task in report["tasks"]}


def rebuild(found: Mapping[str, Any]) -> None:
    """Write the tables between the markers of the document."""
    text = DOCUMENT.read_text()
    for name, table in (("runtimes", one_model(found)), ("tasks in runtimes", matrix(found))):
        text = with_marked(text, f"benchmark: {name}", table)
    DOCUMENT.write_text(text)


def one_model(found: Mapping[str, Any]) -> str:
    lines = [
        f"`python -m benchmarks.runtimes` on {found['where']}: the default model after one epoch.",
        "Latencies are those of a machine that was that busy. Files and arithmetic are float32.",
        "",
        "| runtime | version | largest difference | bytes | batch | p50 ms @1 |",
        "|---|---|---|---|---|---|",
    ]
    rows = found.get(DEFAULT, {})
    for runtime, row in ((name, rows[name]) for name in TITLES if name in rows):
        worst = "; ".join([*map(lacking, row["lacks"].items())]) or f"{max(row['differences'].values()):.1e}"
        size = f"{row['bytes']:,}" if "bytes" in row else "-"
        latency = f"{row['p50_ms']:.3f}" if row.get("p50_ms") else "-"
        cells = [
            TITLES[runtime],
            row.get("version", "-"),
            worst,
            size,
            str(row.get("batch", "-")),
            latency,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def matrix(found: Mapping[str, Any]) -> str:
    lines = ["| task | " + " | ".join(TITLES) + " |", "|" + "---|" * (len(TITLES) + 1)]
    for name, section in SETS.items():
        for task in section["tasks"]:
            cells = [cell(found.get(name, {}).get(runtime), task) for runtime in TITLES]
            lines.append(f"| {task} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(row: Mapping[str, Any] | None, task: str) -> str:
    if row is None:
        return "not measured"
    if task in row["lacks"]:
        return lacking((task, row["lacks"][task]))
    return f"{row['differences'][task]:.0e}"


def lacking(item: tuple[str, str]) -> str:
    return "lacks " + re.sub(r".*has no operator ", "", item[1])[:120].replace("|", "/")


if __name__ == "__main__":
    main()
