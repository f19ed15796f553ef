"""Checkpoints survive damage, and hold no pickle."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mtl.core.base.errors import UsageError
from mtl.core.training.checkpoint import Checkpoint, CheckpointFolder


def checkpoint(epoch: int) -> Checkpoint:
    return Checkpoint(epoch, {"model/w": torch.full((3,), float(epoch))}, {"epoch": epoch})


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "checkpoint")


def test_the_latest_comes_back(folder: CheckpointFolder) -> None:
    folder.save(checkpoint(1))
    folder.save(checkpoint(2))
    latest = folder.latest()
    assert latest.epoch == 2
    assert latest.tensors["model/w"].tolist() == [2.0, 2.0, 2.0]


def test_the_last_two_and_the_best_are_kept(folder: CheckpointFolder) -> None:
    for epoch in range(1, 6):
        folder.save(checkpoint(epoch), {"w": torch.tensor(float(epoch))} if epoch == 3 else None)
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "best-00003.safetensors",
        "epoch-00004.json",
        "epoch-00004.safetensors",
        "epoch-00005.json",
        "epoch-00005.safetensors",
        "manifest.json",
    ]
    assert folder.best()[0] == 3
    assert float(folder.best()[1]["w"]) == 3.0


def test_every_task_keeps_its_own_best_weights(folder: CheckpointFolder) -> None:
    def save(epoch: int, best: bool, *tasks: str) -> None:
        weights = {"w": torch.tensor(float(epoch))}
        folder.save(checkpoint(epoch), weights, best=best, best_of=tasks)

    save(1, True, "a", "b")
    save(2, True, "a")
    save(3, False, "b")
    assert [folder.best(task)[0] for task in (None, "a", "b")] == [2, 2, 3]
    assert float(folder.best("b")[1]["w"]) == 3.0
    kept = sorted(path.name for path in folder.path.iterdir() if path.name[:4] == "best")
    assert kept == ["best-00002.safetensors", "best-00003.safetensors"]
    with pytest.raises(UsageError, match="no trained weights"):
        folder.best("c")


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(folder: CheckpointFolder, damage: str) -> None:
    folder.save(checkpoint(1))
    folder.save(checkpoint(2))
    path = folder.path / "epoch-00002.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "delete":
        path.unlink()
    else:
        content[-1] ^= 1
        path.write_bytes(content if damage == "flip" else content[:-4])
    assert folder.latest().epoch == 1


def test_without_an_intact_checkpoint_the_message_says_so(folder: CheckpointFolder) -> None:
    with pytest.raises(UsageError, match="no intact checkpoint"):
        folder.latest()


def test_a_folder_without_any_tensors_is_called_a_pulled_run_and_not_damaged(
    folder: CheckpointFolder,
) -> None:
    folder.save(checkpoint(1))
    folder.save(checkpoint(2))
    for path in folder.path.glob("epoch-*.safetensors"):
        path.unlink()
    told: list[str] = []
    with pytest.raises(UsageError, match="a pulled run has its weights alone") as refused:
        folder.latest(told.append)
    assert told == []
    assert f"--init-from {folder.path.parent}" in str(refused.value.hint)


def test_damaged_weights_are_refused(folder: CheckpointFolder) -> None:
    folder.save(checkpoint(1), {"w": torch.zeros(2)})
    (folder.path / "best-00001.safetensors").write_bytes(b"x")
    with pytest.raises(UsageError, match="missing or damaged"):
        folder.best()


def test_no_file_is_a_pickle(folder: CheckpointFolder) -> None:
    folder.save(checkpoint(1), {"w": torch.zeros(2)})
    assert {path.suffix for path in folder.path.iterdir()} == {".json", ".safetensors"}


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])  # seven: each bit of a byte
def test_every_flipped_bit_of_the_manifest_is_refused(folder: CheckpointFolder, step: int) -> None:
    folder.save(checkpoint(1), {"w": torch.zeros(2)})
    path = folder.path / "manifest.json"
    content = path.read_bytes()
    for bit in range(0, 8 * len(content), step):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(UsageError, match=r"manifest\.json"):
            folder.latest()


def test_files_of_others_stay_in_the_folder_and_behind_a_link_nothing_is_touched(
    folder: CheckpointFolder, tmp_path: Path
) -> None:
    folder.save(checkpoint(1))
    others = ("notes.txt", "epoch-00001.png", "my-best-00001.safetensors")
    for name in others:
        (folder.path / name).write_text("precious")
    (folder.path / "epoch-00009.json").write_text("left over")
    assert folder.sweep() == []
    assert {path.name for path in folder.path.iterdir()} >= set(others)
    assert not (folder.path / "epoch-00009.json").exists()

    elsewhere = tmp_path / "elsewhere"
    folder.path.rename(elsewhere)
    folder.path.symlink_to(elsewhere)
    before = sorted(path.name for path in elsewhere.iterdir())
    for work in (folder.sweep, folder.latest, lambda: folder.save(checkpoint(2))):
        with pytest.raises(UsageError, match="checkpoint is a link"):
            work()
    assert sorted(path.name for path in elsewhere.iterdir()) == before
