"""Weights are read from files with distrust, and are this network's or refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from mtl.core.base.errors import UsageError
from mtl.core.base.files import sha256
from mtl.plugins.encoders.weight_files import WeightFile, classes_of, misfit, read_weights, renamed

TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.zeros(2)}


class Running:
    def __reduce__(self) -> Any:
        return (os.system, ("touch ran",))


class Odd:
    pass


def same(found: WeightFile) -> bool:
    return list(found.tensors) == list(TENSORS) and all(
        torch.equal(found.tensors[name], TENSORS[name]) for name in TENSORS
    )


def test_safetensors_are_read_with_their_sum_and_licence(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(dict(sorted(TENSORS.items(), reverse=True)), path, metadata={"license": "mit"})
    found = read_weights(path)
    assert sorted(found.tensors) == sorted(TENSORS)
    assert (found.licence, found.sha256) == ("mit", sha256(path.read_bytes()))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tensors: tensors,
        lambda tensors: {"epoch": 3, "state_dict": tensors},
        lambda tensors: {"model": {f"module.{name}": value for name, value in tensors.items()}},
    ],
)
def test_tensors_are_found_as_training_programs_keep_them(tmp_path: Path, wrap: Any) -> None:
    path = tmp_path / "w.pth"
    torch.save(wrap(TENSORS), path)
    assert same(read_weights(path))


@pytest.mark.parametrize("thing", [Running(), Odd()])
def test_code_in_a_file_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thing: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a.weight": thing}, tmp_path / "w.pth")
    with pytest.raises(UsageError, match=r"w\.pth: holds code or objects beside tensors"):
        read_weights(tmp_path / "w.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"hello, world", b"PK\3\4"])
def test_what_holds_no_weights_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=name) as refusal:
        read_weights(tmp_path / name)
    assert len(refusal.value.message.splitlines()) == 1
    assert refusal.value.hint


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_every_cut_off_file_is_called_that(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".pth":
        torch.save(TENSORS, path)
    else:
        save_file(TENSORS, path)
    whole = path.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 20)):
        path.write_bytes(whole[:length])
        with pytest.raises(UsageError, match=f"{name}: the file is cut off or damaged, or no "):
            read_weights(path)


def test_a_cut_off_file_of_an_old_torch_is_called_that(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save(TENSORS, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UsageError, match="the file is cut off or damaged"):
        read_weights(path)


@pytest.mark.parametrize("value", [[1, 2], {"epoch": 3}, {}])
def test_a_file_without_tensors_by_name_is_refused(tmp_path: Path, value: Any) -> None:
    torch.save(value, tmp_path / "w.pth")
    with pytest.raises(UsageError, match="holds no tensors by name"):
        read_weights(tmp_path / "w.pth")


def test_classes_are_the_rows_of_the_classifier() -> None:
    assert classes_of(TENSORS, ["head", "a"]) == 2
    assert classes_of(TENSORS, ["head"]) == 0


def test_weights_of_other_names_in_the_same_order_are_taken_by_it() -> None:
    found = WeightFile(Path("w"), {f"_{name}": value for name, value in TENSORS.items()}, "")
    assert same(renamed(found, lambda classes: TENSORS))


def test_weights_of_another_order_are_not_guessed() -> None:
    swapped: dict[str, Tensor] = {"_a.bias": TENSORS["a.bias"], "_a.weight": TENSORS["a.weight"]}
    found = WeightFile(Path("w"), swapped, "")
    assert renamed(found, lambda classes: TENSORS) is found


def test_a_misfit_says_how_many_fit_and_which_do_not() -> None:
    given = {"a.weight": torch.zeros(2, 3), "a.bias": torch.zeros(9), "other": torch.zeros(1)}
    wanted = {**TENSORS, "b": torch.zeros(1)}
    assert misfit(WeightFile(Path("w.pth"), given, ""), "net", wanted).message == (
        "w.pth: are weights of another network than 'net': 1 of 3 tensors fit; of another size a.bias; "
        "missing b; not in it other"
    )
