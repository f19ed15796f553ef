"""Eigenvalues and eigenvectors of small symmetric matrices, on any device without waiting for it."""

from __future__ import annotations

import torch
from torch import Tensor

_SWEEPS = 12


def eigenvectors(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues `[K]`, in no order, and eigenvectors `[T, K]` of a symmetric matrix `[T, T]`.

    On a CPU by LAPACK. torch's solver for CUDA copies to the CPU whether it converged, which no CUDA graph
    may hold: there by Jacobi's rotations, and an odd matrix gets one more eigenvalue of 0, its vector 0.
    """
    if matrix.device.type == "cpu":
        found: tuple[Tensor, Tensor] = torch.linalg.eigh(matrix)
        return found
    return rotated(matrix)


def rotated(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return the same by Jacobi's method, always in as many rotations: half of all rows in each.

    Rows are paired as in a tournament (Brent, Luk 1985): with the one half a length away, then all but the
    first move on by a place. Sweeps over all pairs converge quadratically; eight are enough for dozens of
    rows (Golub, Van Loan 2013, section 8.5).

    >>> values, vectors = rotated(torch.tensor([[2.0, 1.0], [1.0, 2.0]]))
    >>> [round(x, 5) for x in values.tolist()], [round(x, 5) for x in vectors[0].abs().tolist()]
    ([1.0, 3.0], [0.70711, 0.70711])
    """
    count = len(matrix)
    half = (count + 1) // 2
    rest = 2 * half - count
    values = torch.nn.functional.pad(matrix, (0, rest, 0, rest))
    vectors = torch.eye(count, 2 * half, dtype=matrix.dtype, device=matrix.device)
    units = torch.eye(2 * half, dtype=matrix.dtype, device=matrix.device)
    opposite = units.roll(half, dims=0)
    # The one pair of a matrix of two rows is done with one rotation; the second takes what rounding left.
    for _ in range(_SWEEPS * (2 * half - 1) if half > 1 else 2):
        turn = _moved_on(_rotation(values, units, opposite), half)
        values = turn @ values @ turn.T
        vectors = vectors @ turn.T
    return values.diagonal(), vectors


def _rotation(values: Tensor, units: Tensor, opposite: Tensor) -> Tensor:
    """Return the rotation of every row with its opposite that makes their product 0."""
    half = len(values) // 2
    first, second = values.diagonal().split(half)
    # Two equal values without a product need no rotation: 0 / 0.
    angle = torch.atan(2.0 * values.diagonal(half) / (second - first)).nan_to_num() / 2
    angles = torch.cat([-angle, angle])[:, None]
    return torch.addcmul(angles.cos() * units, angles.sin(), opposite)


def _moved_on(rows: Tensor, half: int) -> Tensor:
    if half == 1:
        return rows
    order = (rows[:1], rows[half : half + 1], rows[1 : half - 1], rows[half + 1 :], rows[half - 1 : half])
    return torch.cat(order)
