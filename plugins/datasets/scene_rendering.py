"""Rooms and objects as pictures, with all that is known of every pixel: rays against surfaces, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .scene_drawing import Scenes
from .scene_labels import CORNERS, KINDS, SURFACES

Floats = NDArray[np.floating[Any]]

VIEW = 0.75
"""Tangent of half the angle of view, across and upright."""
SEEN = 1 / 256
"""Share of the picture from which on an object counts as shown."""
_FIRST_KIND = len(SURFACES) - len(KINDS)
_FLOOR, _CEILING, _WALL = range(_FIRST_KIND)


class Ray(NamedTuple):
    """Directions of rays from the eye, x, y and z each `[B, pixels]`; a distance of 1 is 1 m of depth."""

    x: Floats
    y: Floats
    z: Floats


class Hit(NamedTuple):
    """Where rays meet a surface: `depth` `[B, pixels]`, infinite for a miss, and its normal's x, y and z."""

    depth: Floats
    x: Floats
    y: Floats
    z: Floats


@dataclass(frozen=True)
class Seen:
    """What the rays of a block of scenes met; all arrays are `[B, pixels]`.

    `surface` is a number of `SURFACES`, `depth` metres along the line of sight, `normal` the surface's in
    the room (x right, y up, z ahead). `side` is how many pixels a row has.
    """

    ray: Ray
    surface: NDArray[np.uint8]
    depth: Floats
    normal: tuple[Floats, Floats, Floats]
    side: int

    def in_view(self, scenes: Scenes) -> tuple[Floats, Floats, Floats]:
        """Return the normals as the viewer has them: x to the right, y up, z towards the viewer."""
        x, y, z = _turned_back(*self.normal, scenes)
        return x, y, -z


def look(scenes: Scenes, side: int) -> Seen:
    """Return what is seen in pictures of `side` x `side` pixels, row by row from the top left."""
    ray = _rays(scenes, side)
    surface, nearest = _room(ray, scenes)
    for kind, meet in enumerate((_ball, _box, _pillar, _cone)):
        shown = np.flatnonzero(scenes.present[:, kind])
        if len(shown):
            hit = _of_kind(meet, ray, scenes, kind, shown)
            closer = hit.depth < nearest.depth[shown]
            for held, found in zip(nearest, hit, strict=True):
                held[shown] = np.where(closer, found, held[shown])
            surface[shown] = np.where(closer, np.uint8(_FIRST_KIND + kind), surface[shown])
    return Seen(ray, surface, nearest.depth, (nearest.x, nearest.y, nearest.z), side)


def shown_kinds(seen: Seen) -> NDArray[np.bool_]:
    """Return which kinds of objects fill enough of the picture, `[B, kinds]`."""
    shares = [(seen.surface == _FIRST_KIND + kind).mean(axis=1) for kind in range(len(KINDS))]
    return np.stack(shares, axis=1) >= SEEN


def points_of(seen: Seen, scenes: Scenes) -> Floats:
    """Return where the named points are, `[B, points, 2]`: x from the left and y from the top, in 0..1.

    NaN: outside of the picture, or hidden by an object.
    """
    right, top = scenes.high[:, 0], scenes.high[:, 1]
    left, bottom = scenes.low[:, 0], scenes.low[:, 1]
    far = scenes.high[:, 2]
    corners = [(left, top, far), (right, top, far), (right, bottom, far), (left, bottom, far)]
    middles = [
        (scenes.place[:, kind, 0], _middle(scenes, kind), scenes.place[:, kind, 1])
        for kind in range(len(KINDS))
    ]
    found = np.stack([_projected(*place, scenes) for place in corners + middles], axis=1)
    inside = (found.min(axis=2) >= 0) & (found.max(axis=2) < 1)
    pixel = np.where(inside[..., None], found * seen.side, 0).astype(np.intp)
    surface = np.take_along_axis(seen.surface, pixel[..., 1] * seen.side + pixel[..., 0], axis=1)
    visible = surface < _FIRST_KIND
    visible[:, len(CORNERS) :] = surface[:, len(CORNERS) :] == _FIRST_KIND + np.arange(len(KINDS))
    found[~(inside & visible)] = np.nan
    return found


def edges_of(seen: Seen) -> NDArray[np.bool_]:
    """Return which pixels lie beside one of another surface or of another side of it, `[B, side, side]`."""
    shape = (-1, seen.side, seen.side)
    surface = seen.surface.reshape(shape)
    normal = [part.reshape(shape) for part in seen.normal]
    edge = np.zeros(surface.shape, dtype=bool)
    for axis in (1, 2):
        one = (slice(None),) * axis + (slice(None, -1),)
        other = (slice(None),) * axis + (slice(1, None),)
        alike = sum(part[one] * part[other] for part in normal)
        differs = (surface[one] != surface[other]) | (alike < 0.8)
        edge[one] |= differs
        edge[other] |= differs
    return edge


