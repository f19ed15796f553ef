"""Shards are read as they were written; what is damaged is refused by its place."""

import io
import tarfile

import pytest
from mtl_shards.dataset import Shards
from mtl_shards.draw import draw_shards

from mtl.contracts import MissingRequirementError, UsageError


@pytest.fixture
def folder(tmp_path):
    draw_shards(tmp_path, train=20, test=10)
    return tmp_path


def test_a_label_is_a_number_or_a_name(folder):
    numbers = Shards(data_dir=folder, channels=1, size=16)
    names = Shards(data_dir=folder, label="json.kind")
    assert names.spec().labels["label"].classes == ("disc", "square")
    one, other = (dataset.load()["train"] for dataset in (numbers, names))
    assert one.labels["label"].tolist() == other.labels["label"].tolist()
    assert (one.image.shape, other.image.shape) == ((20, 1, 16, 16), (20, 3, 32, 32))


def test_without_shards_it_is_said_where_they_were_looked_for(tmp_path):
    with pytest.raises(MissingRequirementError, match=r"has no shards train\*\.tar"):
        Shards(data_dir=tmp_path).load()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"1.cls": b"0"}, "1 has no picture"),
        ({"1.png": b"no"}, r"1 has no \.cls"),
        ({"1.png": b"no", "1.cls": b"0"}, "not-whole.tar: 1"),
        ({"1.png": b"no", "1.cls": b"-3"}, "of the class '-3'"),
        ({"1.png": b"no", "1.cls": b"\xff"}, "not-whole.tar: 1"),
    ],
)
def test_a_sample_that_is_not_whole_is_named(content, told, folder):
    with tarfile.open(folder / "not-whole.tar", "w") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    dataset = Shards(data_dir=folder, train="not-*.tar", classes=("a", "b"))
    with pytest.raises(UsageError, match=told):
        dataset.samples["train"] and [
            (dataset._class(sample), dataset._picture(sample)) for sample in dataset.samples["train"]
        ]


def test_a_shard_that_was_cut_is_named(folder):
    path = folder / "train-0.tar"
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(UsageError, match=r"train-0\.tar"):
        Shards(data_dir=folder).load()
