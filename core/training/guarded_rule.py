"""Steps of any optimizer of torch's interface, undone on the device where they must not count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor


class GuardedRule:
    """Lets an optimizer update its parameters; those without a gradient stay as they are.

    Parameters and state are copied before every step, so that a step can be taken back without reading
    anything: that costs memory and two passes over them, which the fused kernels save.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        self._parameters = [item for group in optimizer.param_groups for item in group["params"]]

    @torch.no_grad()
    def __call__(self, skip: Tensor) -> None:
        """Update once; where `skip` (a scalar) is 1 nothing changes, without reading it back."""
        live = [item for item in self._parameters if item.grad is not None]
        if not live:
            return
        live += [tensor for _, _, tensor in self.state()]
        before = [tensor.clone() for tensor in live]
        self._optimizer.step()
        for tensor, old in zip(live, before, strict=True):
            torch.where(skip.to(tensor.device) > 0, old, tensor, out=tensor)

    def state(self) -> Iterator[tuple[Tensor, str, Tensor]]:
        """Yield every tensor that is remembered: its parameter, its name, itself."""
        for parameter in self._parameters:
            kept: dict[str, Any] = self._optimizer.state.get(parameter, {})
            for name, value in kept.items():
                if isinstance(value, Tensor):
                    yield parameter, name, value

    def load(self, values: Mapping[tuple[int, str], Tensor]) -> None:
        """Restore what `state` yielded, by the parameter's `id` and the name; the rest starts anew."""
        self._optimizer.state.clear()
        for group in self._optimizer.param_groups:
            for parameter in group["params"]:
                for (owner, name), value in values.items():
                    if owner == id(parameter):
                        kept = _placed(value, parameter, group.get("capturable", False))
                        self._optimizer.state[parameter][name] = kept


def _placed(value: Tensor, parameter: Tensor, capturable: bool) -> Tensor:
    """Return a copy where the optimizer keeps it, in the parameter's memory format.

    That is the parameter's device, but for torch's count of steps, which is there only where a step may be
    captured.
    """
    device = parameter.device if value.dim() or capturable else torch.device("cpu")
    like = parameter if value.shape == parameter.shape else value
    return torch.empty_like(like, dtype=value.dtype, device=device).copy_(value)