def coloured(seen: Seen, scenes: Scenes, shading: float) -> Floats:
    """Return the colours, `[B, 3, pixels]` in 0..1, under a lamp at the ceiling."""
    place = [seen.depth * direction for direction in seen.ray]
    lamp = ((scenes.low + scenes.high) * (0.5, 0.5, 0.4) + (0.0, 0.3, 0.0)).astype(np.float32)
    towards = [lamp[:, axis, None] - place[axis] for axis in range(3)]
    distance = np.sqrt(sum(part**2 for part in towards))
    facing = sum(part * normal for part, normal in zip(towards, seen.normal, strict=True)) / distance
    light = (0.4 + 0.7 * np.maximum(facing, 0)) * 10 / (10 + 0.3 * distance**2)
    light = (1 - shading) + shading * light
    light *= np.where(scenes.dark, np.float32(0.45), np.float32(1.0))[:, None]
    tile = (np.floor(place[0]) + np.floor(place[2])) % 2 == 1
    light *= np.where(tile & scenes.tiled[:, None] & (seen.surface == _FLOOR), np.float32(0.55), 1)
    scene = np.arange(len(light))[:, None]
    channels = [scenes.colour[:, :, channel][scene, seen.surface] * light for channel in range(3)]
    return np.stack(channels, axis=1)


def _rays(scenes: Scenes, side: int) -> Ray:
    """Return the rays through the middles of the pixels, turned as the eye looks."""
    steps = ((np.arange(side, dtype=np.float32) + 0.5) * 2 / side - 1) * np.float32(VIEW)
    across, up = np.tile(steps, side), np.repeat(-steps, side)
    sine, cosine = np.sin(scenes.tilt)[:, None], np.cos(scenes.tilt)[:, None]
    y, z = up * cosine + sine, cosine - up * sine
    sine, cosine = np.sin(scenes.turn)[:, None], np.cos(scenes.turn)[:, None]
    return Ray(across * cosine + z * sine, y, z * cosine - across * sine)


def _turned_back(x: Floats, y: Floats, z: Floats, scenes: Scenes) -> tuple[Floats, Floats, Floats]:
    """Return a vector of the room as the eye has it: to the right, up, ahead."""
    shape = (-1,) + (1,) * (x.ndim - 1)
    sine, cosine = np.sin(scenes.turn).reshape(shape), np.cos(scenes.turn).reshape(shape)
    across, ahead = x * cosine - z * sine, x * sine + z * cosine
    sine, cosine = np.sin(scenes.tilt).reshape(shape), np.cos(scenes.tilt).reshape(shape)
    return across, y * cosine - ahead * sine, y * sine + ahead * cosine


def _projected(x: Floats, y: Floats, z: Floats, scenes: Scenes) -> Floats:
    across, up, ahead = _turned_back(x, y, z, scenes)
    scale = 2 * np.float32(VIEW) * ahead
    return np.stack([0.5 + across / scale, 0.5 - up / scale], axis=-1).astype(np.float32)


def _middle(scenes: Scenes, kind: int) -> Floats:
    """Return how high the middle of an object is."""
    floor, ceiling = scenes.low[:, 1], scenes.high[:, 1]
    heights = (
        scenes.half[:, kind],
        scenes.tall[:, kind] / 2,
        (ceiling - floor) / 2,
        scenes.tall[:, kind] / 3,
    )
    return np.asarray(floor + heights[kind])


def _room(ray: Ray, scenes: Scenes) -> tuple[NDArray[np.uint8], Hit]:
    """Return where rays leave the rooms, which the eye is in."""
    with np.errstate(divide="ignore"):
        leaves = [
            np.where(part > 0, scenes.high[:, axis, None], scenes.low[:, axis, None]) / part
            for axis, part in enumerate(ray)
        ]
    depth = np.minimum(np.minimum(*leaves[:2]), leaves[2])
    normal = [np.where(depth == leave, -np.sign(part), 0) for leave, part in zip(leaves, ray, strict=True)]
    # A ray into an edge leaves by one side.
    normal[1] = np.where(normal[0] != 0, 0, normal[1])
    normal[2] = np.where((normal[0] != 0) | (normal[1] != 0), 0, normal[2])
    surface = np.where(normal[1] > 0, _FLOOR, np.where(normal[1] < 0, _CEILING, _WALL)).astype(np.uint8)
    return surface, Hit(depth, *normal)


