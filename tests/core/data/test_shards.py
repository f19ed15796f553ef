"""Tar shards: every sample once, in whatever order processes read them; what is damaged is named."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from mtl.core.base.errors import UsageError
from mtl.core.base.locks import take_lock
from mtl.core.base.ranks import ALONE
from mtl.core.composition.composer import compose
from mtl.core.contracts import InMemory, Preparation, Storage
from mtl.core.contracts.specs import ImageSpec
from mtl.core.data.samples import load_splits
from mtl.core.data.shards import find_shards, read_shards
from mtl.core.data.staged import Stage
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.foreseeing import refuse_unfit
from mtl.core.training.sampling import TOGETHER, ShardDraws

Files = dict[str, bytes]
FORM = Preparation(ImageSpec(1, 4, 4))


def picture(value: int) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.full((4, 4), value, np.uint8)).save(content, "PNG")
    return content.getvalue()


def samples(first: int, count: int) -> Files:
    """Pictures of one grey each, the number of the sample, with its class and its place."""
    found: Files = {}
    for number in range(first, first + count):
        found |= {
            f"{number:04d}.png": picture(number),
            f"{number:04d}.cls": str(number % 3).encode(),
            f"{number:04d}.json": json.dumps({"place": number / 10, "more": {"a": 1}}).encode(),
        }
    return found


def write(path: Path, files: Mapping[str, bytes], *, link: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        if link is not None:
            member = tarfile.TarInfo(link)
            member.type = tarfile.SYMTYPE
            archive.addfile(member)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three shards to train on and one to test on, 4 to 8 samples each."""
    place, first = tmp_path / "shards", 0
    for name, count in (("train-0", 8), ("train-1", 5), ("train-2", 7), ("test-0", 4)):
        write(place / f"{name}.tar", samples(first, count))
        first += count
    return place


def test_endings_are_columns_and_names_of_shards_are_parts(folder: Path) -> None:
    table = read_shards(folder, find_shards(folder))
    assert len(table) == 24
    assert list(table.columns) == ["cls", "place", "more", "picture", "split"]
    assert table.classes == {"cls": ("0", "1", "2")}
    assert table.unread == {"more": "it holds lists or objects"}
    assert table.columns["split"] == ["test"] * 4 + ["train"] * 20
    assert table.embedded["picture"](0) == picture(20)
    assert table.columns["picture"][0] == "test-0.tar: 0020.png"
    assert table.shards is not None
    assert np.bincount(table.shards).tolist() == [4, 8, 5, 7]


def test_files_that_are_not_read_are_no_lists_or_objects(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", {"1.jpg": b"", "1.cls": b"2", "1.xyz": b"?"})
    assert read_shards(tmp_path, find_shards(tmp_path)).unread == {"xyz": "files .xyz are left out"}


def test_folders_may_say_the_part_and_a_file_may_be_empty(tmp_path: Path) -> None:
    write(tmp_path / "train" / "0.tar", {"a/1.jpg": b"", "a/1.cls": b"", "a/2.png": b"", "a/2.cls": b"7"})
    write(tmp_path / "val" / "0.tar", {"1.jpg": b"", "1.cls": b"2"})
    table = read_shards(tmp_path, find_shards(tmp_path))
    assert table.columns["split"] == ["train", "train", "val"]
    assert table.columns["cls"] == [None, "7", "2"]


def test_a_folder_with_a_table_is_no_folder_of_shards(folder: Path) -> None:
    (folder / "photos.csv").write_text("file,label\n")
    assert find_shards(folder) == []
    assert find_shards(folder / "train-0.tar") == [folder / "train-0.tar"]


WHOLE = samples(0, 2)
WITHOUT = {name: content for name, content in samples(0, 3).items() if name != "0001.cls"}
DAMAGED: dict[str, tuple[Files, str]] = {
    "no label": (WITHOUT, "b.tar: sample '0001' has no .cls file"),
    "one file more": (WHOLE | samples(2, 1) | {"0002.txt": b"x"}, "b.tar: sample '0002' has '0002.txt'"),
    "other keys": (
        {"9.png": picture(9)},
        "b.tar: its samples have picture, those of a.tar .cls, .json",
    ),
    "two pictures": (WHOLE | {"0001.jpg": picture(1)}, "b.tar: sample '0001': '0001.jpg' and '0001.png'"),
    "no class": (WHOLE | {"0001.cls": b"red"}, "b.tar: '0001.cls' holds 'red', expected the number"),
    "no json": (WHOLE | {"0001.json": b"{"}, "b.tar: '0001.json': cannot be read as JSON"),
    "a list": (WHOLE | {"0001.json": b"[]"}, "b.tar: '0001.json': is no object"),
    "no text": (WHOLE | {"0001.cls": b"\xff"}, "b.tar: '0001.cls': cannot be read as text"),
    "no ending": (WHOLE | {"readme": b""}, "b.tar: 'readme' has no ending"),
    "nothing": ({}, "b.tar: holds no samples"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_shard_is_refused_by_its_name_and_the_files(name: str, tmp_path: Path) -> None:
    files, message = DAMAGED[name]
    write(tmp_path / "a.tar", samples(5, 2))
    write(tmp_path / "b.tar", files)
    with pytest.raises(UsageError) as raised:
        read_shards(tmp_path, find_shards(tmp_path))
    assert message in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: b"no tar at all" * 100, "cannot be read as a shard"),
        (lambda content: b"", "cannot be read as a shard"),
        (lambda content: content[:540], "is cut off in '0000.png'"),
        (lambda content: content[:700], "is damaged behind '0000.png'"),
        (lambda content: content[: 6 * 1024], "is cut off behind '0001.json'"),
        (lambda content: content[: 6 * 1024] + b"x" * 1024, "is damaged behind '0001.json'"),
    ],
)
def test_a_broken_tar_is_refused_where_it_breaks(
    change: Callable[[bytes], bytes], message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "b.tar", WHOLE)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(UsageError, match=r"b\.tar") as raised:
        read_shards(path, find_shards(path))
    assert message in raised.value.message


