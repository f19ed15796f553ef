"""The fixed balancers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.base.errors import Incompatible
from mtl.core.discovery.options import options_model, validate_options
from mtl.plugins.balancers.sum import Sum
from mtl.plugins.balancers.weighted import Weighted

LOSSES = torch.tensor([0.5, 2.0, 7.0])
TASKS = ("denoise", "classify", "count")


def test_the_sum_weighs_every_task_one():
    assert Sum(TASKS).weights(LOSSES, None).tolist() == [1.0, 1.0, 1.0]


def test_weights_go_by_name_and_default_to_one():
    balancer = Weighted(TASKS, weights={"count": 6.0, "denoise": 0.2})
    assert balancer.weights(LOSSES, None).tolist() == pytest.approx([0.2, 1.0, 6.0])


def test_weights_do_not_depend_on_the_losses():
    balancer = Weighted(TASKS, weights={"count": 6.0})
    assert torch.equal(balancer.weights(LOSSES, None), balancer.weights(2 * LOSSES, None))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=6))
def test_normalised_weights_sum_to_the_number_of_tasks_and_keep_their_ratios(values):
    tasks = [f"t{index}" for index in range(len(values))]
    weights = dict(zip(tasks, values, strict=True))
    result = Weighted(tasks, weights=weights, normalise=True).weights(torch.zeros(len(tasks)), None)
    assert float(result.sum()) == pytest.approx(len(tasks), rel=1e-5)
    assert (result / result[0]).tolist() == pytest.approx([value / values[0] for value in values], rel=1e-4)


def test_a_weight_of_an_unknown_task_is_refused_with_the_nearest():
    with pytest.raises(Incompatible, match="unknown task 'clasify'; did you mean 'classify'"):
        Weighted(TASKS, weights={"clasify": 2.0})


def test_a_negative_weight_is_refused():
    with pytest.raises(Incompatible, match="must not be negative"):
        Weighted(TASKS, weights={"count": -1.0})


def test_a_negative_weight_is_refused_among_the_options():
    _, problems = validate_options(options_model(Weighted), {"weights": {"count": -1.0}})
    assert "weights.count" in problems[0].message


def test_all_weights_zero_are_refused():
    with pytest.raises(Incompatible, match="at least one weight must be above 0"):
        Weighted(TASKS, weights=dict.fromkeys(TASKS, 0.0))


def test_a_checkpoint_does_not_bring_old_weights_back():
    assert Weighted(TASKS, weights={"count": 6.0}).state_dict() == {}


def test_nothing_is_trained():
    assert list(Weighted(TASKS).parameters()) == []
