"""An encoder per task, with learned mixing between them after chosen stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ...core.base.branches import side_by_side
from ...core.base.errors import Incompatible
from ...core.contracts import Encoder, LearnedTable, Sharing


class CrossStitch(Sharing):
    """Cross-stitch networks (Misra et al. 2016): after a stage, every task sees a mix of all tasks' features.

    Task `i` continues with `sum_j w[i, j] * features_j`, where `w` is learned, one `[T, T]` per stage
    (`per: layer`) or one per channel as well (`per: channel`). It starts with `self_weight` on the
    diagonal and equal weights elsewhere, so that every row sums to 1: for two tasks and the default,
    `[[0.9, 0.1], [0.1, 0.9]]`. Raises `Incompatible` with fewer than two tasks, and for a stage the
    encoder does not have.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        build_encoder: Callable[[], Encoder],
        *,
        after: Annotated[
            tuple[str, ...] | None, Field(min_length=1, description="Stages to mix after; null: every stage.")
        ] = None,
        per: Annotated[
            Literal["layer", "channel"], Field(description="One weight for a whole stage, or per channel.")
        ] = "layer",
        self_weight: Annotated[
            float, Field(ge=0, le=1, description="Weight of a task's own features at the start.")
        ] = 0.9,
    ) -> None:
        super().__init__(tasks, build_encoder)
        if len(self.tasks) < 2:
            raise Incompatible(f"needs at least two tasks, got {len(self.tasks)}")
        columns = [build_encoder() for _ in self.tasks]
        self.columns = nn.ModuleList(columns)
        self.stage_names = tuple(name for name, _ in columns[0].stages.named_children())
        self.feature_specs = dict.fromkeys(self.tasks, columns[0].feature_specs)
        self.fuses = columns[0].fuses
        chosen = self.stage_names if after is None else after
        for name in chosen:
            if name not in self.stage_names:
                raise Incompatible(
                    f"the encoder has no stage {name!r}; stages: {', '.join(self.stage_names)}"
                )
        self.positions = tuple(i for i, name in enumerate(self.stage_names) if name in chosen)
        self.units = nn.ParameterList(
            _near_identity(
                len(self.tasks), self_weight, columns[0].feature_specs[i].channels if per == "channel" else 1
            )
            for i in self.positions
        )

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, tuple[Tensor, ...]]:
        units = dict(zip(self.positions, self.units, strict=True))
        columns = dict(zip(self.tasks, self._columns(), strict=True))
        features = dict.fromkeys(self.tasks, image)
        outputs: dict[str, list[Tensor]] = {task: [] for task in tasks}
        for index in range(len(self.stage_names)):
            # Past the last unit nobody reads the other tasks' columns.
            needed = self.tasks if index <= self.positions[-1] else tuple(tasks)
            works = [partial(columns[task].forward_stage, index, features[task], inputs) for task in needed]
            staged = side_by_side(works, image.device, (features, dict(inputs)))
            features = dict(zip(needed, staged, strict=True))
            if index in units:
                mixed = stitch(torch.stack(list(features.values())), units[index])
                features = dict(zip(self.tasks, mixed.unbind(), strict=True))
            for task in tasks:
                outputs[task].append(columns[task].tap(index, features[task]))
        return {task: tuple(stages) for task, stages in outputs.items()}

    def shared_parameters(self) -> list[nn.Parameter]:
        before = [
            parameter
            for column in self._columns()
            for stage in column.stages[: self.positions[-1] + 1]
            for parameter in stage.parameters()
        ]
        return [*before, *self.units]

    def stitch_weights(self) -> dict[str, Tensor]:
        """Return a copy of the weights by stage name: `[T, T]`, or `[T, T, channels]` with `per: channel`.

        Row `i` is what task `i` continues with, column `j` how much of task `j`'s features.
        """
        names = (self.stage_names[i] for i in self.positions)
        return {
            name: (unit.squeeze(-1) if unit.shape[-1] == 1 else unit).detach().clone()
            for name, unit in zip(names, self.units, strict=True)
        }

    def learned(self, image: Tensor, inputs: Mapping[str, Tensor]) -> tuple[LearnedTable, ...]:
        meaning = "Weight of a column's features in what the row continues with" + (
            ", on average over the channels." if any(unit.shape[-1] > 1 for unit in self.units) else "."
        )
        return tuple(
            LearnedTable.of(f"Stitch after stage {name}", meaning, self.tasks, self.tasks, weights)
            for name, weights in (
                (name, unit if unit.dim() == 2 else unit.mean(-1))
                for name, unit in self.stitch_weights().items()
            )
        )

    def _columns(self) -> list[Encoder]:
        return cast("list[Encoder]", list(self.columns))


def stitch(features: Tensor, weights: Tensor) -> Tensor:
    """Return each task's mix `[T, B, C, ...]` of all tasks' features, same shape (Misra et al., equation 1).

    `weights` is `[T, T, 1]` or `[T, T, C]`.

    >>> stitch(torch.tensor([[[1.0]], [[3.0]]]), torch.tensor([[[0.5], [0.5]], [[0.0], [1.0]]])).flatten()
    tensor([2., 3.])
    """
    if weights.shape[-1] == 1:
        return torch.einsum("ij,jbf->ibf", weights.squeeze(-1), features.flatten(2)).view_as(features)
    flat = features.reshape(*features.shape[:3], -1)
    return torch.einsum("ijc,jbcf->ibcf", weights, flat).view_as(features)


def _near_identity(tasks: int, self_weight: float, channels: int) -> nn.Parameter:
    weights = torch.full((tasks, tasks), (1.0 - self_weight) / (tasks - 1)).fill_diagonal_(self_weight)
    return nn.Parameter(weights.unsqueeze(-1).repeat(1, 1, channels))
