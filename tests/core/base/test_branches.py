"""Branches of a graph: each reads what is done before it, whatever the streams do; numbers stay the same."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mtl.core.base import branches
from mtl.core.base.branches import side_by_side
from mtl.core.composition.composer import compose
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.together import Together, Ways
from mtl.core.training.trainer import Trainer

CPU = torch.device("cpu")


class Stream:
    """Knows of every stream up to which of its operations it has waited."""

    def __init__(self, *_: Any) -> None:
        self.stream_id = id(self)
        self.seen: dict[int, int] = {self.stream_id: 0}

    def record_event(self) -> dict[int, int]:
        return dict(self.seen)

    def wait_event(self, event: dict[int, int]) -> None:
        for stream, done in event.items():
            self.seen[stream] = max(done, self.seen.get(stream, 0))

    def wait_stream(self, other: Stream) -> None:
        self.wait_event(other.seen)


class Card(TorchDispatchMode):
    """Notes who writes which memory, and who reads it without having waited for that."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.main = Stream()
        self.used: set[int] = set()
        self.written: dict[int, tuple[int, int]] = {}
        self.races: list[str] = []
        self.kept: list[Tensor] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for tensor in (leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)):
            writer, tick = self.written.get(tensor.untyped_storage().data_ptr(), (0, 0))
            if tick > self.now.seen.get(writer, 0):
                self.races.append(str(function))
        found = function(*args, **(kwargs or {}))
        self.now.seen[self.now.stream_id] += 1
        self.used.add(self.now.stream_id)
        for tensor in (leaf for leaf in tree_leaves(found) if isinstance(leaf, Tensor)):
            # Kept, so that no memory is used twice: the allocator of a card is told by `record_stream`.
            self.kept.append(tensor)
            tick = self.now.seen[self.now.stream_id]
            self.written[tensor.untyped_storage().data_ptr()] = (self.now.stream_id, tick)
        return found

    @contextmanager
    def stream(self, chosen: Stream) -> Iterator[None]:
        before, self.now = self.now, chosen
        try:
            yield
        finally:
            self.now = before


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[Card]:
    found = Card()
    branches._stream.cache_clear()
    monkeypatch.setattr(branches, "_captures", lambda device: True)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: found.now)
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", found.stream)
    monkeypatch.setattr(Tensor, "record_stream", lambda *_: None)
    yield found
    branches._stream.cache_clear()


def test_works_have_a_stream_each_and_what_follows_waits_for_all(card: Card) -> None:
    with card:
        base = torch.ones(2)
        found = side_by_side([lambda: base + 1, lambda: base + 2, lambda: base + 3], CPU, base)
        total = sum(found)
    assert torch.equal(total, torch.full((2,), 9.0))
    assert (len(card.used), card.races) == (3, [])


def test_the_pretended_card_notices_who_does_not_wait(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stream, "wait_stream", lambda *_: None)
    with card:
        found = side_by_side([lambda: torch.ones(2), lambda: torch.ones(2)], CPU)
        sum(found)
    assert card.races == ["aten.add.Tensor"]


def test_branches_are_joined_after_an_error_too(card: Card) -> None:
    """Else the capture could not be ended, and its end would hide what went wrong."""

    def breaks() -> Tensor:
        torch.ones(1)
        raise RuntimeError("the first cause")

    with card, pytest.raises(RuntimeError, match="the first cause"):
        side_by_side([lambda: torch.ones(1), breaks, lambda: torch.ones(1)], CPU)
    (beside,) = card.used - {card.main.stream_id}
    assert card.now is card.main
    assert card.main.seen[beside] == 2


def test_a_branch_has_the_same_stream_in_every_step_and_tensors_that_cross_are_known(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    crossed: list[tuple[int, int]] = []
    monkeypatch.setattr(
        Tensor, "record_stream", lambda tensor, stream: crossed.append((id(tensor), stream.stream_id))
    )
    base = torch.ones(1)
    first, second = (side_by_side([lambda: base + 1, lambda: base + 2], CPU, {"x": base}) for _ in range(2))
    beside = branches._stream(CPU, card.main.stream_id, 0, 1).stream_id
    main = card.main.stream_id
    assert crossed == [
        (id(base), beside),
        (id(first[1]), main),
        (id(base), beside),
        (id(second[1]), main),
    ]


def trainer(registry: Registry, tree: dict[str, Any]) -> Trainer:
    data = {"name": "shapes-synthetic", "train_size": 40, "test_size": 8}
    whole = {"dataset": data, "tasks": ["shape-class", "shape-count"], "train": {"batch_size": 8}, **tree}
    composition = compose(read(RecipeSource(whole), registry), registry)
    return Trainer(composition, load_splits(composition.dataset, validation=0.2, split_seed=0), CPU)


def block(registry: Registry, tree: dict[str, Any]) -> tuple[Tensor, Tensor]:
    made = trainer(registry, tree)
    made.composition.model.train()
    made._blocks.restart(1, 0)
    losses = made._work(torch.arange(16), 0).losses
    return losses, torch.cat([value.detach().flatten() for value in made.composition.model.parameters()])


@pytest.mark.parametrize(
    ("tree", "streams"),
    [
        ({"encoder": {"name": "mlp", "hidden": [8]}}, 2),
        ({"encoder": {"name": "mlp", "hidden": [8]}, "sharing": "none"}, 2),
        ({"encoder": {"name": "small-resnet", "widths": [2, 2], "depth": 1}, "sharing": "cross-stitch"}, 2),
    ],
    ids=["heads", "towers", "stitched"],
)
def test_towers_and_heads_side_by_side_train_the_same_model(
    tree: dict[str, Any], streams: int, registry: Registry, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    with card:
        losses, weights = block(registry, tree)
    monkeypatch.setattr(branches, "_captures", lambda device: False)
    expected = block(registry, tree)
    assert torch.equal(losses, expected[0])
    assert torch.equal(weights, expected[1])
    assert len(card.used) == streams


def test_seeds_in_one_graph_are_branches_that_read_only_what_they_waited_for(
    registry: Registry, card: Card
) -> None:
    """Each with its heads beside one another: branches of a branch."""
    ways = Ways(lambda _: lambda work: work, lambda works, reads: side_by_side(works, CPU, reads))
    group = Together(replace(ways, at_work=lambda: card))
    made = [trainer(registry, {"encoder": {"name": "mlp", "hidden": [8]}, "seed": seed}) for seed in (0, 1)]
    for one in made:
        one._captured = one._fitting_blocks(lambda work: work)
        one.join(group)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            list(pool.map(Trainer.train_epoch, made, timeout=60))
    assert group._reason is None
    assert card.races == []
    assert len(card.used) == 4
