"""What stands in each room of the data set `scenes`, and where it is seen from: random numbers only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .scene_labels import KINDS, SURFACES

Floats = NDArray[np.float32]

_MOST_TURN, _MOST_TILT = 0.35, 0.15
"""How far the viewer looks to a side, and up or down, in radians."""
_NEAREST, _FROM_WALL = 1.9, 0.6
"""Where objects stand: metres before the viewer, and from the walls."""


@dataclass(frozen=True)
class Scenes:
    """A block of `B` scenes; lengths are metres. The eye is the origin; x is right, y up and z ahead.

    `low` and `high` are the corners of the rooms, `[B, 3]`. `turn` and `tilt` say where the eye looks, `[B]`,
    in radians to the right and up. Objects stand on the floor, one of each kind at most: `present`
    `[B, kinds]`, `place` their middle on the floor `[B, kinds, 2]` (x and z), `half` half their width and
    `tall` their height `[B, kinds]`, `spin` their turn about the vertical. `colour` is that of every surface,
    `[B, surfaces, 3]` in 0..1. `tiled` says that the floor has tiles, `dark` that the lamp is weak.
    """

    low: Floats
    high: Floats
    turn: Floats
    tilt: Floats
    present: NDArray[np.bool_]
    place: Floats
    half: Floats
    tall: Floats
    spin: Floats
    colour: Floats
    tiled: NDArray[np.bool_]
    dark: NDArray[np.bool_]


def draw_scenes(random: np.random.Generator, count: int, most: int, colour_by_kind: bool) -> Scenes:
    """Draw so many scenes of 0..`most` objects; with `colour_by_kind`, a kind of surface keeps its colour."""
    kinds = len(KINDS)
    low = _between(random, (count, 3), (-3.2, -1.7, -1.0), (-1.3, -1.1, -1.0))
    high = _between(random, (count, 3), (1.3, 1.0, 3.5), (3.2, 1.8, 7.0))
    wanted = random.integers(most, size=(count, 1), endpoint=True)
    order = random.permuted(np.tile(np.arange(kinds), (count, 1)), axis=1)
    near, far = np.array([0.0, _NEAREST]), np.array([0.0, -_FROM_WALL])
    first = low[:, [0, 2]] * (1.0, 0.0) + near + (_FROM_WALL, 0.0)
    last = high[:, [0, 2]] + far - (_FROM_WALL, 0.0)
    where = random.random((count, kinds, 2))
    colour = _between(random, (count, len(SURFACES), 3), 0.15, 1.0)
    if colour_by_kind:
        colour = 0.9 * np.array([by_kind for _, by_kind in SURFACES]) + 0.1 * colour
    half = _between(random, (count, kinds), (0.3, 0.3, 0.15, 0.3), (0.6, 0.55, 0.3, 0.6))
    return Scenes(
        low=low,
        high=high,
        turn=_between(random, (count,), -_MOST_TURN, _MOST_TURN),
        tilt=_between(random, (count,), -_MOST_TILT, _MOST_TILT),
        present=order < wanted,
        place=(first[:, None] + where * (last - first)[:, None]).astype(np.float32),
        half=half,
        tall=_between(random, (count, kinds), 0.5, 1.4),
        spin=_between(random, (count, kinds), 0.0, np.pi / 2),
        colour=colour.astype(np.float32),
        tiled=random.random(count) < 0.5,
        dark=random.random(count) < 0.3,
    )


def _between(random: np.random.Generator, shape: tuple[int, ...], low: ArrayLike, high: ArrayLike) -> Floats:
    first, last = np.asarray(low), np.asarray(high)
    drawn: Floats = (first + random.random(shape) * (last - first)).astype(np.float32)
    return drawn
