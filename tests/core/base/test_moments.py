"""Statistics of parts are those of the whole."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.base.moments import Moments


@settings(deadline=None, max_examples=30)
@given(
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=5),
    shift=st.sampled_from([0.0, 1e4]),
    holes=st.floats(0, 0.9),
    seed=st.integers(0, 99),
)
def test_mean_and_deviation_do_not_depend_on_the_parts(sizes, shift, holes, seed):
    random = np.random.default_rng(seed)
    values = (shift + random.normal(size=(sum(sizes), 2, 3))).astype(np.float32)
    values[random.random(values.shape) < holes] = np.nan
    values[0] = shift  # something is known of each
    moments = Moments(2)
    for part in torch.from_numpy(values).split(sizes):
        moments.add(part)
    exact = values.astype(np.float64).transpose(1, 0, 2).reshape(2, -1)
    assert moments.mean.numpy() == pytest.approx(np.nanmean(exact, axis=1), rel=1e-12, abs=1e-12)
    assert moments.std.numpy() == pytest.approx(np.nanstd(exact, axis=1), rel=1e-6, abs=1e-9)


def test_what_never_changes_and_what_is_never_known_are_constant():
    moments = Moments(3)
    for value in (1.0, 2.0):
        moments.add(torch.tensor([[0.1, value, float("nan")]]))
    assert moments.constant.tolist() == [True, False, True]
    assert moments.number.tolist() == [2, 2, 0]
