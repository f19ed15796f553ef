"""What balancers solve for holds of their answers: optimality conditions and equations, degenerate cases too.

Torch's float64 products of the gradients stand on one side of each, whatever the balancer did inside.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mtl.core.testing.waiting import Place, first_wait

from .gradients import DEGENERATE, ORDINARY, sets
from .test_solver_references import aligned, equal_angles, unconflicting
from .trajectory import make

EXACT, ROUNDED = 1e-9, 2e-6
SOLVERS = ["mgda", "pcgrad", "config", "imtl", "aligned-mtl", "cagrad", "nash-mtl", "fairgrad", "upgrad"]


def weights(name: str, gradients: Tensor, **options: object) -> Tensor:
    found = make(name, len(gradients), **options).weights(torch.ones(len(gradients)), gradients)
    assert found.isfinite().all()
    assert found.dtype == gradients.dtype
    return found.double()


def tolerance(gradients: Tensor) -> float:
    return EXACT if gradients.dtype == torch.float64 else ROUNDED


def gramian(gradients: Tensor) -> Tensor:
    return gradients.double() @ gradients.double().T


def there(gradients: Tensor) -> Tensor:
    return gramian(gradients).diagonal() > 0


@pytest.mark.parametrize("gradients", sets(ORDINARY + DEGENERATE))
def test_no_convex_combination_is_shorter_than_mgdas(gradients: Tensor) -> None:
    """Its products with all gradients are at least its own square (Karush, Kuhn, Tucker)."""
    found, products, present = weights("mgda", gradients), gramian(gradients), there(gradients)
    assert found.min() >= 0
    assert found.sum().item() == pytest.approx(1.0, abs=1e-6)
    square = found @ products @ found
    missing = square - (products @ found)[present]
    lengths = products.diagonal().sqrt()[present]
    assert (missing / (lengths * lengths.min())).max() <= 10 * tolerance(gradients)


@pytest.mark.parametrize("gradients", sets(ORDINARY + DEGENERATE))
def test_upgrad_adds_to_every_gradient_what_keeps_it_from_conflicts(gradients: Tensor) -> None:
    """Least squares with positive factors: Lawson and Hanson's algorithm."""
    if gradients.dtype == torch.float32:
        pytest.skip("the reference knows products that float32 rounds away")
    lengths = gramian(gradients).diagonal().sqrt()
    present = there(gradients)
    scale = float(lengths.max())
    expected = unconflicting((gradients[present] / scale).numpy())
    found = (weights("upgrad", gradients) @ gradients / scale).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("gradients", sets(ORDINARY + DEGENERATE))
def test_no_direction_near_the_mean_helps_the_worst_task_more_than_cagrads(gradients: Tensor) -> None:
    """Of every combination `v` of gradients, `v g0 + r |v|` bounds what the worst gains (equation 3)."""
    c, present, products = 0.5, there(gradients), gramian(gradients)
    mean = present.double() / present.sum()
    radius = c * (mean @ products @ mean).clamp(min=0).sqrt()
    found = weights("cagrad", gradients, c=c)
    added = found - mean
    longest = float(products.diagonal().max().sqrt())
    assert (added @ products @ added).clamp(min=0).sqrt() <= radius + 1e-6 * longest
    gained = (products @ found)[present].min()
    bounds = [added.clamp(min=0), weights("mgda", gradients)]
    shares = torch.stack([bound / bound.sum() for bound in bounds if bound.sum() > 0])
    lengths = ((shares @ products) * shares).sum(1).clamp(min=0).sqrt()
    least = (shares @ products @ mean + radius * lengths).min()
    scale = float(products.diagonal()[present].min().sqrt()) * longest
    assert least - gained <= 10 * tolerance(gradients) * scale


@pytest.mark.parametrize("gradients", sets(ORDINARY + DEGENERATE))
def test_imtls_sum_has_the_same_projection_on_every_gradient(gradients: Tensor) -> None:
    found, products = weights("imtl", gradients, half="gradients"), gramian(gradients)
    lengths = products.diagonal().sqrt()
    projections = (products @ found)[there(gradients)] / lengths[there(gradients)]
    assert found.sum().item() == pytest.approx(1.0, abs=1e-6)
    assert projections.max() - projections.min() <= tolerance(gradients) * (found.abs() * lengths).sum()


