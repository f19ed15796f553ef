"""The contract of a head: from features to one task's raw output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from .batch import Features
from .form import Form
from .specs import FeatureSpec, ImageSpec, InputSpec


@dataclass(frozen=True)
class HeadSpec:
    """Where a head stands: what it sees and what it must answer.

    `stages` are the forms of all stage outputs (the last one is the encoder's answer), `inputs` the extra
    inputs of this head's task.
    """

    image: ImageSpec
    stages: tuple[FeatureSpec, ...]
    target: Form
    inputs: Sequence[InputSpec] = ()


class Head(nn.Module):
    """A head; its constructor takes `(spec: HeadSpec, *, options)` and may raise `Incompatible`.

    `fuses` names the extra inputs it reads. `answers_in_units` says that its `Form.quantities` are
    in their own units, as those of a sigmoid times a limit are; otherwise they are standardised (mean 0,
    deviation 1 over the training labels), and the model puts them in units.
    """

    fuses: frozenset[str] = frozenset()
    answers_in_units: bool = False

    @classmethod
    def accepts(cls, spec: HeadSpec) -> str | None:
        """Return why the head cannot serve there, or None when it can (with default options)."""
        return None

    def bottleneck(self) -> nn.Module | None:
        """Return the layer whose output `[B, D]` all of the answer comes from, if there is one.

        The report draws it: a plane for two values, the two main directions for more.
        """
        return None

    def forward(self, features: Features) -> Tensor:
        """Return the raw output `[B, *target.output_shape]`: logits or values, before any activation.

        Values are standardised, or in units when `answers_in_units`.
        """
        raise NotImplementedError
