"""The speed of data: decoding against a bare loop, finding the cache again, training from a mapped file.

    python -m benchmarks.data_speed [--files 1000] [--many 20000] [--rounds 7] [--json FILE]

Contenders take turns in one process and a ratio is formed within a round. The bare loop opens each file,
decodes it with Pillow on all cores and keeps the pixels, and does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from mtl.core.base.cores import available_cores
from mtl.core.composition.composer import compose
from mtl.core.contracts import Preparation
from mtl.core.contracts.specs import ImageSpec
from mtl.core.data.picture_storage import Memory
from mtl.core.data.samples import load_splits
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.trainer import Trainer
from mtl.plugins.datasets.image_files import image_file, read_images
from mtl.plugins.datasets.image_folder import ImageFolder
from mtl.plugins.datasets.table import PictureTable

from .jobs import registry
from .measuring import Times, machine, ratio, take_turns

SIDE = 224
SMALL = 32


def draw(folder: Path, count: int, side: int, ending: str) -> list[Path]:
    """Write pictures of coarse noise: neither flat nor as hard to pack as fine noise would be."""
    folder.mkdir(parents=True)
    paths = [folder / f"{number}.{ending}" for number in range(count)]
    for number, path in enumerate(paths):
        random = np.random.default_rng(number)
        coarse = random.integers(256, size=(side // 8, side // 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(path)
    return paths


def decoding(folder: Path, count: int, ending: str, rounds: int) -> dict[str, Any]:
    """Return how fast files become pixels: ours, and the bare loop's."""
    paths = draw(folder, count, SIDE, ending)

    def bare() -> int:
        found = np.empty((count, SIDE, SIDE, 3), np.uint8)

        def one(index: int) -> None:
            with Image.open(paths[index]) as opened:
                found[index] = np.asarray(opened.convert("RGB"))

        with ThreadPoolExecutor(available_cores()) as pool:
            list(pool.map(one, range(count)))
        return count

    def ours() -> int:
        return len(read_images([image_file(path) for path in paths], Preparation(ImageSpec(3, SIDE, SIDE))))

    return compared({"bare": bare, "ours": ours}, rounds)


def compared(contenders: dict[str, Callable[[], int]], rounds: int) -> dict[str, Any]:
    """Return the time of a unit of work of each of two, and how fast the second is beside the first."""
    cpu: dict[str, list[float]] = {name: [] for name in contenders}

    def timed(name: str) -> Callable[[], int]:
        def work() -> int:
            started = time.process_time()
            units = contenders[name]()
            cpu[name].append((time.process_time() - started) / units)
            return units

        return work

    times = take_turns({name: timed(name) for name in contenders}, rounds)
    one, other = contenders
    processor = {name: Times(tuple(values[-rounds:])) for name, values in cpu.items()}
    return {
        **{name: found.to_json() for name, found in times.items()},
        "speed": ratio(times[one], times[other]),
        "speed_by_cpu": ratio(processor[one], processor[other]),
    }


def second_start(folder: Path, count: int) -> dict[str, dict[str, float]]:
    """Return wall-clock and CPU seconds of loading many small pictures anew and again."""
    for split, share in (("train", 0.9), ("test", 0.1)):
        for index in range(4):
            draw(folder / "folders" / split / f"class {index}", int(count * share / 4), SMALL, "png")
    paths = sorted((folder / "folders").rglob("*.png"))
    rows = [f"{path.relative_to(folder)},{path.parent.name}" for path in paths]
    (folder / "table.csv").write_text("\n".join(["path,class", *rows]) + "\n")
    found = {}
    for name, make in (
        ("folders", lambda: ImageFolder(data_dir=folder / "folders")),
        ("table", lambda: PictureTable(file=folder / "table.csv", allow_duplicates=True)),
    ):
        for turn in ("first", "second"):
            wall, cpu = time.perf_counter(), time.process_time()
            load_splits(make(), validation=0.1, split_seed=0, choice={"name": name})
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            found[f"{name}, {turn}"] = {"seconds": wall, "cpu_seconds": cpu}
    return found


def epochs(count: int, rounds: int) -> dict[str, Any]:
    """Return how fast an epoch from a mapped file is beside one from memory, of a model that costs little."""

    def trained(memory: Memory) -> Callable[[], int]:
        tree = {
            "dataset": {"name": "striped", "count": count, "side": SIDE},
            "tasks": {"direction": {"task": "classify"}},
            "encoder": "pooled",
            "train": {"memory": memory},
        }
        composition = compose(read(RecipeSource(tree), registry()), registry())
        splits = load_splits(composition.dataset, validation=0.1, split_seed=0, memory=memory)
        trainer = Trainer(composition, splits, torch.device("cpu"))

        def epoch() -> int:
            trainer.train_epoch()
            return len(splits.train)

        return epoch

    return compared({"resident": trained("resident"), "mapped": trained("mapped")}, rounds)


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data_speed", description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--many", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["MTL_CACHE_DIR"] = str(folder / "cache")
        found = {
            "machine": {**machine(torch.device("cpu")), "cores": available_cores()},
            **{
                f"decoding, {ending}": decoding(folder / ending, chosen.files, ending, chosen.rounds)
                for ending in ("jpg", "png")
            },
            "epoch": epochs(chosen.files, chosen.rounds),
            "second start": second_start(folder / "many", chosen.many) if chosen.many else {},
        }
    text = json.dumps(found, indent=2)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
