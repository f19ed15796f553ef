"""The contract of a balancer: how the task losses become one update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn


class Balancer(nn.Module):
    """A balancer; its constructor takes `(tasks: Sequence[str], *, options)`.

    The losses it sees are multiplied by the tasks' own weights. `present`, bool `[T]`, says which tasks take
    part in the step at hand: those with a label in the batch and a weight above 0. The loss of another is 0,
    and so may be that of a task that is present: the value tells nothing. `weights` alone makes a balancer;
    the other methods have defaults, and each serves one more kind of method:

    - weights from the losses, or (`needs_gradients`) from the gradients: `weights`;
    - a gradient of the shared parameters that is no weighted sum: `direction`;
    - parameters of its own, trained by the recipe's optimizer: `own_loss`;
    - state that follows the update, or the losses after it (`needs_new_losses`): `post_step`, `post_update`;
    - `parts` above 1: every batch is cut into so many equal, independent parts; `gradients` is then
      `[parts, T, P]` and `losses` their mean.

    State that must survive a checkpoint lies in buffers or parameters. A buffer whose size is known only at
    the first step is registered as None; loading gives it the size it was saved with. What is random is drawn
    from torch's own generator, which the engine seeds.

    Flags: `needs_positive_losses` says that the method takes logarithms or ratios of losses: one below 0 then
    ends the training with an error that names task and balancer, and one of exactly 0 must be dealt with.
    `constant` says that the weights never change (they are then not logged), `plain` that they are all 1, so
    that nobody asks for them; no subclass with weights of its own inherits either. `capturable` says that a
    step may be captured in a CUDA graph (it neither computes on the CPU nor waits for the
    device; where it does,
    `eager_because` says why, as in "the balancer solves on the CPU"), `ddp_safe` and `compile_safe` where it
    works. `on` is `"parameters"`, or `"features"` when the gradients are to be those
    with respect to the features that all heads read; most offer it as an option. `fixed_weights` are factors
    by task that never change: they count when the best epoch is chosen. An option that maps tasks to values
    comes without the absent ones where some of a recipe's tasks are trained.
    """

    needs_gradients: bool = False
    needs_new_losses: bool = False
    needs_positive_losses: bool = False
    parts: int = 1
    on: str = "parameters"
    constant: bool = False
    plain: bool = False
    ddp_safe: bool = True
    compile_safe: bool = True
    capturable: bool = True
    eager_because: str = "reads values back in every step"
    fixed_weights: Mapping[str, float] = MappingProxyType({})
    present: Tensor

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        own = vars(cls)
        if "weights" in own:
            cls.constant, cls.plain = own.get("constant", False), own.get("plain", False)

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.register_buffer("present", torch.ones(len(self.tasks), dtype=torch.bool), persistent=False)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        """Return one weight per task, `[T]`; the update minimises `(weights * losses).sum()`.

        `losses` is `[T]` in the order of `tasks`; `gradients` is `[T, P]`, each task's gradient with
        respect to what the tasks share, given only when `needs_gradients`. Called once per step.
        """
        raise NotImplementedError

    def direction(self, gradients: Tensor, weights: Tensor) -> Tensor:
        """Return the gradient `[P]` of what the tasks share; called after `weights`, with its result.

        By default `weights @ gradients` (the mean of the parts' gradients when there are parts).
        """
        mean = gradients if gradients.dim() == 2 else gradients.mean(dim=0)
        return weights @ mean

    def head_weights(self, losses: Tensor, weights: Tensor) -> Tensor:
        """Return by how much each task's gradient counts, `[T]`, in the parameters of that task alone.

        Asked for only when `needs_gradients`. By default `weights`, so that whole losses are weighted;
        methods that balance the shared gradients alone return ones.
        """
        return weights

    def own_loss(self, losses: Tensor, gradients: Tensor | None) -> Tensor | None:
        """Return a scalar that trains the balancer's own parameters, or None; called after `weights`.

        Neither `losses` nor `gradients` carry a graph here: nothing of the model is reached.
        """
        return None

    def post_step(self, losses: Tensor) -> None:
        """Called after every update with the losses `[T]` it was made from."""

    def post_update(self, before: Tensor, after: Tensor) -> None:
        """Called after every update when `needs_new_losses`: the losses `[T]` of the same batch, twice."""

    def post_epoch(self, losses: Tensor) -> None:
        """Called after every epoch with the epoch's mean training losses `[T]`."""

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        held = [value for value in self._buffers.values() if value is not None]
        for name, value in self._buffers.items():
            if value is None and prefix + name in state_dict:
                saved = state_dict[prefix + name]
                device = held[0].device if held else saved.device
                self._buffers[name] = torch.empty_like(saved, device=device)
        super()._load_from_state_dict(state_dict, prefix, *rest)
