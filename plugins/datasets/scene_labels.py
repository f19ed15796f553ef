"""What the data set `scenes` says of its pictures: names, and the form of each label column."""

from __future__ import annotations

from collections.abc import Mapping

from ...core.contracts import Form
from ...core.contracts.specs import Symmetry
from ..forms import Categorical, Multilabel, PixelClasses, PixelValues, Points, Regression

KINDS = ("ball", "box", "pillar", "cone")
"""Kinds of objects; a room has one of each at most."""

SURFACES = (
    ("floor", (0.75, 0.55, 0.35)),
    ("ceiling", (0.95, 0.95, 0.9)),
    ("wall", (0.45, 0.6, 0.8)),
    ("ball", (0.85, 0.2, 0.2)),
    ("box", (0.2, 0.7, 0.3)),
    ("pillar", (0.85, 0.8, 0.2)),
    ("cone", (0.6, 0.25, 0.75)),
)
"""The classes of pixels, and the colour of each where colours go by kind."""

ATTRIBUTES = (*KINDS, "tiled floor", "dark")
"""What a picture may show, each yes or no."""

CORNERS = ("top left", "top right", "bottom right", "bottom left")
"""The corners of the far wall, by where they are in the picture."""

POINTS = (*CORNERS, *KINDS)
"""Named points: the corners of the far wall and the middle of each object."""

POINT_SYMMETRY = Symmetry(quarter_turn=(1, 2, 3, 0, 4, 5, 6, 7), mirror=(1, 0, 3, 2, 4, 5, 6, 7))
"""Turned counter-clockwise, what was top right is top left; mirrored, left and right change places."""

ROOM = ("width", "height", "depth")

NORMAL = ("right", "up", "towards the viewer")
"""Components of the direction that a surface faces."""

TASKS: Mapping[str, Mapping[str, str]] = {
    "objects": {"task": "classify", "label": "objects"},
    "room": {"task": "regress", "label": "room"},
    "attributes": {"task": "attributes", "label": "attributes"},
    "segmentation": {"task": "segment", "label": "segmentation"},
    "depth": {"task": "depth", "label": "depth"},
    "normals": {"task": "depth", "label": "normals"},
    "edges": {"task": "segment", "label": "edges"},
    "points": {"task": "keypoints", "label": "points"},
}
"""A task for each column."""


def label_forms(size: int, most: int) -> Mapping[str, Form]:
    """Return the form of each column that is offered, for pictures of `size` x `size`."""
    return {
        "objects": Categorical(tuple(str(number) for number in range(most + 1))),
        "room": Regression(ROOM, units="m"),
        "attributes": Multilabel(ATTRIBUTES),
        "segmentation": PixelClasses(tuple(name for name, _ in SURFACES), size, size),
        "depth": PixelValues(("depth",), size, size, "m", positive=True),
        "normals": PixelValues(NORMAL, size, size, directed=True),
        "edges": PixelClasses(("inside", "edge"), size, size),
        "points": Points(POINTS),
    }


def label_symmetries() -> Mapping[str, Symmetry]:
    """Return how the entries of the columns move with the pixels."""
    return {"points": POINT_SYMMETRY}
