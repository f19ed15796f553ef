"""How a shape is shown to people: `[B, C, H, W]`, as everywhere in mtl's own texts."""

from __future__ import annotations

from collections.abc import Iterable

BATCH = "batch"
"""What plans, cards and ONNX files call the first size, which is any."""


def shown_shape(sizes: Iterable[int | str | None]) -> str:
    """Return a shape in words; whatever stands for the batch is `B`.

    >>> shown_shape(["batch", 3, 8, 8]), shown_shape([None]), shown_shape((2, 10))
    ('[B, 3, 8, 8]', '[B]', '[2, 10]')
    """
    return f"[{', '.join('B' if size in (BATCH, None) else str(size) for size in sizes)}]"
