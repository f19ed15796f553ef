"""The one place that knows torchjd (https://torchjd.org): its weightings, aggregators and scalarizers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torchjd import aggregation, scalarization
from torchjd.linalg import DualConeProjector, QuadprogProjector

from ...core.base.errors import MissingRequirementError

Solver = Callable[[Tensor], Tensor]
"""From a Gramian `[T, T]`, float64 on the CPU, to weights `[T]`."""


def require(balancer: str, packages: Sequence[str]) -> None:
    """Raise `MissingRequirementError` (status 5) naming the packages of a solver that are not installed."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        noun = "package" if len(missing) == 1 else "packages"
        raise MissingRequirementError(
            f"balancer {balancer!r} needs the {noun} {', '.join(missing)}",
            hint="pip install 'mtl-composer[balancers]'",
        )


def solved(gradients: Tensor, solve: Solver) -> Tensor:
    """Return the weights `[T]` that a solver finds for the gradients `[T, P]`.

    Only their Gramian goes to the CPU. A task without a gradient (no label in the batch) takes no part and
    has weight 0: it would otherwise hold back, or blow up, what the others agree on.
    """
    gramian = (gradients @ gradients.T).detach().to("cpu", torch.float64)
    there = gramian.diagonal() > 0
    weights = torch.zeros(len(gramian), dtype=torch.float64)
    if bool(there.any()):
        weights[there] = solve(gramian[there][:, there])
    return weights.to(gradients)


def mgda() -> Solver:
    """Frank and Wolfe's algorithm for the shortest vector of the convex hull."""
    return aggregation.MGDAWeighting(epsilon=1e-6, max_iters=500)


def upgrad() -> Solver:
    """Quadratic programmes, solved by quadprog; needs what `require` was asked for."""
    # Regularised far below what a float32 gradient knows; the Gramian itself is float64.
    projector: DualConeProjector = QuadprogProjector(norm_eps=1e-30, reg_eps=1e-9)
    weighting = aggregation.UPGradWeighting(projector=projector)

    def solve(gramian: Tensor) -> Tensor:
        # Gradients along one line: products that float32 rounded are those of no vectors at all.
        values, vectors = torch.linalg.eigh(gramian)
        if values[0] < 0:
            gramian = (vectors * values.clamp(min=0.0)) @ vectors.T
        return weighting(gramian)

    return solve


def cagrad(c: float) -> Solver:
    """The dual problem, a cone programme, solved by cvxpy and Clarabel."""
    return aggregation.CAGradWeighting(c=c, norm_eps=1e-30)


def graddrop(gradients: Tensor, leak: float) -> Tensor:
    """Return the direction `[P]` of GradDrop."""
    aggregator = aggregation.GradDrop(leak=gradients.new_full((len(gradients),), leak))
    return aggregator(gradients)


def random_weights(losses: Tensor) -> Tensor:
    """Return random weights `[T]` that sum to 1: a softmax of normal numbers."""
    return aggregation.RandomWeighting()(losses.detach().unsqueeze(1))


def slopes(scalarizer: nn.Module, losses: Tensor) -> Tensor:
    """Return the derivative `[T]` of a scalarizer with respect to the losses: the weights it comes to."""
    with torch.enable_grad():
        leaf = losses.detach().requires_grad_()
        (found,) = torch.autograd.grad(scalarizer(leaf), leaf)
    return found


def learned(scalarizer: nn.Module, losses: Tensor, present: Tensor) -> Tensor:
    """Return what a scalarizer with one parameter per task minimises.

    A task that is not `present`, bool `[T]`, does not move its parameter.
    """
    values = {
        name: torch.where(present, value, value.detach()) for name, value in scalarizer.named_parameters()
    }
    found: Tensor = torch.func.functional_call(scalarizer, values, (losses,))
    return found


def uncertainty(tasks: int) -> nn.Module:
    """Kendall's weighting, with a learned log-variance per task."""
    return scalarization.UW(tasks)


def imtl_l(tasks: int) -> nn.Module:
    """The loss half of IMTL, with a learned log-scale per task."""
    return scalarization.IMTLL(tasks)
