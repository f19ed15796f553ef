"""R13: numbers that are none, or too large: told as the recipe's or the data's, never exported."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from .children import Child
from .jobs import flags
from .row import Findings

_LABELS = """
import numpy as np
from mtl import Component, hookimpl
from mtl.contracts import Columns, Dataset, DatasetSpec, ImageSpec, Regression

NAMES = ("square", "circle", "triangle up", "triangle right", "triangle down", "triangle left")

class Strange(Dataset):
    def spec(self):
        return DatasetSpec(ImageSpec(1, 28, 28), {"counts": Regression(NAMES)})

    def load(self):
        images = np.zeros((40, 1, 28, 28), np.uint8)
        counts = np.full((40, 6), VALUE, np.float32)
        return {"train": Columns(images, {"counts": counts}), "test": Columns(images, {"counts": counts})}

@hookimpl
def mtl_components():
    return [Component("dataset", "strange", "numbers that are none", f"{__name__}:Strange")]
"""


class Numbers:
    """Balancers with learning rates that must diverge, weights and normalizations of 1e38, odd labels."""

    name = "R13"
    title = "diverging trainings under every balancer, huge weights, labels that are no numbers"
    promise = "a diverging training ends with status 2; no model is left whose numbers are none"
    count = 40

    def run(self, count: int, seed: int, work: Path) -> Findings:
        from mtl.core.discovery.registry import discover

        cases: list[tuple[str, list[object]]] = []
        for balancer in discover(()).names("balancer"):
            more = ["--balancer", balancer, "--set", "train.learning_rate=1e30"]
            cases.append((f"{balancer} diverges", ["compose", *flags(2, task="denoise,shape-count"), *more]))
        settings = ("tasks.shape-count.weight=1e38", "normalization={mean: [1e38], std: [1e-38]}")
        cases += [(setting, ["compose", *flags(1), "--set", setting]) for setting in settings]
        for value in ("np.nan", "np.inf", "1e38", "-1e38"):
            plugin = work / f"labels-{len(cases)}.py"
            plugin.write_text(_LABELS.replace("VALUE", value))
            given = ["--dataset", "strange", "--tasks", "shape-count", "--encoder", "mlp", "--epochs", "1"]
            cases.append((f"labels {value}", ["--plugin", plugin, "compose", *given]))
        random.Random(seed).shuffle(cases)
        found = Findings()
        for name, words in cases[:count]:
            # The gate of the export would refuse such a model too; it is the training that must say so.
            allowed = (2, 5) if name.endswith("diverges") else (0, 2, 3, 4)
            _try(name, words, allowed, work / "run", found)
        return found


def _try(name: str, words: list[object], allowed: tuple[int, ...], here: Path, found: Findings) -> None:
    shutil.rmtree(here, ignore_errors=True)
    plugin = words[:2] if words[0] == "--plugin" else []
    done = Child().mtl(*words, "--out", here)
    broken = done.fault(allowed)
    if not broken and done.status and (here / "model.onnx").exists():
        broken = f"status {done.status}, and a model is there"
    if not broken and not done.status and Child().mtl(*plugin, "verify", here).status:
        broken = "status 0, and a model that cannot be verified"
    found.note(name, f"status {done.status}", broken=broken)


ROW = Numbers()
