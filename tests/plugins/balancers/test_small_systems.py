"""Solvers that never look at what they found: right for what balancers give them, on a CPU and as on CUDA."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.testing.waiting import first_wait
from mtl.plugins.balancers.eigenvectors import eigenvectors, rotated
from mtl.plugins.balancers.elimination import solve
from mtl.plugins.balancers.subsets import subsets


def symmetric(count: int, seed: int, rank: int | None = None) -> torch.Tensor:
    rows = torch.randn(count, rank or count, generator=torch.Generator().manual_seed(seed)).double()
    return rows @ rows.T


@given(st.integers(1, 9), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_elimination_solves_the_equations(count: int, seed: int) -> None:
    matrices = torch.stack([symmetric(count, seed + one) + torch.eye(count) for one in range(3)])
    right = torch.randn(3, count, 2, generator=torch.Generator().manual_seed(seed)).double()
    torch.testing.assert_close(matrices @ solve(matrices, right), right, rtol=1e-10, atol=1e-10)


def test_elimination_does_not_mind_scales() -> None:
    scales = torch.tensor([1e-8, 1.0, 1e8]).double()
    matrix = (symmetric(3, 0) + torch.eye(3)) * scales * scales[:, None]
    found = solve(matrix, scales[:, None])[:, 0] * scales
    expected = torch.linalg.solve(matrix / scales / scales[:, None], torch.ones(3).double())
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_rotations_find_the_eigenvectors(count: int, rank: int, seed: int) -> None:
    matrix = symmetric(count, seed, rank)
    values, vectors = rotated(matrix)
    scale = matrix.abs().max()
    torch.testing.assert_close(vectors * values @ vectors.T / scale, matrix / scale, rtol=0, atol=1e-13)
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(count).double(), rtol=0, atol=1e-13)
    found = values.sort(descending=True).values[:count] / scale
    expected = torch.linalg.eigvalsh(matrix).flip(0) / scale
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_rotations_leave_equal_values_alone() -> None:
    for matrix in (torch.eye(4), torch.zeros(3, 3), torch.diag(torch.tensor([1.0, 1.0, 0.0, 2.0]))):
        values, _ = rotated(matrix.double())
        assert values.sort(descending=True).values[: len(matrix)].tolist() == pytest.approx(
            matrix.diagonal().sort(descending=True).values.tolist()
        )


def test_on_cuda_eigenvectors_are_found_without_waiting() -> None:
    assert first_wait(lambda place: eigenvectors(place(torch.eye(4)))) is None
    where = first_wait(lambda place: torch.linalg.eigh(place(torch.eye(4))).eigenvalues.tolist())
    assert where is not None


@pytest.mark.parametrize("count", range(1, 7))
def test_every_set_of_tasks_comes_up_once(count: int) -> None:
    found = {tuple(row) for row in subsets(count, torch.device("cpu")).tolist()}
    assert len(found) == 2**count
