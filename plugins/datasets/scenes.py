"""Rooms with objects, drawn by the program, with all that is known of every pixel; nothing to download."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...core.contracts import Columns, Dataset, InMemory, Storage
from ...core.contracts.specs import MISSING, DatasetSpec, ImageSpec
from .scene_drawing import draw_scenes
from .scene_labels import KINDS, TASKS, label_forms, label_symmetries
from .scene_rendering import Seen, coloured, edges_of, look, points_of, shown_kinds

IGNORED = 255
"""The class of a pixel that has none."""
_BLOCK = 50
"""Pictures that are drawn at once, few enough for the processor's cache."""

Arrays = dict[str, NDArray[Any]]


class Scenes(Dataset):
    """Rooms in perspective, RGB, with up to four objects: a ball, a box, a pillar and a cone.

    Labels: `objects`, how many are shown (a class); `room`, its width, height and depth in metres;
    `attributes`, what is shown; and for every pixel the surface (`segmentation`), `depth` in metres, where
    the surface faces (`normals`), and whether it is at an edge (`edges`); and `points`, the corners of the
    far wall and the middle of each object. Each is a task by its name.

    Options make sharing help or hurt on purpose. With `colours="random"` a kind is told by its shape, and so
    by what depth and normals are told by; with `"kind"` colour alone tells it. `shading` is how much of the
    light depends on where surfaces face; at 0 they are flat patches. `clue` lays stripes over the picture
    whose number tells `objects`: a shortcut for that task, and noise for every other, so what one task needs
    the others must not see. `labelled` is the share of training pictures that have a label, drawn for each
    column by itself: with few, a task lives on what the others taught the encoder.

    Picture `i` of a split depends on `seed`, the split, `i` and the options, not on how many there are.

    >>> drawn = Scenes(train_size=3, test_size=2, size=32).load()
    >>> drawn["train"].image.shape, drawn["test"].labels["room"].shape
    ((3, 3, 32, 32), (2, 3))
    """

    def __init__(
        self,
        *,
        train_size: Annotated[
            int, Field(ge=1, le=1_000_000, description="Training pictures to draw.")
        ] = 2000,
        test_size: Annotated[int, Field(ge=1, le=1_000_000, description="Test pictures to draw.")] = 500,
        size: Annotated[int, Field(ge=8, le=1024, description="Height and width in pixels.")] = 48,
        seed: Annotated[int, Field(ge=0, description="Seed of the drawing.")] = 0,
        most: Annotated[int, Field(ge=1, le=len(KINDS), description="Most objects in a room.")] = len(KINDS),
        colours: Annotated[
            Literal["random", "kind"],
            Field(description="Whether every surface has its own colour, or that of its kind."),
        ] = "random",
        shading: Annotated[
            float, Field(ge=0, le=1, description="How much the light depends on where surfaces face.")
        ] = 1.0,
        noise: Annotated[
            float, Field(ge=0, le=1, description="Standard deviation of the noise of every pixel.")
        ] = 0.03,
        clue: Annotated[
            float, Field(ge=0, le=1, description="Strength of stripes that tell the number of objects.")
        ] = 0.0,
        labelled: Annotated[
            float, Field(gt=0, le=1, description="Share of training pictures with a label, per column.")
        ] = 1.0,
    ) -> None:
        self.sizes = {"train": train_size, "test": test_size}
        self.size = size
        self.seed = seed
        self.most = most
        self.colours = colours
        self.shading, self.noise, self.clue, self.labelled = shading, noise, clue, labelled

    def spec(self) -> DatasetSpec:
        return DatasetSpec(
            ImageSpec(3, self.size, self.size), label_forms(self.size, self.most), label_symmetries()
        )

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        return TASKS

    def sources(self) -> Sequence[Path]:
        return []

    def load(self) -> Mapping[str, Columns]:
        return {split: columns.alone() for split, columns in self.load_into(InMemory()).items()}

    def load_into(self, storage: Storage) -> Mapping[str, Columns]:
        return {split: self._draw(storage, split, size) for split, size in self.sizes.items()}

    def _draw(self, storage: Storage, split: str, count: int) -> Columns:
        spec = self.spec()
        kinds = {name: (form.target_shape, form.column_dtype) for name, form in spec.labels.items()}
        large = {name for name, form in spec.labels.items() if form.moves_with_pixels}
        labels = {
            name: np.empty((count, *shape), kind)
            for name, (shape, kind) in kinds.items()
            if name not in large
        }

        def fill(start: int, out: Mapping[str, NDArray[Any]]) -> None:
            drawn = self.render(split, start // _BLOCK)
            held = {name: column[start : start + _BLOCK] for name, column in labels.items()}
            for name, place in (*out.items(), *held.items()):
                place[...] = drawn[name][: len(place)]

        stored = {
            "image": (spec.image.shape, "uint8"),
            **{name: kinds[name] for name in kinds if name in large},
        }
        maps = storage.columns(count, stored, fill, _BLOCK)
        return Columns(maps.pop("image"), labels, maps=maps)

    def render(self, split: str, block: int) -> Arrays:
        """Return all that is known of one block of 50 pictures, by name.

        `image` uint8 `[B, 3, S, S]`; `objects` int64 `[B]`; `room` float32 `[B, 3]` metres;
        `segmentation` uint8 `[B, S, S]`, 255 where absent; `depth` float32 `[B, 1, S, S]` metres; `normals`
        float32 `[B, 3, S, S]`, x to the right, y up, z towards the viewer; `edges` uint8 `[B, S, S]`;
        `attributes` int8 `[B, 6]`; `points` float32 `[B, 8, 2]`, NaN where invisible.
        """
        from ...core.contracts.randomness import derive_seed  # imports torch

        random = np.random.default_rng(derive_seed(self.seed, "scenes", split, block))
        scenes = draw_scenes(random, _BLOCK, self.most, self.colours == "kind")
        seen = look(scenes, self.size)
        shown = shown_kinds(seen)
        picture = self._picture(random, seen, coloured(seen, scenes, self.shading), shown)
        known: Arrays = {
            "objects": shown.sum(axis=1),
            "room": scenes.high - scenes.low,
            "segmentation": self._map(seen.surface),
            "depth": self._map(seen.depth)[:, None],
            "normals": np.stack([self._map(part) for part in seen.in_view(scenes)], axis=1),
            "edges": edges_of(seen).astype(np.uint8),
            "attributes": np.column_stack([shown, scenes.tiled, scenes.dark]).astype(np.int8),
            "points": points_of(seen, scenes),
        }
        if split == "train" and self.labelled < 1:
            for column in known.values():
                column[random.random(_BLOCK) >= self.labelled] = _absent(column)
        return {"image": picture, **known}

    def _picture(
        self, random: np.random.Generator, seen: Seen, colours: NDArray[Any], shown: NDArray[np.bool_]
    ) -> NDArray[np.uint8]:
        picture = colours.reshape(-1, 3, self.size, self.size)
        if self.clue:
            picture = picture + self.clue * self._stripes(random, shown.sum(axis=1))
        if self.noise:
            picture = picture + self.noise * random.standard_normal(picture.shape, dtype=np.float32)
        pixels: NDArray[np.uint8] = np.rint(255 * picture.clip(0, 1)).astype(np.uint8)
        return pixels

    def _stripes(self, random: np.random.Generator, objects: NDArray[Any]) -> NDArray[np.float32]:
        """Return waves across the pictures in -0.5..0.5, `objects + 2` of them, shifted at random."""
        along = (np.arange(self.size) + 0.5) / self.size
        shift = random.random((len(objects), 1))
        wave = 0.5 * np.sin(2 * np.pi * ((objects[:, None] + 2) * along + shift))
        return wave.astype(np.float32)[:, None, None, :]

    def _map(self, values: NDArray[Any]) -> NDArray[Any]:
        return values.reshape(-1, self.size, self.size)


def _absent(column: NDArray[Any]) -> float:
    """Return what a label that is not there is written as in such a column."""
    if column.dtype.kind == "f":
        return float("nan")
    return IGNORED if column.dtype == np.uint8 else MISSING
