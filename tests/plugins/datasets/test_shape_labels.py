from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.contracts.batch import Batch
from mtl.core.contracts.symmetry import transform_square
from mtl.plugins.datasets.shape_labels import KINDS, SYMMETRY, shapes_spec
from mtl.plugins.datasets.shapes_synthetic import stamps

vectors = st.permutations(range(6))


def turned(vector):
    return [vector[i] for i in SYMMETRY.quarter_turn]


def mirrored(vector):
    return [vector[i] for i in SYMMETRY.mirror]


@settings(deadline=None, max_examples=25)
@given(vectors)
def test_four_quarter_turns_are_the_identity(vector):
    assert turned(turned(turned(turned(vector)))) == vector


@settings(deadline=None, max_examples=25)
@given(vectors)
def test_two_mirrors_are_the_identity(vector):
    assert mirrored(mirrored(vector)) == vector


@settings(deadline=None, max_examples=25)
@given(vectors)
def test_mirror_turn_mirror_is_the_turn_back(vector):
    assert turned(mirrored(turned(mirrored(vector)))) == vector


def test_a_quarter_turn_counter_clockwise_makes_up_left():
    assert turned(["sq", "ci", 1, 0, 0, 0]) == ["sq", "ci", 0, 0, 0, 1]


@pytest.mark.parametrize("kind", range(6), ids=KINDS)
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("turns", range(4))
def test_labels_move_as_the_drawn_figures_do(kind, mirror, turns):
    image = torch.tensor(stamps()[kind], dtype=torch.float32)[None, None]
    label = torch.eye(6)[kind][None]
    moved = transform_square(
        Batch(image, {"counts": label}), torch.tensor([turns]), torch.tensor([mirror]), shapes_spec()
    )
    shown = int(moved.labels["counts"][0].argmax())
    assert np.array_equal(moved.image[0, 0].numpy() > 0, stamps()[shown])
