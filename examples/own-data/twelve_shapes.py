"""Makes twelve small data sets in the shapes people have theirs in, and says the command for each.

    python twelve_shapes.py FOLDER

writes each into a folder of its own and prints, a line each, its name and the command that makes a verified
model of it. All are made from the same small pictures of one figure: its colour, how large it is, where it
stands, its outline. They are always the same.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLOURS = {"red": (220, 60, 50), "green": (60, 170, 80), "blue": (60, 90, 210)}
SIDE, COUNT = 16, 90


@dataclass(frozen=True)
class Figure:
    """One picture, uint8 `[SIDE, SIDE, 3]`, and all that is known of it."""

    pixels: NDArray[np.uint8]
    colour: str
    square: bool
    radius: float
    x: float
    y: float
    inside: NDArray[np.bool_]
    night: bool

    @property
    def share(self) -> float:
        """How many percent of the picture the figure covers."""
        return 100 * float(self.inside.mean())

    @property
    def distance(self) -> NDArray[np.uint16]:
        """Millimetres to what is seen: a wall at two metres, the figure before it."""
        return np.where(self.inside, 1000 + 20 * self.y, 2000).astype(np.uint16)

    def save(self, path: Path) -> str:
        """Write the picture; return its name."""
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(self.pixels).save(path)
        return path.name


def figures(seed: int, count: int = COUNT) -> Iterator[Figure]:
    """Yield pictures of one figure each on a noisy ground."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for number in range(count):
        colour, square = list(COLOURS)[number % 3], bool(random.random() < 0.5)
        radius, night = random.uniform(2.5, 5.0), bool(random.random() < 0.5)
        x, y = random.uniform(radius, SIDE - radius, 2)
        across, down = np.abs(columns + 0.5 - x), np.abs(rows + 0.5 - y)
        inside = np.maximum(across, down) < radius if square else np.hypot(across, down) < radius
        ground = (50 if night else 150) + random.normal(0, 12, (SIDE, SIDE, 3))
        pixels = np.where(inside[..., None], COLOURS[colour], ground).clip(0, 255).astype(np.uint8)
        yield Figure(pixels, colour, square, radius, float(x), float(y), inside, night)


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def yes(value: bool) -> str:
    return "yes" if value else "no"


def one_table(folder: Path) -> str:
    """Pictures, and a table with a column of each simple kind."""
    rows = [
        {
            "file": "images/" + figure.save(folder / "images" / f"{number:03d}.png"),
            "colour": figure.colour,
            "night": yes(figure.night),
            "covered": f"{figure.share:.1f}",
        }
        for number, figure in enumerate(figures(1))
    ]
    write_table(folder / "photos.csv", rows)
    return f"--data {folder / 'photos.csv'}"


def holes(folder: Path) -> str:
    """A table of which one label in five is unknown."""
    random = np.random.default_rng(2)
    rows = [
        {
            "file": figure.save(folder / f"{number:03d}.jpg"),
            "colour": figure.colour if random.random() > 0.2 else "",
            "covered": f"{figure.share:.1f}" if random.random() > 0.2 else "?",
        }
        for number, figure in enumerate(figures(2))
    ]
    write_table(folder / "photos.csv", rows)
    return f"--data {folder / 'photos.csv'}"


def parquet(folder: Path) -> str:
    """One Parquet file that holds the pictures too, as Hugging Face's data sets do."""
    from pyarrow import parquet as files
    from pyarrow import table

    def encoded(figure: Figure) -> dict[str, Any]:
        held = io.BytesIO()
        Image.fromarray(figure.pixels).save(held, "png")
        return {"bytes": held.getvalue(), "path": None}

    drawn = list(figures(3))
    folder.mkdir(parents=True, exist_ok=True)
    columns = {
        "image": [encoded(figure) for figure in drawn],
        "colour": [figure.colour for figure in drawn],
        "covered": [figure.share for figure in drawn],
    }
    files.write_table(table(columns), folder / "photos.parquet")
    return f"--data {folder / 'photos.parquet'}"


def metadata(folder: Path) -> str:
    """A folder of pictures with a metadata.csv that names each file."""
    rows = [
        {"file_name": figure.save(folder / f"{number:03d}.png"), "colour": figure.colour}
        for number, figure in enumerate(figures(4))
    ]
    write_table(folder / "metadata.csv", rows)
    return f"--data {folder}"


def class_folders(folder: Path) -> str:
    """A folder per class, for training and for testing."""
    for number, figure in enumerate(figures(5)):
        part = "test" if number % 5 == 4 else "train"
        figure.save(folder / part / figure.colour / f"{number:03d}.png")
    return f"--dataset image-folder --data-dir {folder} --tasks classify"


def keypoints(folder: Path) -> str:
    """A COCO file: pictures, categories, and named points of which some are not visible."""
    images, annotations = [], []
    for number, figure in enumerate(figures(6)):
        name = figure.save(folder / "images" / f"{number:03d}.png")
        images.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE})
        top = [figure.x, figure.y - figure.radius, 2] if number % 4 else [0, 0, 0]
        box = [figure.x - figure.radius, figure.y - figure.radius, 2 * figure.radius, 2 * figure.radius]
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1 + figure.square,
                "bbox": box,
                "keypoints": [figure.x, figure.y, 2, *top],
                "num_keypoints": 1 + bool(number % 4),
            }
        )
    points = ["middle", "top"]
    categories = [
        {"id": 1, "name": "disc", "keypoints": points},
        {"id": 2, "name": "square", "keypoints": points},
    ]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(content))
    named = f"--set dataset.file={folder / 'annotations.json'} --set dataset.root={folder / 'images'}"
    return f"--dataset coco {named}"