def test_a_link_in_a_shard_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "b.tar", WHOLE, link="0003.png")
    with pytest.raises(UsageError, match=r"b.tar: '0003.png' is no plain file"):
        read_shards(path, [path])


def stage_of(folder: Path) -> Stage:
    table = read_shards(folder, find_shards(folder))
    assert table.shards is not None
    stage = Stage.of(table.files, table.shards, FORM)
    assert stage is not None
    return stage


class Maker:
    """Makes rows that hold their numbers, and knows which it was asked for."""

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.made: list[int] = []
        self.fails_at = fails_at

    def __call__(self, start: int, stop: int, storage: Storage) -> tuple[NDArray[Any], dict[int, str]]:
        if self.fails_at == len(self.made):
            raise KeyboardInterrupt
        self.made.append(start)

        def fill(first: int, out: NDArray[np.uint8]) -> None:
            out[...] = (start + first + np.arange(len(out)))[:, None, None, None]

        return storage.pictures(stop - start, FORM.image, fill), {0: "odd"} if start == 0 else {}


def rows_of(stage: Stage, make: Maker) -> list[int]:
    return [int(value) for shard in stage.made(make) for value in shard.pixels[:, 0, 0, 0]]


@pytest.mark.parametrize("rank", [0, 1])
def test_each_process_begins_with_its_own_shards(
    rank: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": 2}.items():
        monkeypatch.setenv(name, str(value))
    stage, make = stage_of(folder), Maker()
    assert rows_of(stage, make) == list(range(24))
    assert make.made == [[0, 12, 4, 17], [4, 17, 0, 12]][rank]
    stage.clear()


def test_a_shard_that_somebody_is_at_is_waited_for_and_taken_when_he_is_gone(folder: Path) -> None:
    stage, mine, his = stage_of(folder), Maker(), Maker()
    stage.folders[1].mkdir(parents=True)
    lock = take_lock(stage.folders[1])
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.extend(rows_of(stage, his)))
    thread.start()
    while len(his.made) < 3:
        time.sleep(0.01)
    lock.release()  # killed, say
    thread.join()
    assert (found, his.made) == (list(range(24)), [0, 12, 17, 4])
    assert (rows_of(stage, mine), mine.made) == (list(range(24)), [])
    stage.clear()


def test_what_was_interrupted_goes_on_with_the_next_shard(folder: Path) -> None:
    stage, first, second = stage_of(folder), Maker(fails_at=2), Maker()
    with pytest.raises(KeyboardInterrupt):
        stage.made(first)
    assert [shard.broken for shard in stage.made(second)] == [{0: "odd"}, {}, {}, {}]
    assert (first.made, second.made) == ([0, 4], [12, 17])
    stage.clear()
    assert not any(place.exists() for place in stage.folders)


