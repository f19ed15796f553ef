"""Draws shards to try: `python -m mtl_shards.draw FOLDER`. Bright discs and squares on noise."""

import io
import json
import sys
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 16
KINDS = ("disc", "square")


def draw_shards(folder: Path, *, train: int = 200, test: int = 60, seed: int = 0) -> None:
    """Write two shards of training samples and one of test samples, each a .png, a .cls and a .json."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in {"train-0": train // 2, "train-1": train - train // 2, "test-0": test}.items():
        with tarfile.open(folder / f"{name}.tar", "w") as archive:
            for number in range(count):
                _add_sample(archive, f"{number:06}", random)


def _add_sample(archive: tarfile.TarFile, key: str, random: np.random.Generator) -> None:
    kind = int(random.integers(2))
    down, right = np.abs(np.indices((SIDE, SIDE)) - random.uniform(5, 10, size=(2, 1, 1)))
    inside = (np.hypot(down, right) < 4.5) if kind == 0 else (np.maximum(down, right) < 4)
    pixels = random.integers(80, size=(SIDE, SIDE, 3)) + 150 * inside[:, :, None]
    picture = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(picture, "png")
    _add(archive, f"{key}.png", picture.getvalue())
    _add(archive, f"{key}.cls", str(kind).encode())
    _add(archive, f"{key}.json", json.dumps({"kind": KINDS[kind]}).encode())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


if __name__ == "__main__":
    draw_shards(Path(sys.argv[1]))