@pytest.mark.parametrize("gradients", sets([*ORDINARY, "nearly-opposite", "absent"]))
@pytest.mark.parametrize("name", ["nash-mtl", "fairgrad"])
def test_every_task_gains_the_inverse_of_its_weight(name: str, gradients: Tensor) -> None:
    present = there(gradients)
    found = weights(name, gradients)[present]
    gains = gramian(gradients)[present][:, present] @ found
    assert (gains * found - 1).abs().max() <= 1e-4


@pytest.mark.parametrize("gradients", sets(["plain", "short", "long", "same", "absent", "float32"]))
@pytest.mark.parametrize("alpha", [0.2, 0.5, 2.0, 5.0])
def test_fairgrad_is_fair_of_every_kind(alpha: float, gradients: Tensor) -> None:
    present = there(gradients)
    found = weights("fairgrad", gradients, alpha=alpha)[present]
    gains = gramian(gradients)[present][:, present] @ found
    assert (gains * found ** (1 / alpha) - 1).abs().max() <= 1e-4


@pytest.mark.parametrize("gradients", sets(["plain", "short", "long", "mixed", "float32", "absent"]))
def test_config_has_one_cosine_with_all_gradients(gradients: Tensor) -> None:
    present = gradients[there(gradients)]
    expected = equal_angles(present.double().numpy())
    found = (weights("config", gradients) @ gradients.double()).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("gradients", sets(["plain", "short", "long", "float32", "absent"]))
@pytest.mark.parametrize("mode", ["min", "rmse"])
def test_aligned_gradients_have_one_singular_value(mode: str, gradients: Tensor) -> None:
    expected = aligned(mode)(gradients[there(gradients)].double().numpy())
    found = (weights("aligned-mtl", gradients, scale=mode) @ gradients.double()).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("seed", range(20))
def test_pcgrad_of_three_is_one_of_its_eight_orders(seed: int) -> None:
    gradients = sets(["plain", "opposite", "nearly-opposite"], [3], 3)[seed % 9].numpy()

    def turned(task: int, order: tuple[int, int]) -> np.ndarray:
        found = gradients[task].copy()
        for other in order:
            product = found @ gradients[other]
            if product < 0:
                found -= product / (gradients[other] @ gradients[other]) * gradients[other]
        return found

    choices = [[(1, 2), (2, 1)], [(0, 2), (2, 0)], [(0, 1), (1, 0)]]
    sums = [
        turned(0, one) + turned(1, two) + turned(2, three)
        for one in choices[0]
        for two in choices[1]
        for three in choices[2]
    ]
    torch.manual_seed(seed)
    found = (weights("pcgrad", torch.from_numpy(gradients)).numpy()) @ gradients
    assert min(np.abs(found - one).max() for one in sums) < 1e-9


@pytest.mark.parametrize("name", SOLVERS)
def test_a_task_without_a_gradient_is_as_if_it_were_not(name: str) -> None:
    gradients = sets(["plain"], [2], 1)[0]
    alone = weights(name, gradients)
    beside = weights(name, torch.cat([gradients[:1], torch.zeros_like(gradients[:1]), gradients[1:]]))
    torch.testing.assert_close(beside[[0, 2]], alone, rtol=1e-8, atol=1e-10)
    assert beside[1] == 0


@pytest.mark.parametrize("name", [*SOLVERS, "gradvac"])
@pytest.mark.parametrize("tasks", [3, 7])
def test_a_balancer_that_can_be_captured_never_waits_for_the_device(name: str, tasks: int) -> None:
    balancer = make(name, tasks)

    def step(place: Place) -> None:
        found = place(balancer).weights(place(torch.ones(tasks)), place(torch.ones(tasks, 5)))
        balancer.direction(place(torch.ones(tasks, 5)), found)

    where = first_wait(step)
    assert (where is None) == balancer.capturable
    if where is not None:
        assert "torchjd_adapter.py:" in where
        assert balancer.eager_because == "solves for more than 6 tasks on the CPU"


@pytest.mark.parametrize("name", ["mgda", "cagrad", "upgrad"])
def test_more_than_six_tasks_are_solved_for_by_a_library(name: str) -> None:
    gradients = torch.eye(7, 9, dtype=torch.float64)
    found = weights(name, gradients)
    torch.testing.assert_close(found, found.mean().expand(7), rtol=1e-3, atol=1e-3)
