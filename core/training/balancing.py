"""From the tasks' losses to the gradients of one update, as the balancer wants it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..base.ranks import ALONE, Ranks, Rows
from ..composition.model import MultitaskModel
from ..contracts import Balancer
from ..contracts.tensor_form import REAL, expect
from .features import FeatureCut


class Balancing:
    """Fills the parameters' gradients from the weighted losses `[T]`, or `[parts, T]`.

    Without gradients that is one backward pass of the weighted sum. With them it is one pass per task, and
    none beyond: the shared parameters get the balancer's direction, those of a single task its own gradient
    times its head weight. On features the tasks' passes end at the features, and one goes on from there.
    `seen` is the sum of the weights `[T]` since it was last zeroed.

    Of several `ranks` each has the gradients of its rows: they are summed before the balancer sees them where
    it wants gradients, and else when they are complete; those of features are put together, as features of a
    sample are on one rank alone. `rows` are this rank's of the batch in hand.
    """

    def __init__(
        self, balancer: Balancer, model: MultitaskModel, device: torch.device, ranks: Ranks = ALONE
    ) -> None:
        self._balancer = balancer
        self._ranks = ranks
        self.rows: Rows | None = None
        sharing = model.sharing
        self._cut = FeatureCut(sharing) if balancer.on == "features" else None
        self._shared = tuple(sharing.trained_together())
        elsewhere = {
            id(parameter) for parameter in (self._shared if self._cut is None else sharing.parameters())
        }
        self._own = [
            parameter
            for parameter in model.parameters()
            if parameter.requires_grad and id(parameter) not in elsewhere
        ]
        reached = model.parameters() if self._cut is not None or not balancer.needs_gradients else self._own
        self._summed = [parameter for parameter in reached if parameter.requires_grad]
        self.seen = torch.zeros(len(balancer.tasks), device=device)
        self._ones = torch.ones_like(self.seen)

    @property
    def parts(self) -> int:
        """Into how many independent parts a step's batch is cut."""
        return self._balancer.parts

    def abandon(self) -> None:
        """Drop what a step left that did not come to its end."""
        if self._cut is not None:
            self._cut.forget()

    def backward(self, losses: Tensor) -> Tensor:
        """Run the backward pass; return the balanced losses `[T]` whose sum the update minimises."""
        if self._balancer.needs_gradients:
            return self._from_gradients(losses)
        if self._balancer.plain:
            balanced = losses
        else:
            weights = self._balancer.weights(losses, None)
            expect(self._balancer, "its weights are", weights, losses.shape[-1:], REAL)
            balanced = weights * losses
            if not self._balancer.constant:
                self.seen.add_(weights.detach())
        own = self._balancer.own_loss(losses.detach(), None)
        # To the sum each loss counts as 1: it need not be computed, nor need autograd make ones each time.
        alike = balanced.dim() == 1 and balanced.dtype == self._ones.dtype
        roots, gradients = [balanced], [self._ones if alike else torch.ones_like(balanced)]
        if own is not None:
            roots, gradients = [*roots, own], [*gradients, torch.ones_like(own)]
        torch.autograd.backward(roots, gradients)
        self._sum_gradients()
        return balanced.detach()

    def _from_gradients(self, losses: Tensor) -> Tensor:
        parts = losses if losses.dim() == 2 else losses.unsqueeze(0)
        shared, own, used = self._task_gradients(parts)
        if not self._ranks.alone:
            shared = self._of_all_ranks(shared, used)
        mean = parts.detach().mean(dim=0)
        given = shared if losses.dim() == 2 else shared[0]
        weights = self._balancer.weights(mean, given)
        expect(self._balancer, "its weights are", weights, mean.shape, REAL)
        self._train_balancer(mean, given)
        with torch.no_grad():
            weights = weights.detach()
            direction = self._balancer.direction(given, weights)
            expect(self._balancer, "its direction is", direction, given.shape[-1:], REAL)
            heads = self._balancer.head_weights(mean, weights) / len(parts)
            self._add_own(own, heads)
            self.seen.add_(weights)
        if self._cut is None:
            self._write_shared(direction)
        else:
            mine = direction if self.rows is None else self._cut.own_rows(direction, used, self.rows)
            self._cut.backward(mine, used)
        self._sum_gradients()
        # What is not finite in the direction must show in the losses, which are watched.
        return weights * mean + direction.sum() * 0.0

    def _of_all_ranks(self, shared: Tensor, used: list[int]) -> Tensor:
        """Return the tasks' gradients `[parts, T, P]` of the whole batch from those of this rank's rows."""
        if self._cut is None:
            return self._ranks.total(shared)
        assert self.rows is not None
        return self._cut.gathered(shared, used, self.rows, self._ranks)

    @torch.no_grad()
    def _sum_gradients(self) -> None:
        """Sum over the ranks, in one message, the gradients that are of this rank's rows alone."""
        if self._ranks.alone:
            return
        reached = [parameter for parameter in self._summed if parameter.grad is not None]
        gradients = [parameter.grad for parameter in reached if parameter.grad is not None]
        if not gradients:
            return
        summed = self._ranks.total(torch.cat([gradient.reshape(-1) for gradient in gradients]))
        parts = summed.split([gradient.numel() for gradient in gradients])
        for parameter, part in zip(reached, parts, strict=True):
            parameter.grad = part.view(parameter.shape)

    def _train_balancer(self, losses: Tensor, gradients: Tensor) -> None:
        own = self._balancer.own_loss(losses, gradients)
        if own is not None:
            own.backward()

    def _task_gradients(
        self, losses: Tensor
    ) -> tuple[Tensor, list[list[tuple[Tensor | None, ...]]], list[int]]:
        """Return `[parts, T, P]`, the tasks' gradients of their own parameters, and the stages that count."""
        targets = self._shared if self._cut is None else self._cut.leaves
        count = len(targets)
        flat = losses.flatten()
        found: list[tuple[Tensor | None, ...]] = []
        for index, loss in enumerate(flat):
            found.append(_gradients(loss, [*targets, *self._own], last=index + 1 == len(flat)))
        used = [index for index in range(count) if any(row[index] is not None for row in found)]
        if self._cut is None:
            used = list(range(count))
        rows = [_flat(row, targets, used) for row in found]
        own = [row[count:] for row in found]
        tasks = losses.shape[1]
        by_part = [own[start : start + tasks] for start in range(0, len(own), tasks)]
        return torch.stack(rows).view(len(losses), tasks, -1), by_part, used

    def _add_own(self, own: list[list[tuple[Tensor | None, ...]]], weights: Tensor) -> None:
        for rows in own:
            for weight, row in zip(weights, rows, strict=True):
                for parameter, gradient in zip(self._own, row, strict=True):
                    if gradient is None:
                        continue
                    scaled = gradient * weight
                    parameter.grad = scaled if parameter.grad is None else parameter.grad + scaled

    def _write_shared(self, direction: Tensor) -> None:
        parts = direction.split([parameter.numel() for parameter in self._shared])
        for parameter, part in zip(self._shared, parts, strict=True):
            if parameter.requires_grad:  # one that is trained only later is not touched
                parameter.grad = part.view(parameter.shape)


