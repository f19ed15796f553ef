"""A class at every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from ...core.contracts import Activation, Decisions, Form, Mask
from ...core.contracts.specs import MISSING, ImageSpec

if TYPE_CHECKING:
    from torch import Tensor

UNLABELLED = MISSING % 256
"""What says in a column of bytes that a pixel has no label: 255, which is -1 in eight bits."""

_FAINT = 1e-6
"""By how much all pixels together decide what is most frequent at one that has no label in any image."""


@dataclass(frozen=True)
class PixelClasses(Form):
    """One of several classes at every pixel. Raw output: logits `[B, K, H, W]`; prediction: probabilities.

    The class map is the `argmax` over the classes; the probabilities say how sure it is. Targets are int64
    `[B, H, W]`, the class's number from 0, -1 where a pixel has no label. A label column may be of any whole
    numbers with a sign, -1 where there is no label, or bytes (uint8), 255 where there is none: most label
    maps are stored so. A sample without any labelled pixel has no target.

    >>> PixelClasses(("sky", "ground"), 4, 6).output_shape
    (2, 4, 6)
    """

    classes: tuple[str, ...]
    height: int
    width: int

    form = "pixel-classes"
    head = "decoder"
    loss = "pixel-cross-entropy"
    metrics = ("mean-iou", "pixel-accuracy", "class-iou")
    partial = True

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.classes), self.height, self.width)

    @property
    def column_dtype(self) -> str:
        return "uint8" if self.highest < UNLABELLED else "int32"

    @property
    def target_shape(self) -> tuple[int, ...]:
        return (self.height, self.width)

    @property
    def drawing(self) -> Mask:
        return Mask(self.classes, height=self.height, width=self.width)

    @property
    def activation(self) -> Activation:
        return "softmax"

    @property
    def highest(self) -> int:
        return len(self.classes) - 1

    @property
    def moves_with_pixels(self) -> bool:
        return True

    def meaning(self, *, raw: bool) -> str:
        return "one logit per class and pixel" if raw else "probability of each class at each pixel"

    def predict(self, raw: Tensor) -> Tensor:
        return raw.softmax(dim=1)

    def predict_array(self, raw: NDArray[Any]) -> NDArray[Any]:
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def decisions(self, reference: Tensor, answer: Tensor) -> Decisions:
        """Return whether each pixel `[B, H, W]` is of the same class, and how much more likely it is."""
        chosen = answer.argmax(dim=1)
        margin = reference.amax(dim=1) - reference.gather(1, chosen.unsqueeze(1)).squeeze(1)
        return Decisions(reference.argmax(dim=1) == chosen, margin)

    def column_problem(self, column: NDArray[Any], count: int) -> str | None:
        wanted = (count, *self.target_shape)
        if not (column.dtype.kind == "i" or column.dtype == np.uint8) or column.shape != wanted:
            return (
                f"must be uint8 (255: no label) or whole numbers with a sign (-1: no label) {list(wanted)}, "
                f"got {column.dtype} {list(column.shape)}"
            )
        if column.dtype == np.uint8 and self.highest >= UNLABELLED:
            return f"must be int16 or wider: bytes hold no {len(self.classes)} classes beside 255, no label"
        found = np.unique(column)
        absent = UNLABELLED if column.dtype == np.uint8 else MISSING
        wrong = found[((found < 0) | (found > self.highest)) & (found != absent)]
        if len(wrong):
            named = ", ".join(map(str, wrong[:5].tolist())) + (", ..." if len(wrong) > 5 else "")
            return f"must hold the classes 0..{self.highest} and {absent} for no label, got {named}"
        return None

    def target_of(self, column: Tensor) -> Tensor:
        """Return targets, int64 with -1 where a pixel has no label, from a label column of any type."""
        import torch

        whole = column.long()
        return whole.masked_fill(whole == UNLABELLED, MISSING) if column.dtype == torch.uint8 else whole

    def known(self, target: Tensor) -> Tensor:
        """Return whether each pixel has a label, bool `[B, H, W]`; of targets, or of a label column."""
        import torch

        return target.ne(UNLABELLED if target.dtype == torch.uint8 else MISSING)

    def tally(self, targets: Tensor) -> tuple[Tensor, Tensor | int]:
        """Return how often each class is at each pixel, and how many labels each pixel has.

        All pixels together count a little everywhere, which decides where a pixel has no label.
        """
        import torch

        counts = torch.stack([(targets == number).sum(dim=0) for number in range(len(self.classes))]).float()
        overall = counts.sum(dim=(1, 2), keepdim=True)
        faint = _FAINT * overall / overall.sum().clamp(min=1.0)
        return counts + faint, counts.sum(dim=0) + faint.sum()

    def constant(self, prediction: Tensor) -> str:
        return "the most frequent class at each pixel"

    @classmethod
    def guessed(cls, column: NDArray[Any], image: ImageSpec) -> Self | None:
        if column.ndim != 3 or column.shape[1:] != image.shape[1:] or column.dtype.kind not in "iu":
            return None
        labelled = column[column != (UNLABELLED if column.dtype == np.uint8 else MISSING)]
        count = int(labelled.max(initial=0)) + 1
        return cls(tuple(map(str, range(max(2, count)))), *column.shape[1:])

    @classmethod
    def specimens(cls, image: ImageSpec) -> tuple[Self, ...]:
        return (cls(("0", "1", "2"), image.height, image.width),)

    def certain(self, target: Tensor) -> Tensor:
        import torch

        classes = torch.arange(len(self.classes), device=target.device)
        return (target.unsqueeze(1) == classes[:, None, None]).float()
