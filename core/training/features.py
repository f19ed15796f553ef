"""The cut between the shared features and the heads, for balancers that work on the features' gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..base.errors import ComponentError
from ..base.ranks import Ranks, Rows
from ..contracts import Sharing


class FeatureCut:
    """Gives the heads leaf copies of the features in training: each side has a backward pass of its own.

    `stages` are the features as the encoder made them, `leaves` what the heads read; both are those of the
    latest forward pass.
    """

    def __init__(self, sharing: Sharing) -> None:
        self.stages: tuple[Tensor, ...] = ()
        self.leaves: tuple[Tensor, ...] = ()
        # An earlier training of the same model (or of the one it is a copy of) may have left its cut.
        for key, hook in list(sharing._forward_hooks.items()):
            if isinstance(getattr(hook, "__self__", None), FeatureCut):
                del sharing._forward_hooks[key]
        sharing.register_forward_hook(self._cut)

    def backward(self, gradients: Tensor, used: list[int]) -> None:
        """Run the one backward pass through the encoder; `gradients` are those of the `used` stages, flat."""
        stages = [self.stages[index] for index in used]
        parts = gradients.split([stage.numel() for stage in stages])
        shaped = [part.view(stage.shape).to(stage.dtype) for part, stage in zip(parts, stages, strict=True)]
        trained = [place for place, stage in enumerate(stages) if stage.requires_grad]
        stages, shaped = [stages[place] for place in trained], [shaped[place] for place in trained]
        # Kept, they would keep the nodes that add up the parameters' gradients, and with them the CUDA stream
        # of this step: another one, captured on a stream of its own, could not use them.
        self.forget()
        torch.autograd.backward(stages, shaped)

    def forget(self) -> None:
        """Let go of the latest forward pass."""
        self.stages = self.leaves = ()

    def gathered(self, gradients: Tensor, used: list[int], rows: Rows, ranks: Ranks) -> Tensor:
        """Return the gradients `[parts, T, P]` of the whole batch's features from those of a rank's rows."""
        stages = [self.leaves[index] for index in used]
        if not rows.counted:
            gradients = torch.zeros_like(gradients)
        found = []
        for part in gradients.split([stage.numel() for stage in stages], dim=-1):
            by_row = part.view(*part.shape[:-1], rows.count, -1).movedim(-2, 0)
            found.append(ranks.gathered(rows, by_row).movedim(0, -2).flatten(-2))
        return torch.cat(found, dim=-1)

    def own_rows(self, direction: Tensor, used: list[int], rows: Rows) -> Tensor:
        """Return a rank's rows of a direction `[P]` in the whole batch's features, zeros if it has none."""
        sizes = [self.leaves[index].numel() // rows.count * rows.whole for index in used]
        found = [part.view(rows.whole, -1)[rows.place].reshape(-1) for part in direction.split(sizes)]
        mine = torch.cat(found)
        return mine if rows.counted else torch.zeros_like(mine)

    def __deepcopy__(self, memo: dict[int, Any]) -> FeatureCut:
        """Copy nothing: a copied model belongs to no training, and a graph cannot be copied."""
        copied = FeatureCut.__new__(FeatureCut)
        copied.stages = copied.leaves = ()
        return copied

    def _cut(self, module: nn.Module, _: Any, output: dict[str, tuple[Tensor, ...]]) -> Any:
        if not (module.training and torch.is_grad_enabled()):
            return output
        first, *others = output.values()
        if any(one is not other for stages in others for one, other in zip(first, stages, strict=True)):
            raise ComponentError(
                "the sharing scheme says that all heads read the same features, but gives different ones",
                hint="leave `common_features` out of the scheme, or balance on parameters",
            )
        self.stages = first
        self.leaves = tuple(stage.detach().requires_grad_() for stage in first)
        return dict.fromkeys(output, self.leaves)
