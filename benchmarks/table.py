"""Writes the measured figures into docs/performance.md, between its markers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .gpu.page import FIRST, column
from .marked import with_marked

RESULTS = Path(__file__).with_name("results")
DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
NOT_MEASURED = "not measured"


def write_table() -> None:
    """Replace what is between the markers by tables of the results that are there."""
    found = {
        name: json.loads(path.read_text())
        for name in ("cpu", "cuda", "gpu")
        if (path := RESULTS / f"{name}.json").is_file()
    }
    text = "\n\n".join(
        [
            _where(found),
            _targets(found),
            *(_jobs(name, value) for name, value in found.items() if "jobs" in value),
        ]
    )
    DOCUMENT.write_text(with_marked(DOCUMENT.read_text(), "measured: speed", text))


def _where(found: dict[str, Any]) -> str:
    lines = []
    for name, value in found.items():
        if name == "gpu":
            lines.append(
                f"GPU: {value['card']}, torch {value['torch']}, {value['date']}, commit {value['commit']}."
            )
            continue
        machine = value["machine"]
        lines.append(
            f"{name.upper()}: {machine['cpu']} ({machine['capability']}), {machine['threads']} threads, "
            f"device {machine['device']}, Python {machine['python']}, torch {machine['torch']}, "
            f"mtl {machine['mtl']}, {machine['date']}; {value['rounds']} rounds, {value['minutes']} minutes "
            "in all."
        )
    return "\n".join(lines)


def _targets(found: dict[str, Any]) -> str:
    rows = [
        ("mtl against the usual loop (0 workers), LeNet batch 32", ">= 1.65x", ">= 20x", _usual),
        ("the same, 2 workers", "", "", _usual_workers),
        ("mtl against the limit, in its best memory format", ">= 0.95", ">= 0.90", _limit),
        ("against LibMTL, same work", "-", ">= 20x", _libmtl),
        ("MNIST, 20 epochs, batch 32, training only", "-", "<= 8 s", _mnist),
        ("eight seeds together against one, LeNet", "<= 5x", "<= 2x", lambda value: _seeds(value, 0)),
        ("eight seeds together against one, MLP", "<= 5x", "<= 2x", lambda value: _seeds(value, 1)),
        ("sixteen seeds together against one", "-", "<= 3x", _sixteen),
        ("eight hard-shared heads against one", "<= 2.5x", "<= 2x", lambda value: _times(value["heads"])),
        ("memory beyond model, data and activations", "<= 300 MB", "<= 300 MB", _memory),
        ("evaluation against a loop over batches of 32", "", "", lambda value: _times(value["evaluation"])),
        ("second start on MNIST's size, after the imports", "<= 2 s", "<= 2 s", _start),
    ]
    gpu = column(found["gpu"]) if "gpu" in found else {}
    lines = ["| | target, CPU | CPU | target, GPU | GPU |", "|---|---|---|---|---|"]
    for title, cpu_target, cuda_target, shown in rows:
        cells = [_cell(found.get("cpu"), shown), gpu.get(title) or _cell(found.get("cuda"), shown)]
        lines.append(f"| {title} | {cpu_target} | {cells[0]} | {cuda_target} | {cells[1]} |")
    return "\n".join(lines)


def _cell(value: Any, shown: Any) -> str:
    if value is None:
        return NOT_MEASURED
    try:
        text: str = shown(value)
    except KeyError:
        return "-"
    return text


def _spread(ratio: dict[str, float], unit: str = "x") -> str:
    return f"{ratio['median']:.2f}{unit} ({ratio['quartile_1']:.2f}..{ratio['quartile_3']:.2f})"


def _usual(value: Any) -> str:
    return _spread(value["jobs"][FIRST]["usual, 0 workers / mtl"])


def _usual_workers(value: Any) -> str:
    return _spread(value["jobs"][FIRST]["usual, 2 workers / mtl"])


def _limit(value: Any) -> str:
    return _spread(value["jobs"][FIRST]["limit / mtl"], "")


def _libmtl(value: Any) -> str:
    return _spread(value["jobs"][FIRST]["LibMTL / mtl"])


def _mnist(value: Any) -> str:
    return f"{value['mnist']['seconds']:.1f} s"


def _seeds(value: Any, index: int) -> str:
    return _times(value["seeds"][index])


def _sixteen(value: Any) -> str:
    return _times(value["sixteen_seeds"])


def _times(value: Any) -> str:
    return _spread(value["ratio"])


def _memory(value: Any) -> str:
    return f"{value['memory']['beyond_mib']:.0f} MiB"


def _start(value: Any) -> str:
    found = value["start_up"]
    return f"{found['second_seconds']:.1f} s (first: {found['first_seconds']:.1f} s)"


def _jobs(name: str, value: Any) -> str:
    lines = [
        f"{name.upper()}, milliseconds per step:",
        "",
        "| job | usual, 0 workers | usual, 2 workers | mtl | limit | usual / mtl | limit / mtl |",
        "|---|---|---|---|---|---|---|",
    ]
    for title, job in value["jobs"].items():
        step = job["step"]
        cells = [step[key] for key in ("usual, 0 workers", "usual, 2 workers", "mtl", job["best limit"])]
        shown = [f"{cell['median_ms']:.2f}" for cell in cells]
        shown += [_spread(job["usual, 0 workers / mtl"]), _spread(job["limit / mtl"], "")]
        lines.append(f"| {title} | {' | '.join(shown)} |")
    return "\n".join(lines)
