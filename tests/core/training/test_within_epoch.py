"""A training that is kept in the middle of an epoch goes on there, to the same bits."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mtl.core.base.errors import UsageError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.data.samples import Splits, load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training import blocks
from mtl.core.training.blocks import step_sizes
from mtl.core.training.checkpoint import Checkpoint, CheckpointFolder
from mtl.core.training.sampling import ShardDraws
from mtl.core.training.trainer import Trainer
from mtl.core.training.within_epoch import WithinEpoch, refuse_without_shards

CPU = torch.device("cpu")


class Pages:
    """Those of a file whose content memory holds."""

    def about_to_read(self, rows: int, each: int) -> None: ...


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of two steps, and of so many batches as make an update."""
    monkeypatch.setattr(blocks, "LONGEST", 2)


def parts(registry: Registry, **changes: Any) -> tuple[Composition, Splits]:
    """Return a small training, and its data in nine shards."""
    train = {
        "epochs": 2,
        "batch_size": 2,
        "validation": 0.25,
        "checkpoint_every": 3,
        **changes.pop("train", {}),
    }
    tree: dict[str, Any] = {
        "tasks": ["shape-class", "denoise"],
        "dataset": {"name": "shapes-synthetic", "train_size": 40, "test_size": 8},
        "encoder": {"name": "mlp", "hidden": [4], "dropout": 0.2},
        "augmentations": ["flip"],
        "train": train,
        **changes,
    }
    composition = compose(read(RecipeSource(tree), registry), registry)
    splits = load_splits(composition.dataset, validation=0.25, split_seed=0)
    sharded: Any = {"shards": torch.arange(len(splits.train)) % 9, "pages": Pages()}
    return composition, replace(splits, train=replace(splits.train, **sharded))


def reached(trainer: Trainer) -> tuple[list[dict[str, float]], dict[str, torch.Tensor]]:
    rows = [
        {name: value for name, value in result.row.items() if name != "seconds"}
        for result in trainer.epochs()
    ]
    state = {f"model {name}": value for name, value in trainer.composition.model.state_dict().items()}
    state |= {f"balancer {name}": value for name, value in trainer.composition.balancer.state_dict().items()}
    return rows, state


@pytest.mark.parametrize(
    "changes",
    [
        {"train": {"optimizer": "adam", "schedule": "cosine", "ema": 0.9}},
        {"train": {"checkpoint_every": "shards", "accumulate": 3}, "balancer": "uncertainty"},
        {"balancer": "gradnorm", "train": {"batch_size": 3}},
        {"balancer": "moco"},
    ],
)
def test_it_goes_on_where_it_was_kept(registry: Registry, changes: dict[str, Any], tmp_path: Path) -> None:
    kept: list[Checkpoint] = []
    folder = CheckpointFolder(tmp_path / "checkpoint")

    def keep(checkpoint: Checkpoint) -> None:
        folder.save_within(checkpoint)
        kept.append(folder.newest())

    trainer = Trainer(*parts(registry, **changes), CPU, on_kept=keep)
    rows, state = reached(trainer)
    assert {checkpoint.epoch for checkpoint in kept} == {0, 1}
    for checkpoint in (kept[0], kept[-1]):
        resumed = Trainer(*parts(registry, **changes), CPU)
        assert resumed.takes(checkpoint)
        resumed.restore(checkpoint)
        again, other = reached(resumed)
        assert again == rows[checkpoint.epoch :]
        assert all(torch.equal(value, other[name]) for name, value in state.items())


def test_keeping_it_changes_nothing(registry: Registry) -> None:
    often, never = (
        reached(Trainer(*parts(registry, train={"checkpoint_every": every}), CPU)) for every in (1, None)
    )
    assert often[0] == never[0]
    assert all(torch.equal(value, never[1][name]) for name, value in often[1].items())


def test_it_is_no_part_of_what_is_trained(registry: Registry) -> None:
    often, never = (parts(registry, train={"checkpoint_every": every})[0].recipe for every in (5, None))
    assert often.hash() == never.hash()
    assert "checkpoint_every" not in never.to_plain()["train"]


def test_a_loss_that_is_not_finite_is_not_kept(registry: Registry) -> None:
    kept: list[Checkpoint] = []
    trainer = Trainer(*parts(registry, train={"learning_rate": 1e30}), CPU, on_kept=kept.append)
    with pytest.raises(UsageError, match="not finite"):
        list(trainer.epochs())
    assert not kept


def test_blocks_of_another_length_are_not_gone_on_with(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Checkpoint] = []
    list(Trainer(*parts(registry), CPU, on_kept=kept.append).epochs())
    monkeypatch.setattr(blocks, "LONGEST", 1)
    assert not Trainer(*parts(registry), CPU).takes(kept[0])


def test_an_epochs_own_state_takes_the_place_of_what_was_kept_within(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    told: list[str] = []
    tensors = {"model/a": torch.ones(1)}
    folder.save(Checkpoint(1, tensors, {"epoch": 1}), tensors)
    folder.save_within(Checkpoint(1, tensors, {"epoch": 1, "steps": 8}))
    folder.save_within(Checkpoint(1, tensors, {"epoch": 1, "steps": 16}))
    assert folder.newest().place == "step 16 of epoch 2"
    assert folder.latest().place == "epoch 1"
    (damaged,) = tmp_path.glob("within-*.safetensors")
    damaged.write_bytes(b"")
    assert folder.newest(told.append).place == "epoch 1"
    assert "damaged" in told[0]
    folder.save(Checkpoint(2, tensors, {"epoch": 2}), tensors)
    assert folder.newest().place == "epoch 2"
    assert not list(tmp_path.glob("within-*"))


def test_shards_are_asked_for_where_there_are_none(registry: Registry) -> None:
    composition, splits = parts(registry, train={"checkpoint_every": "shards"})
    refuse_without_shards(composition, splits.train)
    with pytest.raises(UsageError, match="not trained on shard by shard"):
        refuse_without_shards(composition, splits.validation)


@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=12),
    batch_size=st.integers(1, 5),
    block=st.integers(1, 3),
)
def test_each_group_of_shards_is_kept_by_the_end_of_its_block(
    sizes: list[int], batch_size: int, block: int
) -> None:
    draws = ShardDraws(torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes)))
    within = WithinEpoch.__new__(WithinEpoch)
    steps = step_sizes(sum(sizes), batch_size)
    vars(within).update(_every="shards", _runs=1, _draws=draws, _seed=0, _block=block, _sizes=steps)
    kept = within.kept_after(3)
    done = [0, *accumulate(steps)]
    for end in draws.ends(0, 3):
        step = next(
            step for step in range(block, len(steps) + block, block) if done[min(step, len(steps))] >= end
        )
        assert step in kept or step >= len(steps)
    assert len(kept) <= len(draws.ends(0, 3))
