"""Loading holds the data once: read anew, from the cache, split and counted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MEBIBYTE = 1 << 20

LOAD = """
import sys
from pathlib import Path
from pathlib import Path
import numpy as np
from mtl.core.contracts import Columns, Dataset
from mtl.core.data.samples import channel_statistics, load_splits
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.plugins.forms import Binary

class Large(Dataset):
    def spec(self):
        return DatasetSpec(ImageSpec(3, 224, 224), {"label": Binary()})
    def sources(self):
        return [Path(sys.argv[1])]
    def load(self):
        def part(count):
            image = np.full((count, 3, 224, 224), 7, dtype=np.uint8)
            return Columns(image, {"label": np.arange(count) % 2})
        return {"train": part(800), "test": part(200)}

def now(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024

before = now("VmRSS")
choice = {"name": "large"}
splits = load_splits(Large(), validation=0.2, split_seed=0, choice=choice, memory=sys.argv[2])
channel_statistics(splits.train)
print(splits.size, now("VmHWM") - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_data_set_is_held_once(tmp_path):
    """Of 144 MiB, twice would be 288; what is beside it is parts that are counted, and libraries."""
    source = tmp_path / "source"
    source.write_text("some file")
    program = tmp_path / "load.py"
    program.write_text(LOAD)
    for memory in ("resident", "resident", "mapped"):
        done = subprocess.run(
            [sys.executable, str(program), str(source), memory],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "MTL_CACHE_DIR": str(tmp_path / "cache")},
        )
        size, peak = map(int, done.stdout.split())
        assert size == 1000 * 3 * 224 * 224
        # Read anew, read from the cache, and not held at all: pages that come and go are given back.
        held = size if memory == "resident" else 0
        assert peak < held + (100 if held else 160) * MEBIBYTE, (memory, size / MEBIBYTE, peak / MEBIBYTE)
    assert list((tmp_path / "cache").rglob("large-*.data"))


TRAIN = """
import sys, threading, time
from pathlib import Path
import torch
from mtl.core.base.progress import Progress
from mtl.core.data.near_duplicates import near_duplicates
from mtl.core.data.picture_statistics import picture_statistics
from mtl.core.discovery.registry import discover
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.pipeline import Pipeline

def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024

peak = 0
def watch():
    global peak
    while True:
        peak = max(peak, anonymous())
        time.sleep(0.002)

registry = discover([Path(sys.argv[1])])
tree = {
    "dataset": {"name": "striped", "count": 3000, "side": 160},
    "tasks": {"direction": {"task": "classify", "metrics": []}},
    "encoder": "pooled",
    "train": {"epochs": 1, "memory": "mapped"},
}
before = anonymous()
threading.Thread(target=watch, daemon=True).start()
pipeline = Pipeline(registry, torch.device("cpu"), Progress(), publishes=False)
outcome = pipeline.run(read(RecipeSource(tree), registry), Path(sys.argv[2]))
picture_statistics(outcome.splits.train)
near_duplicates(outcome.splits)
print(outcome.splits.size, peak - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_nobody_gathers_mapped_pictures_as_floats(tmp_path):
    """From drawing them to the last metrics: as floats all would be 879 MiB, and 220 as they are."""
    program = tmp_path / "train.py"
    program.write_text(TRAIN)
    plugin = Path(__file__).parents[3] / "benchmarks" / "synthetic.py"
    done = subprocess.run(
        [sys.executable, str(program), str(plugin), str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MTL_CACHE_DIR": str(tmp_path / "cache")},
    )
    size, peak = map(int, done.stdout.split())
    assert size == 3000 * 3 * 160 * 160
    # 255 MiB where this was written, most of them what a step and a library keep.
    assert peak < 400 * MEBIBYTE, (size / MEBIBYTE, peak / MEBIBYTE)
