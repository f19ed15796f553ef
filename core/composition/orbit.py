"""Test-time augmentation: a model answers the mean over what it says of several views of an image."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base.errors import Incompatible
from ..contracts import Form
from ..contracts.specs import ImageSpec, Symmetry, TestTimeAugmentation

ELEMENTS: Mapping[TestTimeAugmentation, tuple[tuple[int, bool], ...]] = {
    "none": ((0, False),),
    "mirror": tuple((0, mirrored) for mirrored in (False, True)),
    "mirror-shifts": tuple((0, mirrored) for mirrored in (False, True)),
    "quarter-turns": tuple((turns, False) for turns in range(4)),
    "square": tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4)),
}
"""Quarter turns counter-clockwise, after a left-right mirror or not."""

SHIFTS: Mapping[TestTimeAugmentation, tuple[int, ...]] = {"mirror-shifts": (0, 1, -1)}
"""Pixels to the right and down that each of these views is shown at; others stay in place."""


class Orbit(nn.Module):
    """The images that symmetries of the square, and shifts, make of one, and the mean of the answers to them.

    An answer moves with its image: pixels and places do, and so do the entries that a task's `symmetry`
    names. Every answer is moved back before the mean is taken, of raw outputs: of logits it is the geometric
    mean of the probabilities. Raises `Incompatible` when an image that is not square would be turned, of the
    input or of an answer, when images would be shifted and an answer moves, and when a task's `symmetry` does
    not name each entry of its answer once.
    """

    def __init__(
        self,
        choice: TestTimeAugmentation,
        image: ImageSpec,
        targets: Mapping[str, Form],
        symmetries: Mapping[str, Symmetry | None],
    ) -> None:
        super().__init__()
        shifts = SHIFTS.get(choice, (0,))
        self.elements = ELEMENTS[choice] * len(shifts)
        self._shifts = tuple(shift for shift in shifts for _ in ELEMENTS[choice])
        if any(turns % 2 for turns, _ in self.elements):
            _require_square(image, targets)
        for name, target in targets.items():
            if len(shifts) > 1 and target.moves:
                raise Incompatible(f"shifts images, and the answer of task {name!r} would have to move along")
            symmetry = symmetries[name]
            reason = None if symmetry is None else target.symmetry_problem(symmetry)
            if reason is not None:
                raise Incompatible(f"needs to know how answers move, and task {name!r} states {reason}")
        self._moving = {name: target for name, target in targets.items() if target.moves}
        # A task's name may hold a dot; a buffer's may not.
        self._orders = {
            name: f"order_{position}" for position, name in enumerate(targets) if symmetries[name] is not None
        }
        for name, buffer in self._orders.items():
            symmetry = symmetries[name]
            assert symmetry is not None
            orders = torch.tensor([symmetry.after(*element) for element in self.elements])
            self.register_buffer(buffer, orders.argsort(dim=1), persistent=False)

    def views(self, image: Tensor) -> Tensor:
        """Return the images of the orbit, one block of `B` per symmetry: `[K * B, C, H, W]`."""
        views = zip(self.elements, self._shifts, strict=True)
        return torch.cat([_shifted(_moved(image, *element), shift) for element, shift in views])

    def repeated(self, values: Tensor) -> Tensor:
        """Return values of samples for every image of the orbit: `[B, ...]` as `[K * B, ...]`."""
        return values.repeat(len(self.elements), *(1 for _ in values.shape[1:]))

    def mean(self, task: str, raw: Tensor) -> Tensor:
        """Return the mean of a task's raw outputs for `views`, moved back: `[K * B, ...]` as `[B, ...]`."""
        parts = raw.unflatten(0, (len(self.elements), -1)).unbind()
        if task in self._moving:
            form = self._moving[task]
            parts = tuple(
                _moved_back(form, part, *element) for part, element in zip(parts, self.elements, strict=True)
            )
        if task in self._orders:
            orders = self.get_buffer(self._orders[task])
            parts = tuple(part[:, order] for part, order in zip(parts, orders, strict=True))
        return torch.stack(parts).mean(dim=0)


def _require_square(image: ImageSpec, targets: Mapping[str, Form]) -> None:
    if image.height != image.width:
        raise Incompatible(f"turns images, which must be square; they are {image.height} x {image.width}")
    for name, target in targets.items():
        *_, height, width = (0, 0, *target.output_shape)
        if target.moves_with_pixels and height != width:
            size = f"{height} x {width}"
            raise Incompatible(f"turns images, which must be square; those of task {name!r} are {size}")


def _moved(image: Tensor, turns: int, mirrored: bool) -> Tensor:
    image = image.flip(-1) if mirrored else image
    return torch.rot90(image, turns, (-2, -1)) if turns else image


def _shifted(image: Tensor, pixels: int) -> Tensor:
    """Return images that many pixels to the right and down, their edges repeated where nothing was."""
    if not pixels:
        return image
    high, wide = image.shape[-2:]
    before, after = max(pixels, 0), max(-pixels, 0)
    padded = F.pad(image, (before, after, before, after), mode="replicate")
    return padded[..., after : after + high, after : after + wide]


def _moved_back(form: Form, answer: Tensor, turns: int, mirrored: bool) -> Tensor:
    turned = form.move(answer, -turns % 4, False, None)
    return form.move(turned, 0, mirrored, None)
