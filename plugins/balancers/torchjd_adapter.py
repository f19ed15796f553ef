"""The one place that knows torchjd (https://torchjd.org): its weightings, aggregators and scalarizers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Literal

import torch
from torch import Tensor, nn
from torchjd import aggregation, scalarization
from torchjd.linalg import DualConeProjector, QuadprogProjector

from ...core.errors import MissingRequirementError

Solver = Callable[[Tensor], Tensor]
"""From a Gramian `[T, T]`, float64 on the CPU, to weights `[T]`."""


_VANISHED = 1e-12
"""Of the longest gradient's length: shorter ones are rounding."""

_PARALLEL = 1.0 - 1e-6
"""The largest cosine aimed at; what would turn one gradient onto another altogether is without bound."""


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


def _gramian(gradients: Tensor) -> Tensor:
    """Return all products `[T, T]` of gradients `[T, P]`, float64 on the CPU, however short they are.

    The square of a short float32 number is 0, or has few digits.
    """
    scale = gradients.detach().abs().amax(dim=1, keepdim=True)
    rows = gradients.detach() / torch.where(scale > 0, scale, 1.0)
    scale = scale.to("cpu", torch.float64)
    return (rows @ rows.T).to("cpu", torch.float64) * scale * scale.T


def mgda() -> Solver:
    """Frank and Wolfe's algorithm for the shortest vector of the convex hull."""
    return aggregation.MGDAWeighting(epsilon=1e-6, max_iters=500)


def pcgrad() -> Solver:
    """Projections in random order, drawn from torch's own generator."""
    return aggregation.PCGradWeighting()


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


def aligned_mtl(scale: Literal["min", "median", "rmse"]) -> Solver:
    """The balance transformation of the Gramian's eigenvalues."""
    return aggregation.AlignedMTLWeighting(scale_mode=scale)


def fairgrad(alpha: float) -> Solver:
    """The root of the fairness equation by least squares (scipy)."""
    weighting = aggregation.FairGradWeighting(alpha=alpha)

    def solve(gramian: Tensor) -> Tensor:
        # The solver's tolerances are absolute: solve at scale 1. With G = s H the root scales as
        # s ** (-alpha / (alpha + 1)).
        scale = gramian.diagonal().mean()
        return weighting(gramian / scale) * scale ** (-alpha / (alpha + 1.0))

    return solve


def imtl_g() -> Solver:
    """Equal projections on all tasks' gradients, by a pseudo-inverse."""
    return aggregation.IMTLGWeighting()


def gradvac(gradients: Tensor, target: Tensor, beta: float) -> Tensor:
    """Return the weights `[T]` of GradVac, and move `target` `[T, T]`, the cosines aimed at.

    The cosines of a task without a gradient (no label in the batch) stay, as do those of one whose gradient
    has vanished beside the others': float32 knows nothing of its direction.
    """
    weighting = aggregation.GradVacWeighting(beta=beta, eps=1e-30)
    gramian = _gramian(gradients)
    lengths = gramian.diagonal().sqrt()
    there = (lengths > _VANISHED * lengths.max()).nonzero().squeeze(1)
    pairs = there[:, None], there
    # To the scale of 1, of which the library's `eps` is a negligible part.
    gramian = gramian / lengths.max().square().clamp(min=torch.finfo(torch.float64).tiny)
    # torchjd keeps this state to itself; a checkpoint needs it.
    known = target.detach().to("cpu", torch.float64, copy=True)
    moving = known[pairs]
    weighting._buffers["_phi_t"] = moving
    weighting._state_key = (len(moving), moving.dtype)
    weights = torch.zeros(len(gramian), dtype=torch.float64)
    weights[there] = weighting(gramian[pairs])
    # A turned gradient of no length has no cosine, and the library divides by it.
    known[pairs] = moving.nan_to_num().clamp(-_PARALLEL, _PARALLEL)
    target.copy_(known)
    return weights.to(gradients)


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
