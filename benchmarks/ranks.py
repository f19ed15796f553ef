"""What a step costs each of several processes: `python -m benchmarks.ranks lenet --data-dir DIR [--ranks 2]`.

`lenet` is LeNet on a fifth of MNIST, 512 a step; `pictures` are 512 of 224 x 224 from tar shards, in the
mapped store, cropped, mirrored and jittered, 64 a step. Of each process, which has one thread, a line tells
what a step takes of a processor, and bytes gathered from the store; medians of the epochs after the first.
"""

from __future__ import annotations

import argparse
import io
import os
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

EPOCHS = 4
SHARDS, IN_SHARD, SIDE = 8, 80, 224


def lenet(folder: Path) -> dict[str, Any]:
    """Return the recipe on MNIST, whose files are in a folder."""
    return {
        "tasks": ["denoise", "classify"],
        "dataset": {"name": "mnist", "data_dir": str(folder)},
        "encoder": "lenet",
        "train": {"batch_size": 512, "validation": 0.8},
    }


def pictures(folder: Path) -> dict[str, Any]:
    """Return the recipe on the shards in a folder."""
    return {
        "tasks": ["cls"],
        "dataset": {"name": "table", "file": str(folder), "size": SIDE},
        "encoder": {"name": "small-resnet", "widths": [4, 8], "depth": 1},
        "augmentations": ["random-resized-crop", "flip", "colour-jitter"],
        "train": {"batch_size": 64, "validation": 0.2, "memory": "mapped"},
    }


def write_shards(folder: Path) -> None:
    """Write pictures of noise."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(SHARDS):
        with tarfile.open(folder / f"{number:03d}.tar", "w") as shard:
            for sample in range(IN_SHARD):
                content = io.BytesIO()
                coarse = random.integers(0, 256, (28, 28, 3), dtype=np.uint8)
                Image.fromarray(coarse).resize((SIDE, SIDE)).save(content, "JPEG")
                for ending, body in (("jpg", content.getvalue()), ("cls", str(sample % 2).encode())):
                    member = tarfile.TarInfo(f"{number:03d}{sample:03d}.{ending}")
                    member.size = len(body)
                    shard.addfile(member, io.BytesIO(body))


def trained(recipe: dict[str, Any]) -> None:
    """Train as one rank; print what its steps cost."""
    import torch

    from mtl.core.base.ranks import join_ranks
    from mtl.core.composition.composer import compose
    from mtl.core.data.samples import Samples, load_splits
    from mtl.core.discovery.registry import installed
    from mtl.core.recipe.recipe_reader import read
    from mtl.core.recipe.recipe_source import RecipeSource
    from mtl.core.training.trainer import Trainer

    torch.set_num_threads(1)
    ranks, device = join_ranks(torch.device("cpu"))
    composition = compose(read(RecipeSource(recipe), installed()), installed())
    training = composition.recipe.train
    splits = load_splits(
        composition.dataset,
        validation=training.validation,
        split_seed=0,
        choice=composition.recipe.to_plain()["dataset"],
        memory=training.memory,
    )
    gathered = [0]
    gather = Samples._gathered

    def counting(samples: Samples, store: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        found = gather(samples, store, indices)
        gathered[0] += found.nbytes
        return found

    Samples._gathered = counting  # type: ignore[method-assign, assignment]
    trainer = Trainer(composition, splits, device, ranks=ranks)
    steps = -(-len(splits.train) // training.batch_size)
    seconds, sizes = [], []
    for _ in range(EPOCHS):
        began, gathered[0] = time.process_time(), 0
        trainer.train_epoch()
        seconds.append((time.process_time() - began) / steps)
        sizes.append(gathered[0] / steps)
    cost, size = statistics.median(seconds[1:]), statistics.median(sizes[1:])
    sys.stdout.write(
        f"rank {ranks.rank} of {ranks.world}: {cost * 1e3:.1f} ms of a processor, "
        f"{size / 1e6:.3f} MB gathered a step\n"
    )


def main() -> None:
    """Start the processes, or be one of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("lenet", "pictures"))
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--ranks", type=int, default=2)
    given = parser.parse_args()
    if "RANK" in os.environ:
        trained({"lenet": lenet, "pictures": pictures}[given.what](given.data_dir))
        return
    with tempfile.TemporaryDirectory() as made, socket.socket() as free:
        folder = given.data_dir
        if given.what == "pictures":
            folder = Path(made)
            write_shards(folder)
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
        free.close()
        own = [sys.executable, "-m", "benchmarks.ranks", given.what, "--data-dir", str(folder)]
        where = {"MASTER_ADDR": "localhost", "MASTER_PORT": port, "WORLD_SIZE": str(given.ranks)}
        processes = [
            subprocess.Popen(
                own,
                env=os.environ | where | {"MTL_CACHE_DIR": made, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            )
            for rank in range(given.ranks)
        ]
        ended = [process.wait() for process in processes]
        sys.exit(max(ended))


if __name__ == "__main__":
    main()
