"""A model whose passes differ in what they draw is refused, since its batch cannot be parted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from mtl.core.base.errors import UsageError
from mtl.core.base.ranks import Ranks
from mtl.core.training.blocks import Lesson
from mtl.core.training.whole_batch import WholeBatch, seen_as_batches

RANKS = Ranks(1, 2)


class Draws(nn.Module):
    """Draws once for each sample, once for all, and `more` times for each sample."""

    def __init__(self, more: int = 0) -> None:
        super().__init__()
        self.more = more

    def forward(self, image: Tensor, inputs: object, tasks: Sequence[str], prepared: bool = True) -> Tensor:
        of_all = torch.empty(2).exponential_()
        image = nn.functional.dropout(image, 0.5) * of_all.sum()
        for _ in range(self.more):
            image = nn.functional.dropout(image, 0.5)
        return image


LESSON = Lesson(("a",), torch.ones(4, 3), {}, {})


def test_what_is_of_the_samples_is_told_from_what_is_of_all() -> None:
    assert seen_as_batches(Draws(), LESSON) == (False, True)


def test_a_rank_has_its_rows_of_what_is_drawn_for_the_whole_batch() -> None:
    torch.manual_seed(0)
    whole = Draws()(LESSON.image, {}, ())
    torch.manual_seed(0)
    with WholeBatch(RANKS, RANKS.rows(4), (False, True)):
        own = Draws()(LESSON.image[2:], {}, ())
    assert own.equal(whole[2:])


@pytest.mark.parametrize("known", [(False,), (False, True, True)])
def test_a_pass_that_draws_more_or_less_than_was_seen_is_refused(known: tuple[bool, ...]) -> None:
    with (
        pytest.raises(UsageError, match="differently from pass to pass"),
        WholeBatch(RANKS, RANKS.rows(4), known),
    ):
        Draws()(LESSON.image[2:], {}, ())


def test_passes_that_differ_are_refused_before_anything_is_trained() -> None:
    with pytest.raises(UsageError, match="differently from pass to pass"):
        seen_as_batches(Passing(), LESSON)


class Passing(Draws):
    """Draws more for larger batches."""

    def forward(self, image: Tensor, inputs: object, tasks: Sequence[str], prepared: bool = True) -> Tensor:
        self.more = len(image)
        return super().forward(image, inputs, tasks, prepared)
