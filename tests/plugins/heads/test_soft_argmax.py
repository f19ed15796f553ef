from __future__ import annotations

import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.core.contracts import HeadSpec
from mtl.core.contracts.batch import Features
from mtl.core.contracts.specs import FeatureSpec, ImageSpec
from mtl.plugins.forms import Points, Regression
from mtl.plugins.heads.soft_argmax import SoftArgmax

IMAGE = ImageSpec(1, 32, 48)
POINTS = Points(("a", "b"))


def head(*stages: FeatureSpec, **options: int) -> SoftArgmax:
    return SoftArgmax(HeadSpec(IMAGE, stages, POINTS), **options)


def answer(made: SoftArgmax, *stages: torch.Tensor) -> torch.Tensor:
    return made(Features(stages, torch.zeros(len(stages[0]), *IMAGE.shape), {}))


def test_a_peak_of_a_map_is_answered_at_the_middle_of_its_pixel():
    made = head(FeatureSpec(4, 4, 6), width=4)
    made.answer.trunk = torch.nn.Identity()
    with torch.no_grad():
        made.answer.sources[0].weight.copy_(torch.eye(4).view(4, 4, 1, 1))
        made.answer.sources[0].bias.zero_()
        made.answer.heat.weight.copy_(torch.eye(4)[:2].view(2, 4, 1, 1))
    stage = torch.zeros(1, 4, 4, 6)
    stage[0, 0, 1, 5] = stage[0, 1, 3, 0] = 50.0
    found = answer(made, stage)[0, :, :2]
    torch.testing.assert_close(found, torch.tensor([[5.5 / 6, 1.5 / 4], [0.5 / 6, 3.5 / 4]]))


@pytest.mark.parametrize(
    ("stages", "grid"),
    [
        ([(3, 32, 48), (4, 16, 24), (5, 8, 12)], (16, 24)),
        ([(3, 60, 60), (4, 40, 40)], (40, 40)),
        ([(4, 8, 12), (9,)], (8, 12)),
        ([(9,), (4, 8, 12)], (8, 12)),
    ],
)
def test_maps_are_read_on_the_grid_of_the_finest_that_is_not_too_fine(stages, grid):
    made = head(*(FeatureSpec(*stage) for stage in stages), finest=24)
    assert made.answer.grid == grid
    values = [torch.randn(2, *stage, requires_grad=True) for stage in stages]
    found = answer(made, *values)
    assert found.shape == (2, 2, 3)
    found.sum().backward()
    read = [value.grad is not None for value in values]
    assert read == [len(stage) == 1 or max(stage[1:]) <= max(grid) for stage in stages]


def test_without_maps_it_starts_in_the_middle_of_the_image():
    made = head(FeatureSpec(7))
    torch.testing.assert_close(answer(made, torch.zeros(1, 7))[0, :, :2], torch.full((2, 2), 0.5))


def test_other_answers_are_refused():
    with pytest.raises(Incompatible, match="answers points, the target is regression"):
        SoftArgmax(HeadSpec(IMAGE, (FeatureSpec(7),), Regression(("x",))))
