"""The contract of a sharing scheme: which encoder parameters the tasks have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn

from ..specs import FeatureSpec
from .encoder import Encoder


class Sharing(nn.Module):
    """A sharing scheme; its constructor takes `(tasks: Sequence[str], build_encoder, *, options)`.

    `build_encoder()` returns a new, independently initialised `Encoder` at every call. The scheme sets
    `feature_specs`, the stages each task's head will see. It raises `Incompatible` with the reason when the
    tasks or the encoder do not suit it. `common_features` says that all heads read the very same tensors, as
    a balancer on features needs.
    """

    feature_specs: Mapping[str, tuple[FeatureSpec, ...]]
    fuses: frozenset[str] = frozenset()
    common_features: bool = False

    def __init__(self, tasks: Sequence[str], build_encoder: Callable[[], Encoder]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, tuple[Tensor, ...]]:
        """Return the stage outputs for each of `tasks` (a subset of all), from normalised `[B, C, H, W]`."""
        raise NotImplementedError

    def shared_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that more than one task's loss reaches."""
        raise NotImplementedError
