"""Each pool is what it is called."""

import pytest
import torch
from mtl_timm_extras.pooling import GeneralisedMean, Maximum, MeanAndMaximum

MAP = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])


@pytest.mark.parametrize(("p", "expected"), [(1.0, 2.5), (2.0, 7.5**0.5), (200.0, 4.0)])
def test_a_generalised_mean_lies_between_mean_and_maximum(p, expected):
    pool = GeneralisedMean().double()
    torch.nn.init.constant_(pool.p, p)
    assert pool(MAP.double()).item() == pytest.approx(expected, rel=0.01)


def test_several_stand_side_by_side():
    assert Maximum()(MAP).tolist() == [[4.0]]
    assert MeanAndMaximum()(MAP).tolist() == [[2.5, 4.0]]
