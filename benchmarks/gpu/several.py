"""Whether two cards that train one model in captured graphs come to what they come to step by step."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from mtl.core.training.captured_sums import WANTED

from .setting import Line, Setting

EPOCHS = 12
_NEAR = 1e-3
"""How far losses may be apart, relatively: cards add in any order."""
_SECONDS = 70.0


def ranks(setting: Setting) -> Iterator[Line]:
    """Train LeNet on digits on two cards, with sums in graphs and without: the losses must agree."""
    count = torch.cuda.device_count() if setting.on_cuda else 0
    if count < 2:
        yield {"what": f"skipped: sums over devices in graphs need two cards; found here: {count}"}
        return
    single, said = _trained(captured=False)
    graphs, told = _trained(captured=True)
    furthest = max(
        abs(float(single[name]) - float(graphs[name])) / abs(float(single[name]))
        for name in single
        if name.endswith("/loss")
    )
    yield {
        "what": "two cards, sums in graphs",
        "ok": furthest < _NEAR and "gradients are summed over" in said and "one by one" not in told,
        "furthest_loss": furthest,
        "epoch_ms": round(1000 * float(graphs["seconds"]), 2),
        "single_epoch_ms": round(1000 * float(single["seconds"]), 2),
        "told": told[-400:],
    }


def _trained(*, captured: bool) -> tuple[dict[str, str], str]:
    """Return the last line of the history, and what was told."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "mtl",
            "compose",
            "--tasks",
            "denoise,classify",
            "--encoder",
            "lenet",
        ]
        command += ["--dataset", "digits", "--epochs", str(EPOCHS), "--device", "cuda", "--devices", "2"]
        done = subprocess.run(
            [*command, "--out", f"{folder}/run"],
            env=os.environ | {WANTED: "1" if captured else "0"},
            capture_output=True,
            text=True,
            check=True,
            timeout=_SECONDS,
        )
        with (Path(folder) / "run" / "history.csv").open() as file:
            return list(csv.DictReader(file))[-1], done.stderr
