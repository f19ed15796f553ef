"""The contract of a form: the kind of an answer, with everything that anybody wants to know about it.

NumPy only: a file that was exported is answered for without torch. What gets tensors uses their own methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self, get_type_hints

import numpy as np
from numpy.typing import NDArray

from .drawing import Drawing
from .specs import MISSING, ImageSpec, Symmetry
from .stated import read_value

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from .warp import Warp

Activation = Literal["none", "softmax", "sigmoid", "clamp"]
"""What makes a prediction of a raw output: nothing; softmax over the last dimension; the logistic function;
the nearest number in 0..1."""


class Decisions(NamedTuple):
    """Whether two predictions of each sample decide alike, and by how much the first is decided.

    Both are `[B]`, or `[B, ...]` where a sample has many decisions, as one for each pixel. `margin` is how
    far the first is from deciding as the second does.
    """

    same: Tensor
    margin: Tensor


class Form(ABC):
    """The form of an answer: a frozen data class whose fields are texts, tuples of texts, and numbers.

    `form` is its name, that of its record. `head`, `loss` and `metrics` name the components that a task with
    such an answer gets unless it or the recipe says otherwise: those of the form's own plugin, or built in.
    Most of what is asked follows from a few facts: `output_shape`, `drawing`, `activation`, `highest`.
    """

    form: ClassVar[str]
    head: ClassVar[str] = ""
    loss: ClassVar[str] = ""
    metrics: ClassVar[tuple[str, ...]] = ()
    partial: ClassVar[bool] = False
    """Whether single numbers of a target may be absent: then its losses and metrics leave out these alone."""

    # What it is

    @property
    def default_metrics(self) -> tuple[str, ...]:
        """The metrics that a task with this answer gets: `metrics`, and what only some such answers want."""
        return self.metrics

    @property
    @abstractmethod
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one sample's raw output, and of its prediction."""

    @property
    @abstractmethod
    def drawing(self) -> Drawing:
        """How a prediction is shown."""

    @property
    def activation(self) -> Activation:
        """What makes a prediction of a raw output."""
        return "none"

    @property
    def highest(self) -> int | None:
        """The largest target, for whole-number targets in 0..highest; None for real ones."""
        return None

    @property
    def dtype(self) -> str:
        """NumPy's name for the type of a target, and of a label column."""
        return "float32" if self.highest is None else "int64"

    @property
    def absent(self) -> float:
        """What stands for a number of a target that is not known: -1 among whole numbers, else NaN."""
        return np.nan if self.highest is None else MISSING

    @property
    def column_dtype(self) -> str:
        """NumPy's name for the type in which a label column takes the least room; targets fit into it."""
        return self.dtype

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Shape of one sample's target."""
        return self.output_shape

    @property
    def labels(self) -> tuple[str, ...]:
        """What the numbers of a prediction are called, in order; none for a picture."""
        return self.drawing.labels

    @property
    def choices(self) -> tuple[str, ...]:
        """The answers that exclude each other, in the order of the target's numbers; none where none do."""
        return ()

    @property
    def quantities(self) -> int:
        """How many values with a scale of their own it has: they are standardised by the training labels."""
        return 0

    @property
    def entries(self) -> int:
        """How many entries a symmetry may exchange; 0: none."""
        return self.output_shape[0] if len(self.output_shape) == 1 else 0

    @property
    def is_image(self) -> bool:
        """Whether it is an image in 0..1 as models read them, to be compared with the one that was seen."""
        return False

    @property
    def moves_with_pixels(self) -> bool:
        """Whether the last two dimensions, of targets too, are the height and width of the image."""
        return self.is_image

    @property
    def moves(self) -> bool:
        """Whether targets move with the image even where no symmetry is stated, as pixels and places do."""
        return self.moves_with_pixels

    def meaning(self, *, raw: bool) -> str:
        """Return what the numbers of an output are; `raw` outputs are those before the activation."""
        return "values before the activation" if raw and self.activation != "none" else "values"

    # Predictions

    def predict(self, raw: Tensor) -> Tensor:
        """Return predictions for raw outputs `[B, *output_shape]`, same shape; exported models hold it."""
        if self.activation == "softmax":
            return raw.softmax(dim=-1)
        if self.activation == "sigmoid":
            return raw.sigmoid()
        return raw.clamp(0.0, 1.0) if self.activation == "clamp" else raw

    def predict_array(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Return what `predict` does, without torch."""
        if self.activation == "softmax":
            powers = np.exp(raw - raw.max(axis=-1, keepdims=True))
            return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
        if self.activation == "sigmoid":
            # The hyperbolic tangent does not overflow.
            return np.asarray(0.5 * (1.0 + np.tanh(0.5 * raw)))
        return raw.clip(0.0, 1.0) if self.activation == "clamp" else raw

    def decisions(self, reference: Tensor, answer: Tensor) -> Decisions | None:
        """Return whether predictions decide alike; None: they decide nothing, and their numbers count."""
        return None

    # Targets and label columns

    def column_problem(self, column: NDArray[Any], count: int) -> str | None:
        """Return why an array cannot hold the targets of `count` samples, as "must be ...", or None."""
        wanted = (count, *self.target_shape)
        if column.dtype != np.dtype(self.dtype) or column.shape != wanted:
            return f"must be {self.dtype} {list(wanted)}, got {column.dtype} {list(column.shape)}"
        if self.highest is None:
            return self.strange_entries(column, np.isinf(column), "must be finite")
        strange = (column < MISSING) | (column > self.highest)
        return self.strange_entries(column, strange, f"must lie in 0..{self.highest}, or be -1 where absent")

    @classmethod
    def guessed(cls, column: NDArray[Any], image: ImageSpec) -> Self | None:
        """Return the form of this kind that a label column `[N, ...]` beside such images may have, or None.

        Asked where a column is not what it was said to be, to name other forms. What has no name in an array
        is numbered, and whether the column fits is seen by `holding`.
        """
        return None

    @classmethod
    def holding(cls, column: NDArray[Any], image: ImageSpec) -> Self | None:
        """Return a form of this kind that holds a label column `[N, ...]` as it is, or None."""
        found = cls.guessed(column, image)
        return None if found is None or found.column_problem(column, len(column)) else found

    @staticmethod
    def strange_entries(column: NDArray[Any], strange: NDArray[np.bool_], wanted: str) -> str | None:
        """Return what a column must be and which entry is not, from where it is `strange`; None: nowhere.

        >>> Form.strange_entries(np.array([3, 9, 9]), np.array([False, True, True]), "must be small")
        'must be small; entry [1] is 9, and 1 more like it'
        """
        found = np.argwhere(strange)
        if not len(found):
            return None
        more = f", and {len(found) - 1:,} more like it" if len(found) > 1 else ""
        return f"{wanted}; entry {found[0].tolist()} is {column[tuple(found[0])]:g}{more}"

    def known(self, target: Tensor) -> Tensor:
        """Return whether each number of a target is there and not `absent`, bool, same shape."""
        return ~target.isnan() if self.highest is None else target.ne(self.absent)

    def present(self, target: Tensor) -> Tensor | None:
        """Return whether each sample has a target, bool `[B]`; None: every one has, and nobody need look.

        Where targets are `partial`, a sample has one if anything of it is known; else if all of it is.
        """
        known = self.known(target).reshape(len(target), -1)
        return known.any(dim=1) if self.partial else known.all(dim=1)

    def tally(self, targets: Tensor) -> tuple[Tensor, Tensor | int]:
        """Return the sum and the number of present targets; their quotient is the constant prediction."""
        return targets.float().sum(dim=0), len(targets)

    def constant(self, prediction: Tensor) -> str:
        """Return what the constant prediction is, in words."""
        return "the training mean"

    def move(self, target: Tensor, turns: int, mirrored: bool, symmetry: Symmetry | None) -> Tensor:
        """Return targets of images that are mirrored or not, then turned `turns` quarters counter-clockwise.

        Label columns and raw outputs move so too. `symmetry` says how the entries of the answer move; None:
        they stay.
        """
        if self.moves_with_pixels:
            target = target.flip(-1) if mirrored else target
            return target.rot90(turns, (-2, -1)) if turns % 4 else target
        if symmetry is None:
            return target
        order = symmetry.after(turns, mirrored)
        if self.target_shape:
            return target[:, list(order)]
        moved = target.clone()
        for new, old in enumerate(order):
            moved[target == old] = new
        return moved

    def warp(self, target: Tensor, warp: Warp) -> Tensor:
        """Return targets, or a label column, of images whose pixels were shifted or turned a little.

        What comes from outside of the image is absent, and black in an image.
        """
        if not self.moves_with_pixels:
            return target
        return warp.nearest(target, 0.0 if self.is_image else None)

    def symmetry_problem(self, symmetry: Symmetry) -> str | None:
        """Return why a symmetry cannot be that of such an answer, or None."""
        if self.moves_with_pixels:
            return "a symmetry for an image, which moves as it is"
        if not self.entries:
            return f"a symmetry for a {self.form} answer, which has no entries"
        orders = (symmetry.quarter_turn, symmetry.mirror)
        if all(sorted(order) == list(range(self.entries)) for order in orders):
            return None
        return f"a symmetry of {orders[0]} and {orders[1]} for {self.entries} entries"

    # Examples

    @classmethod
    def specimens(cls, image: ImageSpec) -> tuple[Self, ...]:
        """Return examples that components are tried with, beside such images; none: it is not tried."""
        return ()

    def draw(self, count: int, generator: Generator) -> Tensor:
        """Return random right answers for so many samples."""
        import torch

        shape = (count, *self.target_shape)
        if self.highest is None:
            drawn = torch.rand(shape, generator=generator)
            return drawn / drawn.sum(dim=-1, keepdim=True) if self.activation == "softmax" else drawn
        drawn = torch.randint(self.highest + 1, shape, generator=generator)
        return drawn.to(getattr(torch, self.dtype))

    def certain(self, target: Tensor) -> Tensor:
        """Return the prediction that says a present target and is sure of it."""
        return target.float()

    def ideal(self, target: Tensor) -> Tensor:
        """Return the raw output of which `certain` is the prediction, nearly."""
        sure = self.certain(target)
        if self.activation == "softmax":
            return sure.clamp(min=1e-8).log() if self.highest is None else 20.0 * sure
        if self.activation != "sigmoid":
            return sure
        return sure.logit(eps=1e-6) if self.highest is None else 40.0 * sure - 20.0

    # In files

    def to_json(self) -> dict[str, Any]:
        """Return the form as plain JSON values; what is None is left out."""
        stated = {name: value for name, value in asdict(self).items() if value is not None}  # type: ignore[call-overload]
        return {"form": self.form, **stated}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild a form from what `to_json` gave, the name left out; raise `ValueError` unless all is right.

        The values may come from anywhere: each is of its field's type.
        """
        wanted = {item.name: item for item in fields(cls)}  # type: ignore[arg-type]
        optional = {name for name, item in wanted.items() if item.default is None}
        if not set(wanted) - optional <= set(values) <= set(wanted):
            raise ValueError(f"the form {cls.form!r} has the fields {', '.join(sorted(map(str, values)))}")
        types = get_type_hints(cls)
        return cls(
            **{
                name: read_value(
                    values[name], types[name], f"{name} of a {cls.form} answer", item.default == ""
                )
                for name, item in wanted.items()
                if name in values
            }
        )
