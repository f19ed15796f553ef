"""Exports measured: every variant of every shipped task, sizes, and what commands add to onnxruntime.

`python -m benchmarks.exports`, from the repository root, trains small models on the data that comes with
the project, exports and verifies each in every variant and runtime, writes `benchmarks/exports.json`, and
rebuilds the tables between the markers of `docs/exports.md`. `--speed` renews the second table alone.
`--quick` trains one model for one epoch, exports few variants and times little: for a look at whether the
command works. The figures hold for the machine and versions that the document names.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import mtl
from mtl.exports.benchmarking import measure
from mtl.exports.inference import ExportedModel

from .marked import with_marked

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "exports.json"
DOCUMENT = ROOT / "docs" / "exports.md"
LIMIT = 60.0
"""Seconds that one call may take."""
ANY = {"points": 0.5, "dB": 0.3, "%": 2.0}
"""What the gate allows unasked, by unit; the table measures without it and says what would pass."""


@dataclass(frozen=True)
class Model:
    """A model of the table: what is composed, and the part of it that is exported as well."""

    name: str
    options: Mapping[str, Any]
    part: tuple[str, ...]


DIGITS = ["denoise", "classify"]
MODELS = (
    Model("default", {"tasks": DIGITS, "encoder": "lenet"}, ("classify",)),
    Model(
        "digits",
        {
            "tasks": {
                "parity": {},
                "multiple-of": {},
                "even": {},
                "third": {},
                "label-group": {"groups": {"round": ["0", "6", "8", "9"]}},
                "autoencode": {},
            },
            "encoder": "lenet",
        },
        ("parity", "autoencode"),
    ),
    Model("rotated", {"tasks": ["rotation", "classify"], "encoder": "lenet"}, ("rotation",)),
    Model("sums", {"tasks": ["random-sum", "classify"], "encoder": "lenet"}, ("classify",)),
    Model(
        "shapes",
        {
            "dataset": {"name": "shapes-synthetic", "train_size": 1500, "test_size": 400},
            "tasks": ["shape-class", "shape-count"],
            "encoder": "lenet",
        },
        ("shape-count",),
    ),
    Model("stitched", {"tasks": DIGITS, "encoder": "lenet", "sharing": "cross-stitch"}, ("denoise",)),
)

VARIANTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("float32", "onnx", {}),
    ("float32, uint8 input", "onnx", {"input": "uint8"}),
    ("float32, raw", "onnx", {"raw": True}),
    ("float16", "onnx", {"precision": "float16"}),
    ("int8", "onnx", {"precision": "int8"}),
    ("int8, uint8 input", "onnx", {"precision": "int8", "input": "uint8"}),
    ("torch program", "torch-export", {}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one epoch, one model, short timings")
    parser.add_argument(
        "--speed", action="store_true", help="only the second table; the first stays as it is"
    )
    arguments = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        if arguments.speed:
            results = json.loads(RESULTS.read_text())
            composed(MODELS[0], Path(name), epochs=1)
            results["speed"] = speed(Path(name) / MODELS[0].name, Path(name), repeats=5)
        else:
            results = measured(Path(name), quick=arguments.quick)
            results["seconds"] = round(time.perf_counter() - began, 1)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    rebuild(results)
    say(f"{RESULTS} and {DOCUMENT} are written, {results['seconds']:.0f} s")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measured(folder: Path, *, quick: bool) -> dict[str, Any]:
    """Compose every model, and return everything measured."""
    rows: list[dict[str, Any]] = []
    epochs = 1 if quick else 12
    for model in MODELS[:1] if quick else MODELS:
        say(f"{model.name} ...")
        for row in variants(composed(model, folder, epochs), folder, model, quick=quick):
            rows.append({"model": model.name, **row})
    return {
        "environment": environment(quick),
        "variants": rows,
        "speed": speed(folder / MODELS[0].name, folder, repeats=1 if quick else 5),
    }


def composed(model: Model, folder: Path, epochs: int) -> mtl.Run:
    options = {**model.options, "epochs": epochs, "out": folder / model.name}
    if "dataset" not in options:
        options["set"] = {"train.validation": 0.2}
    return mtl.compose(**options)


def environment(quick: bool) -> dict[str, Any]:
    names = ("torch", "onnx", "onnxruntime", "openvino")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in names},
        "quick": quick,
    }


def processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or "unknown"
    model = re.search(r"model name\s*: (.+)", text)
    vnni = "with VNNI" if "vnni" in text else "without VNNI"
    count = len(re.findall(r"^processor\s*:", text, re.MULTILINE))
    return f"{count} x {model[1] if model else 'unknown'} ({vnni})"


def version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def variants(run: mtl.Run, folder: Path, model: Model, *, quick: bool) -> Iterator[dict[str, Any]]:
    """Export every variant, and every precision of a part; yield one row per variant."""
    limits = dict.fromkeys(run.composition.tasks, 1e9)
    seconds = 0.02 if quick else 0.5
    for name, exporter, options in VARIANTS[::4] if quick else VARIANTS:
        yield row(run, folder, name, exporter, options, None, limits, seconds)
    for name, exporter, options in () if quick else VARIANTS:
        if not {"input", "raw"} & set(options):
            yield row(run, folder, name, exporter, options, model.part, limits, seconds)


def row(
    run: mtl.Run,
    folder: Path,
    name: str,
    exporter: str,
    options: Mapping[str, Any],
    part: tuple[str, ...] | None,
    limits: Mapping[str, float],
    seconds: float,
) -> dict[str, Any]:
    given = dict(options)
    if "precision" in given:
        given["max_drop"] = limits
    path = folder / ("export.onnx" if exporter == "onnx" else "export.pt2")
    report = run.export(path, exporter=exporter, tasks=part, **given).verification
    worst = {report["runtime"]: report["worst"]}
    if exporter == "onnx":
        # The evaluator takes seconds per file, and a part runs through the same operators as the whole.
        others = ["reference"] if part is None else []
        others += ["openvino"] if version("openvino") != "not installed" else []
        worst |= {key: found["worst"] for key, found in run.verify(path, runtimes=others).items()}
    timings = {}
    if exporter == "onnx":
        opened = ExportedModel(path)
        timings = {str(size): measure(opened, size, seconds, LIMIT).to_json() for size in (1, 8, 64)}
    return {
        "variant": name,
        "tasks": report["tasks"],
        "part": part is not None,
        "bytes": report["file"]["bytes"],
        "worst": worst,
        "quality": report.get("quality", {}),
        "timings": timings,
    }


def speed(run: Path, folder: Path, repeats: int) -> dict[str, Any]:
    """Time whole processes, and what prediction adds to onnxruntime's own call."""
    from PIL import Image

    picture = folder / "digit.png"
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(picture)
    program = [sys.executable, "-m", "mtl"]
    exporting = whole([*program, "export", str(run), "--to", str(folder / "timed.onnx")], repeats)
    predicting = whole([*program, "predict", str(run), str(picture)], repeats)
    exported = ExportedModel(run / "model.onnx")
    images = np.random.default_rng(0).integers(0, 256, (64, 1, 28, 28), dtype=np.uint8)
    feed = {"image": np.divide(images, np.float32(255), dtype=np.float32)}
    bare = exported.raw_runner()
    raw, full = interleaved(
        lambda: bare(feed), lambda: exported.answers(exported.run(images)), 10 * repeats + 20
    )
    return {
        "export_and_verify_seconds": exporting,
        "predict_one_image_seconds": predicting,
        "date": time.strftime("%Y-%m-%d"),
        "onnxruntime_batch_64_ms": 1000 * raw,
        "predict_batch_64_ms": 1000 * full,
        "predict_overhead_percent": 100 * (full / raw - 1),
    }


