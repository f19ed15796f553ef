"""Writes a folder of small pictures and a table of labels, as people have them: some labels are missing.

    python make_pictures.py photos

makes `photos/photos.csv` and 400 pictures of one figure each: its colour, whether it is night, and how many
percent of the picture the figure covers. One label in five is left empty. The pictures are always the same.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {"red": (220, 60, 50), "green": (60, 170, 80), "blue": (60, 90, 210)}
SIDE, COUNT, HOLES = 32, 400, 0.2


def picture(
    random: np.random.Generator, colour: str, night: bool, radius: float
) -> tuple[Image.Image, float]:
    """Return a picture of one figure on a noisy ground, and the percent of it that the figure covers."""
    light = random.integers(20, 80) if night else random.integers(90, 180)
    ground = light + random.normal(0, 12, (SIDE, SIDE, 3))
    image = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
    mask = Image.new("1", (SIDE, SIDE))
    x, y = random.uniform(radius, SIDE - radius, 2)
    box = (x - radius, y - radius, x + radius, y + radius)
    ImageDraw.Draw(mask).ellipse(box, fill=1)
    image.paste(COLOURS[colour], mask=mask)
    return image, 100 * float(np.asarray(mask).mean())


def main(folder: Path) -> None:
    """Write the pictures and the table into a new folder."""
    random = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    with (folder / "photos.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "colour", "night", "covered"])
        for number in range(COUNT):
            colour, night = random.choice(list(COLOURS)), bool(random.random() < 0.5)
            image, covered = picture(random, colour, night, random.uniform(4, 13))
            name = f"images/{number:03d}.png"
            image.save(folder / name)
            labels = [colour, "yes" if night else "no", f"{covered:.1f}"]
            table.writerow([name, *("" if random.random() < HOLES else label for label in labels)])


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "photos"))
