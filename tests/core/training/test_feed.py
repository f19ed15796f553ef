"""Data that stay in host memory reach the steps as the same bytes, one block ahead, and keep their graphs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from mtl.core.composition.composer import compose
from mtl.core.data.samples import Samples, load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training import feed
from mtl.core.training.feed import Feed, Resident, Streamed, feed_of
from mtl.core.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture
def samples() -> Samples:
    images = torch.arange(20 * 12, dtype=torch.int64).remainder(256).to(torch.uint8).view(20, 1, 3, 4)
    labels = {"class": torch.arange(10), "size": torch.rand(10, 2), "mask": torch.ones(10, 3, 4).byte()}
    maps = {"depth": torch.rand(20, 3, 4)}
    return Samples(images, labels, rows=torch.arange(19, -1, -2), vectors=("size",), maps=maps)


def same(one: Any, other: Any) -> bool:
    pairs = [(one.image, other.image), *((one.labels[name], other.labels[name]) for name in other.labels)]
    return all(torch.equal(a, b) for a, b in pairs) and list(one.inputs) == list(other.inputs)


def test_what_is_streamed_is_what_is_resident(samples: Samples) -> None:
    streamed = feed_of(samples.streamed_to(CPU))
    assert isinstance(streamed, Streamed)
    assert isinstance(feed_of(samples), Resident)
    for epoch in range(3):
        parts = torch.randperm(10, generator=torch.Generator().manual_seed(epoch)).split(4)
        streamed.expect(parts)
        sent = [streamed.send(part) for part in parts]  # none of them may change while another is gathered
        for part, given in zip(parts, sent, strict=True):
            assert same(streamed.batch(given), samples.batch(part))


def test_other_samples_may_be_sent_in_between(samples: Samples) -> None:
    streamed = feed_of(samples.streamed_to(CPU))
    parts = torch.arange(10).split(5)
    streamed.expect(parts)
    other = torch.tensor([3, 3, 0])
    assert same(streamed.batch(streamed.send(other)), samples.batch(other))
    for part in parts:
        assert same(streamed.batch(streamed.send(part)), samples.batch(part))


def test_an_epoch_that_was_left_early_does_not_disturb_the_next(samples: Samples) -> None:
    streamed = feed_of(samples.streamed_to(CPU))
    streamed.expect(torch.arange(10).split(2))
    streamed.send(torch.arange(2))
    parts = torch.arange(9, -1, -1).split(3)
    streamed.expect(parts)
    for part in parts:
        assert same(streamed.batch(streamed.send(part)), samples.batch(part))


def test_memory_is_filled_again_only_when_what_it_held_has_arrived(
    samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    class Arrival:
        made = 0

        def __init__(self) -> None:
            Arrival.made += 1
            self.number = Arrival.made
            told.append(f"sent {self.number}")

        def synchronize(self) -> None:
            told.append(f"arrived {self.number}")

    monkeypatch.setattr(feed, "_arrival", lambda device: Arrival())
    streamed = feed_of(samples.streamed_to(CPU))
    parts = torch.arange(10).split(2)
    streamed.expect(parts)
    for part in parts:
        streamed.send(part)
    for number in (1, 2, 3):  # two buffers: the third block is gathered where the first was
        assert told.index(f"arrived {number}") > told.index(f"sent {number}")
    assert "arrived 4" not in told


def test_an_error_of_the_thread_is_that_of_the_training(samples: Samples) -> None:
    streamed = feed_of(samples.streamed_to(CPU))
    parts = (torch.tensor([0, 99]),)
    streamed.expect(parts)
    with pytest.raises((IndexError, RuntimeError), match=r"out of range|index"):
        streamed.send(parts[0])


def test_streamed_data_keep_their_graphs_and_train_the_same_model(registry: Registry) -> None:
    """Captured work is given the samples in the same memory, and asks no more where they are from."""
    found: list[tuple[list[float], Tensor]] = []
    for streams in (False, True):
        tree = {
            "tasks": ["denoise", "classify"],
            "encoder": {"name": "mlp", "hidden": [8]},
            "augmentations": ["shift"],
            "train": {"epochs": 3, "batch_size": 8},
        }
        composition = compose(read(RecipeSource(tree), registry), registry)
        splits = load_splits(composition.dataset, validation=0.9, split_seed=0)
        trainer = Trainer(composition, splits.streamed_to(CPU) if streams else splits, CPU)
        source: Feed = trainer._blocks._feed
        asked: list[int] = []
        sizes: list[int] = []

        def send(indices: Tensor, source: Feed = source, asked: list[int] = asked) -> Any:
            asked.append(len(indices))
            return type(source).send(source, indices)

        def capture(work: Any, asked: list[int] = asked, sizes: list[int] = sizes) -> Any:
            def replay() -> Any:
                before = len(asked)
                answer = work()
                sizes.append(len(asked) - before)
                return answer

            return replay

        source.send = send  # type: ignore[method-assign]
        trainer._captured = trainer._fitting_blocks(capture)
        rows = [result.row["train/denoise/loss"] for result in trainer.epochs()]
        assert trainer.eager_reason is None
        assert sizes
        assert set(sizes) == {0}
        weights = torch.cat([value.detach().flatten() for value in composition.model.parameters()])
        found.append((rows, weights))
    assert found[0][0] == found[1][0]
    assert torch.equal(found[0][1], found[1][1])