def test_one_shard_or_a_cache_that_cannot_be_is_no_reason_to_stop(
    folder: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MTL_CACHE_DIR", str(tmp_path / "file"))
    dataset = registry.find("dataset", "table").load()(file=folder)
    found = dataset.load_into(InMemory())["test"]
    assert sorted(found.image[found.rows][:, 0, 0, 0].tolist()) == [20, 21, 22, 23]


@pytest.mark.parametrize("memory", ["resident", "mapped"])
def test_every_sample_is_there_once_with_its_shard_and_its_label(
    memory: Any, folder: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MTL_CACHE_DIR", str(tmp_path / "cache"))
    for _ in range(2):  # the second time from the cache
        dataset = registry.find("dataset", "table").load()(file=folder, validation=0.0)
        choice = {"name": "table", "file": str(folder)}
        train = load_splits(dataset, validation=0.1, split_seed=0, choice=choice, memory=memory).train
        greys = train.image[:, 0, 0, 0]
        assert (greys % 3).tolist() == train.labels["cls"].tolist()
        assert train.shards is not None
        assert train.shards.tolist() == [1 + (grey >= 8) + (grey >= 13) for grey in greys.tolist()]
    assert len(set(greys.tolist())) == len(greys) == 18
    assert list((tmp_path / "cache" / "datasets" / "shards").iterdir()) == []


def test_what_goes_shard_by_shard_is_known_before_it_is_loaded(folder: Path, registry: Registry) -> None:
    def refused(**training: str) -> str:
        plain = {
            "dataset": {"name": "table", "file": str(folder)},
            "encoder": {"name": "mlp", "hidden": [4]},
            "train": {"checkpoint_every": "shards", **training},
        }
        try:
            refuse_unfit(compose(read(RecipeSource(plain), registry), registry), torch.device("cpu"), ALONE)
        except UsageError as error:
            return error.message
        return ""

    assert refused() == refused(memory="mapped") == ""
    assert "not trained on shard by shard" in refused(memory="resident")


def test_a_picture_that_cannot_be_read_is_named_with_its_shard(
    folder: Path, registry: Registry, tmp_path: Path
) -> None:
    write(folder / "train-1.tar", samples(8, 5) | {"0009.png": b"\x89PNG"})
    with pytest.raises(UsageError, match=r"train-1.tar: 0009.png"):
        registry.find("dataset", "table").load()(file=folder).load()


def test_fewer_shards_than_processes_are_refused(
    folder: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "5")
    with pytest.raises(UsageError, match="4 shards for 5 processes") as raised:
        registry.find("dataset", "table").load()(file=folder).spec()
    assert "--devices 4" in str(raised.value.hint)


@pytest.mark.slow
def test_two_processes_train_on_shards_what_one_does(folder: Path, tmp_path: Path) -> None:
    words = [
        *("-m", "mtl", "compose", "--data", str(folder), "--tasks", "cls", "--encoder", "mlp"),
        *("--set", "encoder.hidden=[8]", "--epochs", "2", "--device", "cpu", "--set", "train.memory=mapped"),
    ]
    rows = {}
    for devices in (1, 2):
        out, cache = tmp_path / f"run-{devices}", tmp_path / f"cache-{devices}"
        subprocess.run(
            [sys.executable, *words, "--devices", str(devices), "--out", str(out)],
            env=os.environ | {"MTL_CACHE_DIR": str(cache), "OMP_NUM_THREADS": "1"},
            check=True,
            capture_output=True,
        )
        text = (out / "history.csv").read_text().splitlines()
        rows[devices] = [[float(value) for value in line.split(",")[3:5]] for line in text[1:]]
    assert rows[2] == [pytest.approx(row, rel=1e-5) for row in rows[1]]


@pytest.mark.slow
def test_two_processes_that_are_killed_amid_an_epoch_go_on_after_the_last_shards(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (2000, 4, 4), dtype=np.uint8)
    for shard in range(10):
        files: Files = {}
        for number in range(shard * 200, shard * 200 + 200):
            content = io.BytesIO()
            Image.fromarray(drawn[number]).save(content, "PNG")
            files |= {f"{number:04d}.png": content.getvalue(), f"{number:04d}.cls": b"01"[number % 2 :][:1]}
        write(tmp_path / "shards" / f"{shard}.tar", files)
    settings = ("encoder.hidden=[8]", "train.memory=mapped", "train.batch_size=2")
    words = ["compose", "--data", str(tmp_path / "shards"), "--tasks", "cls", "--encoder", "mlp"]
    words += ["--epochs", "2", "--set", "train.checkpoint_every=shards"]
    words += [word for setting in settings for word in ("--set", setting)]

    def started(*words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "mtl", *words, "--device", "cpu", "--devices", "2"],
            env=os.environ | {"MTL_CACHE_DIR": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def came_to(run: Path) -> tuple[list[list[str]], str]:
        lines = [line.split(",") for line in (run / "history.csv").read_text().splitlines()]
        place = lines[0].index("seconds")
        manifest = json.loads((run / "checkpoint" / "manifest.json").read_text())
        return [line[:place] + line[place + 1 :] for line in lines], json.dumps(manifest["checkpoints"])

    whole, run = tmp_path / "whole", tmp_path / "run"
    assert started(*words, "--out", str(whole)).wait() == 0
    process = started(*words, "--out", str(run))
    manifest = run / "checkpoint" / "manifest.json"
    while not (manifest.exists() and '"within"' in manifest.read_text()):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert '"within"' in manifest.read_text()
    assert started("resume", str(run)).wait() == 0
    assert came_to(run) == came_to(whole)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=11), st.integers(0, 3))
def test_an_epoch_takes_every_sample_once_and_few_shards_at_a_time(sizes: list[int], seed: int) -> None:
    shards = torch.repeat_interleave(torch.arange(len(sizes)) * 2, torch.tensor(sizes))
    draws = ShardDraws(shards)
    order = draws.order(seed, 1)
    assert sorted(order.tolist()) == list(range(sum(sizes)))
    assert draws.order(seed, 1).equal(order)
    seen = list(dict.fromkeys(shards[order].tolist()))
    for start in range(0, len(seen), TOGETHER):
        window = set(seen[start : start + TOGETHER])
        places = [place for place, shard in enumerate(shards[order].tolist()) if shard in window]
        assert places == list(range(places[0], places[-1] + 1))
