"""`mtl bench`: size, latency, throughput and quality of exported files, one table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core.base.errors import UsageError
from .limits import MEBIBYTE, memory_option, timeout_option

if TYPE_CHECKING:
    from ..core.discovery.registry import HasRegistry
    from .benchmarking import Result


@click.command()
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--batch", "sizes", metavar="A,B", default="1,8,64", help="Batch sizes [default: 1,8,64].")
@click.option(
    "--runtime",
    "runtimes",
    metavar="A,B",
    default="onnxruntime",
    show_default=True,
    help="Where ONNX files are run: onnxruntime, openvino, tract.",
)
@click.option("--seconds", default=0.5, metavar="N", help="Time per batch size at least [default: 0.5].")
@timeout_option(60.0, "opening a model, and for each answer")
@memory_option()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.pass_obj
def bench(
    session: HasRegistry | None,
    targets: tuple[Path, ...],
    sizes: str,
    runtimes: str,
    seconds: float,
    timeout: float,
    memory: int,
    as_json: bool,
) -> None:
    """Measure exported files, each in its runtime.

    TARGET is an exported .onnx file, one for another runtime, or a folder with such files: a run or a
    bundle. The quality beside is that of the test split, as the export measured it.

    \b
    Examples:
      mtl bench runs/demo --runtime onnxruntime,openvino,tract
      mtl bench runs/demo/model.onnx --batch 1,64 --seconds 0.2 --json
    """
    # numpy and onnxruntime cost time that --help need not wait for.
    from ..core.discovery.answer_forms import forms_in_use
    from .benchmarking import Bounds, files_of
    from .benchmarking import bench as measured
    from .elsewhere.answering import check_onnx_runtime

    batches = _batches(sizes)
    if not 0 < seconds <= 600:
        raise UsageError(f"--seconds {seconds:g} is not above 0 and at most 600")
    bounds, forms = Bounds(timeout, memory * MEBIBYTE), forms_in_use(session)
    names = [check_onnx_runtime(name.strip()) for name in dict.fromkeys(runtimes.split(","))]
    results = [
        measured(path, batches, seconds, bounds, forms, name)
        for path in files_of(targets)
        # A folder for another runtime has its own.
        for name in (names if path.is_file() else names[:1])
    ]
    if as_json:
        document = {"runtime": _runtime(), "results": [result.to_json() for result in results]}
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo("\n".join(_table(results)))
        meaning = "latency in ms, median and 95th percentile, and images per second"
        click.echo(f"{meaning}; {_runtime()}", err=True)


def _batches(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = [0]
    if not all(1 <= size <= 100_000 for size in found):
        raise UsageError(f"--batch {text!r} is no list of batch sizes", hint="for example --batch 1,8,64")
    return found


def _runtime() -> str:
    import platform

    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__} on the CPU, {platform.system()} {platform.machine()}"


def _table(results: Sequence[Result]) -> list[str]:
    tasks = list(dict.fromkeys(task for result in results for task in result.metrics))
    header = ["file", "runtime", "precision", "bytes"]
    for timing in results[0].timings:
        header += [f"p50 @{timing.batch}", f"p95 @{timing.batch}", f"img/s @{timing.batch}"]
    rows = [[*header, *tasks]]
    for result in results:
        row = [str(result.path), result.runtime, result.precision, f"{result.size:,}"]
        for timing in result.timings:
            row += [f"{timing.p50:.3f}", f"{timing.p95:.3f}", f"{timing.throughput:,.0f}"]
        for task in tasks:
            name, value = result.metrics.get(task, ("", None))
            row.append("-" if value is None else f"{name} {value:.4f}")
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