def task_gradients(losses: Tensor, parameters: Sequence[nn.Parameter]) -> Tensor:
    """Return the gradient `[T, P]` of each of the losses `[T]` with respect to all of `parameters`."""
    rows = []
    for index, loss in enumerate(losses):
        found = _gradients(loss, parameters, last=index + 1 == len(losses))
        rows.append(_flat(found, parameters, list(range(len(parameters)))))
    return torch.stack(rows)


def _gradients(loss: Tensor, of: Sequence[Tensor], *, last: bool) -> tuple[Tensor | None, ...]:
    """Return the gradient of a loss for each tensor, None where it has none; `last` frees the graph."""
    if not loss.requires_grad:
        # Everything on the way of this task is frozen.
        return (None,) * len(of)
    wanted = [tensor for tensor in of if tensor.requires_grad]
    found = torch.autograd.grad(loss, wanted, retain_graph=not last, allow_unused=True) if wanted else ()
    given = iter(found)
    return tuple(next(given) if tensor.requires_grad else None for tensor in of)


def _flat(found: Sequence[Tensor | None], like: Sequence[Tensor], used: Sequence[int]) -> Tensor:
    """Return the gradients of the `used` tensors in one row, zeros where there is none.

    At least float32: features computed in bfloat16 have such gradients, too coarse to be told apart.
    """
    pieces = []
    for index in used:
        gradient = found[index]
        pieces.append((torch.zeros_like(like[index]) if gradient is None else gradient).reshape(-1))
    row = torch.cat(pieces)
    return row.to(torch.promote_types(row.dtype, torch.float32))
