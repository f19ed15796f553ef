"""What `mtl serve` costs beside raw onnxruntime: one table, one JSON file.

    python -m benchmarks.serving --write        # into docs/serving.md and serving.json; about 3 minutes
    python -m benchmarks.serving --seconds 0.5 --rounds 1    # a quick look

Raw is one caller of `InferenceSession.run` in a loop: the fastest of three sessions, one as `mtl predict`
opens it (all cores, spinning), one with all cores and little spinning, one with one thread. The server
runs in a process of its own and the clients (benchmarks/load.py) in another, on the same machine. Rounds
alternate raw and served; a row holds the medians over rounds. Processor time says what a request costs on a
machine that does other things, too: raw, that of a run with one thread, and of the server, its process's by
the requests that it answered. Two targets: at 64 images per request the
server adds at most 10 % to one client's time; 32 clients reach at least 60 % of raw, and no request fails.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime
import orjson

from mtl.exports.inference import ExportedModel
from mtl.exports.metadata import IMAGE

from .marked import with_marked

HERE = Path(__file__).parent

CASES = (
    (1, 1, "binary"),
    (1, 64, "binary"),
    (32, 1, "binary"),
    (32, 1, "json"),
    (32, 8, "binary"),
    (32, 64, "binary"),
)
"""Clients, images per request, and how tensors travel."""

MEDIANS = (
    *("raw_ms", "p50_ms", "p95_ms", "raw_images_per_s", "images_per_s", "raw_cpu_ms", "server_cpu_ms"),
)

COLUMNS = (
    *("clients", "images per request", "tensors", "raw, ms", "served p50, ms", "served p95, ms", "added"),
    *("raw, images/s", "served, images/s", "share of raw", "failed"),
)

OF_THE_PROCESSOR = (
    *("clients", "images per request", "tensors", "raw, µs an image", "served, µs an image"),
    *("served by raw", "failed"),
)


def feed_of(model: ExportedModel, rows: int) -> dict[str, Any]:
    """Return inputs of random pixels."""
    random = np.random.default_rng(rows)
    pixels = random.random((rows, *model.card.image.shape), dtype=np.float32)
    if model.card.pixels == "uint8":
        pixels = (255 * pixels).astype(np.uint8)
    return {IMAGE: pixels} | {spec.name: random.integers(0, spec.count, rows) for spec in model.card.inputs}


def raw_seconds(models: Sequence[ExportedModel], feed: dict[str, Any], seconds: float) -> float:
    """Return the median seconds of one run, of the fastest model."""
    found = []
    for model in models:
        times = []
        stop = time.perf_counter() + seconds / len(models)
        while time.perf_counter() < stop:
            start = time.perf_counter()
            model.infer(feed)
            times.append(time.perf_counter() - start)
        found.append(median(times))
    return min(found)


def raw_processor_seconds(model: ExportedModel, feed: dict[str, Any], seconds: float) -> float:
    """Return the processor time of one run of a model that computes with one thread."""
    runs, stop = 0, time.perf_counter() + seconds
    began = time.process_time()
    while time.perf_counter() < stop or not runs:
        model.infer(feed)
        runs += 1
    return (time.process_time() - began) / runs


def processor_seconds(process: int) -> float:
    """Return the processor time that a process has taken (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rendered(feed: dict[str, Any], form: str) -> bytes:
    """Return the HTTP request for these inputs."""
    names = {"float32": "FP32", "uint8": "UINT8", "int64": "INT64"}
    tensors, tail = [], b""
    for name, values in feed.items():
        tensor = {"name": name, "datatype": names[str(values.dtype)], "shape": values.shape}
        if form == "binary":
            tensor["parameters"] = {"binary_data_size": values.nbytes}
            tail += values.tobytes()
        else:
            tensor["data"] = values.ravel()
        tensors.append(tensor)
    document = {"inputs": tensors, "parameters": {"binary_data_output": form == "binary"}}
    text = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    extra = b"Inference-Header-Content-Length: %d\r\n" % len(text) if tail else b""
    return b"POST /v2/models/bench/infer HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %d\r\n\r\n%s%s" % (
        extra,
        len(text) + len(tail),
        text,
        tail,
    )


@contextmanager
def server(path: Path, options: list[str]) -> Iterator[tuple[int, int]]:
    """Give the port and the process of a running server."""
    command = [sys.executable, "-m", "mtl", "serve", f"bench={path}", "--port", "0", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(json.loads(process.stdout.readline())["url"].rpartition(":")[2]), process.pid
        finally:
            process.terminate()


def served(port: int, requests: list[bytes], seconds: float) -> dict[str, Any]:
    """Return what the clients saw."""
    given = b"".join(b"%d\n%s" % (len(request), request) for request in requests)
    command = [sys.executable, str(HERE / "load.py"), str(port), str(seconds)]
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True, timeout=seconds + 60)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def measure(path: Path, seconds: float, rounds: int, options: list[str]) -> list[dict[str, Any]]:
    """Return one row per case."""
    models = [
        ExportedModel(path),
        ExportedModel(path, spin=10),
        ExportedModel(path, threads=1),
    ]
    rows = []
    with server(path, options) as (port, process):
        for clients, images, form in CASES:
            feed = feed_of(models[0], images)
            request = rendered(feed, form)
            served(port, [request] * clients, min(seconds, 0.3))
            found = []
            for _ in range(rounds):
                raw = raw_seconds(models, feed, seconds)
                own = raw_processor_seconds(models[-1], feed, seconds / 3)
                before = processor_seconds(process)
                load = served(port, [request] * clients, seconds)
                taken = (processor_seconds(process) - before) / load["answers"]
                found.append(
                    {
                        "raw_ms": 1000 * raw,
                        "raw_images_per_s": images / raw,
                        "images_per_s": images * load["answers"] / load["seconds"],
                        "raw_cpu_ms": 1000 * own,
                        "server_cpu_ms": 1000 * taken,
                        **load,
                    }
                )
            row: dict[str, Any] = {"clients": clients, "images": images, "tensors": form}
            for key in MEDIANS:
                row[key] = median(item[key] for item in found)
            row["share_of_raw"] = median(item["images_per_s"] / item["raw_images_per_s"] for item in found)
            row["added"] = median(item["p50_ms"] / item["raw_ms"] - 1 for item in found)
            row["answers"] = sum(item["answers"] for item in found)
            row["failed"] = sum(item["failed"] for item in found)
            rows.append(row)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a table of Markdown."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for row in rows:
        # With many clients a request waits for others: its time says nothing about what serving adds.
        added = f"{100 * row['added']:+.0f} %" if row["clients"] == 1 else ""
        cells = [
            *(row["clients"], row["images"], row["tensors"]),
            *(f"{row[key]:.2f}" for key in ("raw_ms", "p50_ms", "p95_ms")),
            *(added, f"{row['raw_images_per_s']:.0f}", f"{row['images_per_s']:.0f}"),
            *(f"{100 * row['share_of_raw']:.0f} %", f"{row['failed']} of {row['answers']}"),
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def processor_table(rows: list[dict[str, Any]]) -> str:
    """Return what the processor did for each image, as a table of Markdown."""
    lines = ["| " + " | ".join(OF_THE_PROCESSOR) + " |", "|---" * len(OF_THE_PROCESSOR) + "|"]
    for row in rows:
        raw, own = (1000 * row[key] / row["images"] for key in ("raw_cpu_ms", "server_cpu_ms"))
        cells = [
            *(row["clients"], row["images"], row["tensors"], f"{raw:.0f}", f"{own:.0f}", f"{own / raw:.1f}"),
            f"{row['failed']} of {row['answers']}",
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def trained(folder: Path) -> Path:
    """Return the file of the README's model, trained for one epoch: its speed is that of any epoch."""
    command = ["compose", "--tasks", "denoise,classify", "--encoder", "lenet", "--set", "train.epochs=1"]
    subprocess.run(
        [sys.executable, "-m", "mtl", *command, "--out", str(folder / "run")],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder / "run" / "model.onnx"


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="An exported file [default: trained now].")
    parser.add_argument("--seconds", type=float, default=3.0, help="Seconds per measurement.")
    parser.add_argument("--rounds", type=int, default=3, help="Measurements per row.")
    parser.add_argument("--write", action="store_true", help="Write docs/serving.md and serving.json.")
    parser.add_argument(
        "--processor",
        action="store_true",
        help="Of processor time alone: other programs do not matter to it.",
    )
    parser.add_argument("options", nargs="*", help="Options of mtl serve, after --.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.model or trained(Path(folder))
        rows = measure(path, given.seconds, given.rounds, given.options)
    machine = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "onnxruntime": onnxruntime.__version__,
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        "load": round(os.getloadavg()[0]),
    }
    told = (
        f"{machine['cores']} cores ({machine['processor']}), onnxruntime {machine['onnxruntime']}, "
        f"Python {machine['python']}, {machine['date']}, load {machine['load']}; {given.rounds} rounds of "
        f"{given.seconds:g} s."
    )
    shown = f"{(processor_table if given.processor else table)(rows)}\n\n{told}"
    print(shown)
    if given.write:
        document = HERE.parent / "docs" / "serving.md"
        marker = f"measured: serving{', processor' * given.processor}"
        document.write_text(with_marked(document.read_text(), marker, shown))
    if given.write and not given.processor:
        (HERE / "serving.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
