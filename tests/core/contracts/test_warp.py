"""Labels follow pixels that are shifted or turned a little."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.contracts.warp import Warp

HIGH, WIDE = 4, 5


def shifted(label: torch.Tensor, down: int, right: int, absent: float) -> torch.Tensor:
    """The reference: what is seen at (row, column) was at (row + down, column + right)."""
    moved = torch.full_like(label, absent)
    for row in range(HIGH):
        for column in range(WIDE):
            if 0 <= row + down < HIGH and 0 <= column + right < WIDE:
                moved[..., row, column] = label[..., row + down, column + right]
    return moved


@settings(deadline=None, max_examples=40)
@given(down=st.integers(-3, 3), right=st.integers(-4, 4), planes=st.sampled_from([(), (2,)]))
def test_a_shift_moves_every_pixel_and_leaves_nothing_behind(down, right, planes):
    label = torch.arange(HIGH * WIDE * (2 if planes else 1)).reshape(1, *planes, HIGH, WIDE)
    matrix = torch.tensor([[[1.0, 0.0, 2 * right / WIDE], [0.0, 1.0, 2 * down / HIGH]]])
    assert torch.equal(Warp(matrix).nearest(label), shifted(label, down, right, -1))


def test_what_comes_from_outside_is_absent_in_every_type():
    gone = torch.tensor([[[1.0, 0.0, 4.0], [0.0, 1.0, 0.0]]])
    label = torch.zeros(1, HIGH, WIDE)
    assert Warp(gone).nearest(label).isnan().all()
    assert (Warp(gone).nearest(label.long()) == -1).all()
    assert (Warp(gone).nearest(label.byte()) == 255).all()
    assert (Warp(gone).nearest(label, 0.0) == 0).all()


def test_reflected_edges_mirror_at_the_outer_pixels():
    matrix = torch.tensor([[[1.0, 0.0, 4 / WIDE], [0.0, 1.0, 0.0]]])
    label = torch.arange(WIDE).expand(1, HIGH, WIDE)
    assert Warp(matrix, reflects=True).nearest(label)[0, 0].tolist() == [2, 3, 4, 3, 2]