class _Object(NamedTuple):
    """An object of one kind in each of some scenes: columns `[B, 1]`; `floor` is the floor's height."""

    x: Floats
    z: Floats
    floor: Floats
    half: Floats
    tall: Floats
    spin: Floats


def _of_kind(
    meet: Callable[[Ray, _Object], Hit], ray: Ray, scenes: Scenes, kind: int, shown: NDArray[np.intp]
) -> Hit:
    columns = (
        scenes.place[shown, kind, 0],
        scenes.place[shown, kind, 1],
        scenes.low[shown, 1],
        scenes.half[shown, kind],
        scenes.tall[shown, kind],
        scenes.spin[shown, kind],
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return meet(Ray(*(part[shown] for part in ray)), _Object(*(column[:, None] for column in columns)))


def _nearer_root(square: Floats, linear: Floats, constant: Floats) -> Floats:
    """Return the nearer solution of `square t^2 - 2 linear t + constant = 0`, infinite for none."""
    inside = linear**2 - square * constant
    depth = (linear - np.sqrt(np.maximum(inside, 0))) / square
    return np.where((inside > 0) & (depth > 0), depth, np.float32(np.inf))


def _ball(ray: Ray, ball: _Object) -> Hit:
    height = ball.floor + ball.half
    depth = _nearer_root(
        ray.x**2 + ray.y**2 + ray.z**2,
        ray.x * ball.x + ray.y * height + ray.z * ball.z,
        ball.x**2 + height**2 + ball.z**2 - ball.half**2,
    )
    return Hit(
        depth,
        (depth * ray.x - ball.x) / ball.half,
        (depth * ray.y - height) / ball.half,
        (depth * ray.z - ball.z) / ball.half,
    )


def _pillar(ray: Ray, pillar: _Object) -> Hit:
    """Return where rays meet a round pillar that reaches beyond the ceiling."""
    depth = _nearer_root(
        ray.x**2 + ray.z**2,
        ray.x * pillar.x + ray.z * pillar.z,
        pillar.x**2 + pillar.z**2 - pillar.half**2,
    )
    x, z = (depth * ray.x - pillar.x) / pillar.half, (depth * ray.z - pillar.z) / pillar.half
    return Hit(depth, x, np.zeros_like(depth), z)


def _cone(ray: Ray, cone: _Object) -> Hit:
    """Return where rays meet a cone that stands on the floor."""
    slope = cone.half / cone.tall
    top = cone.floor + cone.tall
    depth = _nearer_root(
        ray.x**2 + ray.z**2 - (slope * ray.y) ** 2,
        ray.x * cone.x + ray.z * cone.z - slope**2 * ray.y * top,
        cone.x**2 + cone.z**2 - (slope * top) ** 2,
    )
    height = depth * ray.y
    depth = np.where((height <= top) & (height >= cone.floor), depth, np.float32(np.inf))
    x, z, radius = depth * ray.x - cone.x, depth * ray.z - cone.z, slope * (top - height)
    length = radius * np.sqrt(1 + slope**2)
    return Hit(depth, x / length, slope * radius / length, z / length)


def _box(ray: Ray, box: _Object) -> Hit:
    """Return where rays meet a box: where they have entered between all three pairs of its sides."""
    sine, cosine = np.sin(box.spin), np.cos(box.spin)
    ways = (ray.x * cosine - ray.z * sine, ray.y, ray.x * sine + ray.z * cosine)
    middles = (box.x * cosine - box.z * sine, box.floor + box.tall / 2, box.x * sine + box.z * cosine)
    halves = (box.half, box.tall / 2, box.half)
    ones = [(middles[axis] - halves[axis]) / ways[axis] for axis in range(3)]
    others = [(middles[axis] + halves[axis]) / ways[axis] for axis in range(3)]
    enters = [np.minimum(one, other) for one, other in zip(ones, others, strict=True)]
    leaves = [np.maximum(one, other) for one, other in zip(ones, others, strict=True)]
    depth = np.maximum(np.maximum(*enters[:2]), enters[2])
    met = (depth < np.minimum(np.minimum(*leaves[:2]), leaves[2])) & (depth > 0)
    own = [np.where(depth == enter, -np.sign(way), 0) for enter, way in zip(enters, ways, strict=True)]
    normal = (own[0] * cosine + own[2] * sine, own[1], own[2] * cosine - own[0] * sine)
    return Hit(np.where(met, depth, np.float32(np.inf)), *normal)
