"""Data sets of Hugging Face's `datasets` that lie on this machine."""

from __future__ import annotations

import json
import shutil
import socket
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtl.core.base.errors import MissingRequirementError, UsageError
from mtl.core.contracts.specs import ImageSpec
from mtl.core.discovery.options import options_model, validate_options
from mtl.plugins.datasets.hf import HuggingFace
from mtl.plugins.forms import Binary, Categorical, Regression

datasets = pytest.importorskip("datasets")
COUNT = 20


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package keeps what it makes in a folder of the test, and no connection is made."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def png(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(256, size=(6, 6, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def made(numbers: range, label=lambda n: n % 3):
    """A data set of pictures with a class label, a yes-or-no value and a weight; some are absent."""
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["cat", "dog", "cow"]),
            "tame": datasets.Value("bool"),
            "weight": datasets.Value("float32"),
            "boxes": datasets.Sequence(datasets.Value("int32")),
        }
    )
    return datasets.Dataset.from_dict(
        {
            "image": [{"bytes": png(n), "path": None} for n in numbers],
            "label": [label(n) for n in numbers],
            "tame": [None if n == 5 else n % 2 == 0 for n in numbers],
            "weight": [n / 4 for n in numbers],
            "boxes": [[n] for n in numbers],
        },
        features=features,
    )


def check(data: HuggingFace) -> None:
    assert data.spec().image == ImageSpec(3, 6, 6)
    assert data.spec().labels == {
        "label": Categorical(("cat", "dog", "cow")),
        "tame": Binary("tame", "not tame"),
        "weight": Regression(("weight",)),
    }
    for columns in data.load().values():
        for index, weight in enumerate(columns.labels["weight"][:, 0]):
            row = int(weight * 4)
            picture = np.asarray(Image.open(BytesIO(png(row)))).transpose(2, 0, 1)
            assert (columns.image[index] == picture).all()
            assert columns.labels["label"][index] == row % 3
            assert columns.labels["tame"][index] == (-1 if row == 5 else row % 2 == 0)


def test_a_saved_data_set_is_mapped_by_its_features(tmp_path: Path) -> None:
    made(range(COUNT)).save_to_disk(str(tmp_path / "pets"))
    data = HuggingFace(file=tmp_path / "pets")
    check(data)
    assert {part: len(columns) for part, columns in data.load().items()} == {
        "train": 14,
        "validation": 2,
        "test": 4,
    }
    assert data.understood()[:3] == [
        "pets: 20 rows, pictures of 6 x 6 pixels, colour",
        "  image: pictures",
        "  label: class of 3: cat, dog, cow",
    ]
    assert "  boxes: ignored: it holds lists or objects" in data.understood()


def test_splits_are_the_parts_and_others_are_left_out(tmp_path: Path) -> None:
    parts = {"train": made(range(12)), "dev": made(range(12, 16)), "extra": made(range(16, COUNT))}
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "pets"))
    data = HuggingFace(file=tmp_path / "pets", test=0.25)
    check(data)
    assert {part: len(columns) for part, columns in data.load().items()} == {
        "train": 8,
        "validation": 4,
        "test": 4,
    }
    assert data.understood()[-1] == "left out: split 'extra' (dataset.splits says what it is)"
    data = HuggingFace(file=tmp_path / "pets", splits={"extra": "test"})
    assert [len(data.load()[part]) for part in ("train", "validation", "test")] == [12, 4, 4]


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    folder = tmp_path / "pets" / "data"
    folder.mkdir(parents=True)
    made(range(14)).to_parquet(str(folder / "train-00000-of-00001.parquet"))
    made(range(14, COUNT)).to_parquet(str(folder / "test-00000-of-00001.parquet"))
    data = HuggingFace(file=tmp_path / "pets", validation=0.0)
    check(data)
    assert {part: len(columns) for part, columns in data.load().items()} == {"train": 14, "test": 6}
    sources = data.sources()
    assert sources is not None
    assert any(path.suffix == ".arrow" for path in sources)


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    for part, numbers in (("train", range(12)), ("test", range(12, COUNT))):
        for n in numbers:
            path = tmp_path / "pets" / part / ("cat", "dog")[n % 2] / f"{n}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(n))
    data = HuggingFace(file=tmp_path / "pets", validation=0.0)
    assert data.spec().labels == {"label": Categorical(("cat", "dog"))}
    assert {part: len(columns) for part, columns in data.load().items()} == {"train": 12, "test": 8}


def test_what_was_downloaded_before_is_found_by_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    made(range(COUNT)).to_parquet(str(folder / "train.parquet"))
    builder = datasets.load_dataset_builder(str(folder))
    builder.download_and_prepare()
    cached = tmp_path / "cache" / "someone___pets" / "default" / "0.0.0"
    cached.mkdir(parents=True)
    place = shutil.copytree(builder.cache_dir, cached / "0123456789abcdef")
    info = json.loads((place / "dataset_info.json").read_text())
    (place / "dataset_info.json").write_text(json.dumps(info | {"dataset_name": "pets"}))
    for path in place.glob("*.arrow"):
        path.rename(place / path.name.replace("files", "pets"))
    check(HuggingFace(cached="someone/pets"))


def test_a_name_that_was_never_downloaded_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"someone/none: cannot be read as a data set in the cache"
    ) as caught:
        HuggingFace(cached="someone/none").spec()
    assert "download it once: python -c" in str(caught.value.hint)


def test_labels_that_are_hidden_are_absent(tmp_path: Path) -> None:
    made(range(COUNT), lambda n: -1 if n % 4 == 0 else n % 3).save_to_disk(str(tmp_path / "pets"))
    found = [columns.labels["label"] for columns in HuggingFace(file=tmp_path / "pets").load().values()]
    assert int((np.concatenate(found) == -1).sum()) == 5


def test_code_of_a_data_set_is_never_run(tmp_path: Path) -> None:
    folder = tmp_path / "pets"
    folder.mkdir()
    (folder / "pets.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    made(range(COUNT)).to_parquet(str(folder / "train.parquet"))
    with pytest.raises(UsageError, match="scripts are no longer supported"):
        HuggingFace(file=folder).spec()
    assert not (tmp_path / "ran").exists()
    _, problems = validate_options(options_model(HuggingFace), {"trust_remote_code": True})
    assert problems[0].message == "unknown option 'trust_remote_code'"


def test_other_readers_than_those_of_tables_and_pictures_are_refused(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "train.txt").write_text("a\nb\n")
    with pytest.raises(UsageError, match=r"words: is read by 'text'") as caught:
        HuggingFace(file=tmp_path / "words").spec()
    assert caught.value.hint == "what is read: parquet, arrow, imagefolder, csv, json"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "the data set needs files"),
        ({"file": Path("gone"), "cached": "a/b"}, "hf: file and cached are two data sets"),
        ({"file": Path("/gone")}, "/gone: there is no such file or folder"),
    ],
)
def test_what_names_no_data_set_is_refused(options, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        HuggingFace(**options).spec()


def test_without_the_package_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(MissingRequirementError, match="is not installed") as caught:
        HuggingFace(file=tmp_path).spec()
    assert caught.value.hint == "pip install 'mtl-composer[hf]'"


def test_the_package_is_left_as_it_was(tmp_path: Path) -> None:
    before = datasets.config.HF_HUB_OFFLINE, datasets.is_progress_bar_enabled()
    made(range(COUNT)).save_to_disk(str(tmp_path / "pets"))
    HuggingFace(file=tmp_path / "pets").spec()
    assert (datasets.config.HF_HUB_OFFLINE, datasets.is_progress_bar_enabled()) == before