def whole(command: list[str], repeats: int) -> float:
    """Return the median wall time of a whole process."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=tempfile.gettempdir())
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def interleaved(one: Callable[[], Any], other: Callable[[], Any], calls: int) -> tuple[float, float]:
    """Return the median time of two calls, measured in turn so that both see the same machine."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(calls):
        for call, found in zip((one, other), taken, strict=True):
            began = time.perf_counter()
            call()
            found.append(time.perf_counter() - began)
    return statistics.median(taken[0][5:]), statistics.median(taken[1][5:])


def rebuild(results: Mapping[str, Any]) -> None:
    """Write the tables between the markers of the document."""
    text = DOCUMENT.read_text()
    for name, table in (("variants", variant_table(results)), ("speed", speed_table(results))):
        text = with_marked(text, f"benchmark: {name}", table)
    DOCUMENT.write_text(text)


HEADER = (
    "| model | variant | tasks | onnxruntime | OpenVINO | reference | loss on test (validation) | bytes "
    "| of float32 | p50 ms @1 | @8 | @64 |"
)


def variant_table(results: Mapping[str, Any]) -> str:
    lines = [
        told(results),
        "",
        HEADER,
        "|" + "---|" * 12,
    ]
    whole: dict[tuple[str, bool], int] = {}
    for item in results["variants"]:
        key = (item["model"], item["part"])
        whole.setdefault(key, item["bytes"])
        program = item["variant"] == "torch program"
        cells = [
            item["model"],
            item["variant"] + (" (torch)" if program else ""),
            ", ".join(item["tasks"]),
            difference(item["worst"], "torch" if program else "onnxruntime"),
            difference(item["worst"], "openvino"),
            difference(item["worst"], "reference"),
            "; ".join(loss(task, found) for task, found in item["quality"].items()) or "-",
            f"{item['bytes']:,}",
            f"{item['bytes'] / whole[key]:.3f}",
            *(
                f"{item['timings'][size]['p50_ms']:.3f}" if item["timings"] else "-"
                for size in ("1", "8", "64")
            ),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def told(results: Mapping[str, Any]) -> str:
    found = results["environment"]
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    how = "`python -m benchmarks.exports" + (" --quick" if found["quick"] else "") + "`"
    return (
        f"Written on {found['date']} by {how} in {results['seconds']:.0f} s on {found['platform']}, "
        f"{found['processor']}, Python {found['python']}, {versions}."
    )


def difference(worst: Mapping[str, Any], runtime: str) -> str:
    if runtime not in worst:
        return "-"
    return f"{worst[runtime]['difference']:.1e} ({worst[runtime]['allowed']:.1e})"


def loss(task: str, found: Mapping[str, Any]) -> str:
    drops = found["drop"]
    passes = drops["validation"] is not None and drops["validation"] <= ANY[found["unit"]]
    shown = [("?" if value is None else f"{value:+.3f}") for value in (drops["test"], drops["validation"])]
    mark = "" if passes else " **refused by default**"
    return f"{task} {found['metric']} {shown[0]} ({shown[1]}) {found['unit']}{mark}"


def speed_table(results: Mapping[str, Any]) -> str:
    found = results["speed"]
    rows = dict.fromkeys(("float32", "float16", "int8"), math.nan)
    for item in results["variants"]:
        if item["model"] == MODELS[0].name and not item["part"] and item["variant"] in rows:
            rows[item["variant"]] = item["bytes"]
    measures = [
        ("`mtl export`, whole process, verification included", found["export_and_verify_seconds"], "s", 20.0),
        ("`mtl predict` on one image, whole process", found["predict_one_image_seconds"], "s", 1.0),
        ("prediction over onnxruntime's own call, batch 64", found["predict_overhead_percent"], "%", 10.0),
        ("int8 file, of float32", rows["int8"] / rows["float32"], "", 0.35),
        ("float16 file, of float32", rows["float16"] / rows["float32"], "", 0.55),
    ]
    lines = ["| what (default model) | measured | at most | |", "|---|---|---|---|"]
    for name, value, unit, most in measures:
        shown = f"{value:.3f} {unit}".strip()
        verdict = "kept" if value <= most else "**missed**" if value > most else "not measured"
        lines.append(f"| {name} | {shown} | {most:g} {unit} | {verdict} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
