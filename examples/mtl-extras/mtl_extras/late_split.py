"""The first stages are shared, the rest per task."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, cast

from pydantic import Field
from torch import Tensor, nn

from mtl.contracts import Encoder, Incompatible, Sharing

Shared = Annotated[int, Field(ge=1, description="How many stages, counted from the image, are shared.")]


class LateSplit(Sharing):
    """Every task has an encoder of its own from stage `shared` on; what is before, all tasks share.

    Raises `Incompatible` when the encoder has fewer stages.
    """

    def __init__(
        self, tasks: Sequence[str], build_encoder: Callable[[], Encoder], *, shared: Shared = 1
    ) -> None:
        super().__init__(tasks, build_encoder)
        self.shared = shared
        # A list, since a task may have a name that a module dictionary reserves ("values").
        self.encoders = nn.ModuleList(build_encoder() for _ in self.tasks)
        first, *others = self._encoders()
        if shared > len(first.stages):
            raise Incompatible(f"cannot share {shared} stages: the encoder has {len(first.stages)}")
        for encoder in others:
            for index in range(shared):
                encoder.stages[index] = nn.Identity()
        self.feature_specs = dict.fromkeys(self.tasks, first.feature_specs)
        self.fuses = first.fuses

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, tuple[Tensor, ...]]:
        first, *_ = self._encoders()
        features, trunk = _run(first, range(self.shared), image, inputs)
        rest = range(self.shared, len(first.stages))
        own = dict(zip(self.tasks, self._encoders(), strict=True))
        return {task: (*trunk, *_run(own[task], rest, features, inputs)[1]) for task in tasks}

    def shared_parameters(self) -> list[nn.Parameter]:
        first, *others = self._encoders()
        return list(first.stages[: self.shared].parameters()) if others else []

    def _encoders(self) -> list[Encoder]:
        return cast("list[Encoder]", list(self.encoders))


def _run(
    encoder: Encoder, stages: range, features: Tensor, inputs: Mapping[str, Tensor]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return what goes on to the next stage, and what heads see of every one."""
    outputs = []
    for index in stages:
        features = encoder.forward_stage(index, features, inputs)
        outputs.append(encoder.tap(index, features))
    return features, tuple(outputs)
