"""The eight symmetries of the square move labels with pixels."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.contracts.batch import Batch
from mtl.core.contracts.specs import DatasetSpec, ImageSpec, Symmetry
from mtl.core.contracts.symmetry import transform_square
from mtl.plugins.forms import Categorical, Regression

# Four label entries at the four edges of the image: right, top, left, bottom (counter-clockwise).
SPEC = DatasetSpec(
    ImageSpec(1, 3, 3),
    {"edges": Regression(("right", "top", "left", "bottom"))},
    {"edges": Symmetry(quarter_turn=(3, 0, 1, 2), mirror=(2, 1, 0, 3))},
)


def edges_of(image: torch.Tensor) -> torch.Tensor:
    return torch.stack([image[:, 0, 1, 2], image[:, 0, 0, 1], image[:, 0, 1, 0], image[:, 0, 2, 1]], dim=1)


def batch_of(seed: int) -> Batch:
    image = torch.rand(6, 1, 3, 3, generator=torch.Generator().manual_seed(seed))
    return Batch(image, {"edges": edges_of(image), "digit": torch.arange(6)})


@given(
    st.integers(0, 99),
    st.lists(st.integers(0, 3), min_size=6, max_size=6),
    st.lists(st.booleans(), min_size=6, max_size=6),
)
@settings(deadline=None, max_examples=50)
def test_labels_agree_with_the_moved_pixels(seed: int, turns: list[int], mirrors: list[bool]) -> None:
    moved = transform_square(batch_of(seed), torch.tensor(turns), torch.tensor(mirrors), SPEC)
    assert torch.equal(moved.labels["edges"], edges_of(moved.image))
    assert torch.equal(moved.labels["digit"], torch.arange(6))


@given(st.lists(st.integers(0, 3), min_size=6, max_size=6), st.lists(st.booleans(), min_size=6, max_size=6))
@settings(deadline=None, max_examples=50)
def test_classes_that_move_agree_with_the_moved_pixels(turns: list[int], mirrors: list[bool]) -> None:
    """The class is the edge that is lit; -1, absent, stays absent."""
    label = torch.tensor([0, 1, 2, 3, 0, -1])
    image = torch.zeros(6, 1, 3, 3)
    for sample, (row, column) in enumerate([(1, 2), (0, 1), (1, 0), (2, 1), (1, 2)]):
        image[sample, 0, row, column] = 1.0
    names = ("right", "top", "left", "bottom")
    spec = DatasetSpec(SPEC.image, {"lit": Categorical(names)}, {"lit": SPEC.symmetries["edges"]})
    batch = Batch(image, {"lit": label}, {})
    moved = transform_square(batch, torch.tensor(turns), torch.tensor(mirrors), spec)
    assert torch.equal(moved.labels["lit"][:5], edges_of(moved.image)[:5].argmax(dim=1))
    assert moved.labels["lit"][5] == -1


def test_four_quarter_turns_are_none() -> None:
    batch = batch_of(0)
    moved = batch
    for _ in range(4):
        moved = transform_square(
            moved, torch.ones(6, dtype=torch.int64), torch.zeros(6, dtype=torch.bool), SPEC
        )
    assert torch.equal(moved.image, batch.image)
    assert torch.equal(moved.labels["edges"], batch.labels["edges"])