def masks(folder: Path) -> str:
    """Pictures, and beside each a mask: 0 the ground, 1 the figure, 255 not looked at."""
    rows = []
    for number, figure in enumerate(figures(7)):
        mask = figure.inside.astype(np.uint8)
        mask[:2] = 255
        (folder / "masks").mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(folder / "masks" / f"{number:03d}.png")
        name = figure.save(folder / "images" / f"{number:03d}.png")
        rows.append({"image": f"images/{name}", "outline": f"masks/{number:03d}.png"})
    write_table(folder / "photos.csv", rows)
    return f"--data {folder / 'photos.csv'}"


def depth_maps(folder: Path) -> str:
    """Pictures, and beside each the distance of every pixel in millimetres, 16 bits, 0 where unknown."""
    rows = []
    for number, figure in enumerate(figures(8)):
        (folder / "depth").mkdir(parents=True, exist_ok=True)
        distance = figure.distance.copy()
        distance[:, 0] = 0
        Image.fromarray(distance).save(folder / "depth" / f"{number:03d}.png")
        name = figure.save(folder / "images" / f"{number:03d}.png")
        rows.append({"image": f"images/{name}", "distance": f"depth/{number:03d}.png"})
    write_table(folder / "photos.csv", rows)
    return f"--data {folder / 'photos.csv'}"


def tags(folder: Path) -> str:
    """Several words for each picture in one cell."""
    rows = []
    for number, figure in enumerate(figures(9)):
        words = [figure.colour, *(["night"] if figure.night else []), *(["square"] if figure.square else [])]
        name = figure.save(folder / f"{number:03d}.png")
        rows.append({"file": name, "words": ";".join(words)})
    write_table(folder / "photos.csv", rows)
    return f"--data {folder / 'photos.csv'}"


def two_sources(folder: Path) -> str:
    """Two tables of different pictures, the colours known of one and the sizes of the other, and a recipe."""
    for source, column, seed in (("left", "colour", 10), ("right", "covered", 20)):
        rows = []
        for number, figure in enumerate(figures(seed)):
            label = figure.colour if column == "colour" else f"{figure.share:.1f}"
            rows.append({"file": figure.save(folder / source / f"{number:03d}.png"), column: label})
        write_table(folder / source / "photos.csv", rows)
    sources = "".join(
        f"    {source}: {{name: table, file: {folder.resolve() / source / 'photos.csv'}}}\n"
        for source in ("left", "right")
    )
    (folder / "both.yaml").write_text(f"dataset:\n  name: mix\n  sources:\n{sources}")
    return f"--recipe {folder / 'both.yaml'}"


def rows_alone(folder: Path) -> str:
    """A table without pictures: numbers and words, of which some are unknown, and two things to tell."""
    random = np.random.default_rng(11)
    rows = []
    for _ in range(3 * COUNT):
        area, rooms = random.uniform(30, 150), int(random.integers(1, 6))
        place = str(random.choice(["town", "suburb", "country"]))
        price = 2.0 * area + 10 * rooms + {"town": 150, "suburb": 60, "country": 0}[place]
        rows.append(
            {
                "area": f"{area:.0f}" if random.random() > 0.1 else "",
                "rooms": rooms,
                "place": place,
                "price": f"{price + random.normal(0, 5):.1f}",
                "dear": yes(price > 300),
            }
        )
    write_table(folder / "flats.csv", rows)
    return f"--data {folder / 'flats.csv'} --tasks price,dear"


def pictures_and_numbers(folder: Path) -> str:
    """Pictures with numbers that are known beside them, and a label that takes both."""
    random = np.random.default_rng(12)
    rows = []
    for number, figure in enumerate(figures(12)):
        scale = float(random.uniform(0.5, 2.0))
        rows.append(
            {
                "file": figure.save(folder / f"{number:03d}.png"),
                "scale": f"{scale:.2f}",
                "size": f"{scale * figure.radius:.2f}",
            }
        )
    write_table(folder / "photos.csv", rows)
    return f"--data {folder / 'photos.csv'} --tasks size --set 'dataset.inputs=[scale]' --encoder late-fusion"


SHAPES: Mapping[str, Callable[[Path], str]] = {
    "one-table": one_table,
    "holes": holes,
    "parquet": parquet,
    "metadata": metadata,
    "class-folders": class_folders,
    "keypoints": keypoints,
    "masks": masks,
    "depth-maps": depth_maps,
    "tags": tags,
    "two-sources": two_sources,
    "rows-alone": rows_alone,
    "pictures-and-numbers": pictures_and_numbers,
}


def main(folder: Path) -> None:
    """Make every data set that is not there yet."""
    for name, make in SHAPES.items():
        print(f"{name}: mtl compose {make(folder / name)}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "twelve"))
