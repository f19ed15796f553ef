"""An encoder per task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast

from torch import Tensor, nn

from ...core.base.branches import side_by_side
from ...core.contracts import Encoder, Sharing


class Separate(Sharing):
    """No sharing: every task has an encoder of its own, trained by its loss alone."""

    def __init__(self, tasks: Sequence[str], build_encoder: Callable[[], Encoder]) -> None:
        super().__init__(tasks, build_encoder)
        # A list, since a task may have a name that a module dictionary reserves ("values").
        self.encoders = nn.ModuleList(build_encoder() for _ in self.tasks)
        encoders = self._encoders()
        self.feature_specs = {task: encoder.feature_specs for task, encoder in encoders.items()}
        self.fuses = frozenset().union(*(encoder.fuses for encoder in encoders.values()))

    def _encoders(self) -> dict[str, Encoder]:
        return dict(zip(self.tasks, cast("list[Encoder]", list(self.encoders)), strict=True))

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, tuple[Tensor, ...]]:
        encoders = self._encoders()
        works = [partial(encoders[task], image, inputs) for task in tasks]
        return dict(zip(tasks, side_by_side(works, image.device, (image, dict(inputs))), strict=True))

    def shared_parameters(self) -> list[nn.Parameter]:
        return []
