"""A state that no checkpoint could bring back ends the training after the epoch in which it shows."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mtl.core.base.errors import ComponentError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.kept import Kept


@pytest.fixture
def composition(registry: Registry) -> Composition:
    tree = {"tasks": ["classify"], "encoder": "mlp"}
    return compose(read(RecipeSource(tree), registry), registry)


def test_a_buffer_of_a_loss_that_moves_late_is_found(composition: Composition) -> None:
    loss = composition.tasks["classify"].loss
    loss.register_buffer("seen", torch.tensor([0.0, float("nan")]))
    kept = Kept(composition)
    kept.refuse_changed()
    seen = loss.seen
    assert isinstance(seen, Tensor)
    seen[0] += 1
    with pytest.raises(ComponentError, match=r"^loss 'cross-entropy' of .*: its buffer 'seen' changes"):
        kept.refuse_changed()


def test_a_state_of_another_form_is_found(composition: Composition) -> None:
    kept = Kept(composition)
    composition.model.head("classify").register_buffer("late", torch.zeros(3))
    with pytest.raises(
        ComponentError, match=r"^head 'linear' of .*: 'heads.0.late' of its state has another"
    ):
        kept.refuse_changed()


def test_a_balancer_may_make_a_buffer_in_its_first_epoch_and_no_later(composition: Composition) -> None:
    kept = Kept(composition)
    composition.balancer.register_buffer("first", torch.zeros(3))
    kept.refuse_changed()
    composition.balancer.register_buffer("second", torch.zeros(3))
    with pytest.raises(ComponentError, match="'second' of its state"):
        kept.refuse_changed()
