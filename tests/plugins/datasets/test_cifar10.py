from __future__ import annotations

import hashlib
import pickle

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import CIFAR10

from mtl.core.base.errors import MissingRequirementError, UsageError
from mtl.core.contracts.specs import ImageSpec
from mtl.core.data.prepared import data_key
from mtl.plugins.datasets.cifar10 import CLASSES, Cifar10
from mtl.plugins.forms import Categorical


class OldPickler(pickle.Pickler):
    """Spells NumPy's data types as the published files do; today's NumPy warns about it."""

    def reducer_override(self, value):
        if isinstance(value, np.dtype):
            return np.dtype, ("u1", 0, 1)
        return NotImplemented


def pixels(number):
    return np.random.default_rng(number).integers(256, size=(2, 3072), dtype=np.uint8)


@pytest.fixture
def batches(tmp_path, monkeypatch):
    """Two images in every batch file, with torchvision's MD5 sums set to theirs."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()

    def write(name, value):
        with (folder / name).open("wb") as file:
            OldPickler(file, protocol=2).dump(value)
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    train = [
        write(f"data_batch_{n}", {"data": pixels(n), "labels": [n, n + 1], "filenames": ["a", "b"]})
        for n in range(1, 6)
    ]
    test = [write("test_batch", {"data": pixels(6), "labels": [9, 0]})]
    name, md5 = write("batches.meta", {"label_names": list(CLASSES)})
    monkeypatch.setattr(CIFAR10, "train_list", train)
    monkeypatch.setattr(CIFAR10, "test_list", test)
    monkeypatch.setattr(CIFAR10, "meta", {"filename": name, "key": "label_names", "md5": md5})
    return folder


def test_batches_are_read_in_order_channel_first(tmp_path, batches):
    splits = Cifar10(data_dir=tmp_path, download=False).load()
    train = np.concatenate([pixels(number) for number in range(1, 6)]).reshape(-1, 3, 32, 32)
    assert (splits["train"].image == train).all()
    assert (splits["test"].image == pixels(6).reshape(-1, 3, 32, 32)).all()
    assert splits["train"].labels["class"].tolist() == [1, 2, 2, 3, 3, 4, 4, 5, 5, 6]
    assert splits["test"].labels["class"].dtype == np.int64


def test_spec_reads_nothing(tmp_path):
    spec = Cifar10(data_dir=tmp_path / "nowhere", download=False).spec()
    assert (spec.image, spec.labels) == (ImageSpec(3, 32, 32), {"class": Categorical(CLASSES)})


def test_missing_files_are_named_with_their_folder(tmp_path, batches):
    (batches / "test_batch").unlink()
    with pytest.raises(MissingRequirementError) as caught:
        Cifar10(data_dir=tmp_path, download=False).load()
    assert caught.value.message == (
        f"CIFAR-10 is not in {batches}: no test_batch; no train/ and test/ with a folder per class in it "
        "or in its cifar10/ (downloading is switched off)"
    )


@pytest.mark.parametrize("name", ["data_batch_2", "test_batch", "batches.meta"])
def test_a_file_that_is_not_the_published_one_is_never_unpickled(tmp_path, batches, name):
    (batches / name).write_bytes((batches / name).read_bytes()[:-5])
    with pytest.raises(UsageError) as caught:
        Cifar10(data_dir=tmp_path).load()
    assert caught.value.message == f"{batches / name}: not the published file (its MD5 sum differs)"


@pytest.fixture
def files(tmp_path):
    """An image per class in each split, as image files."""
    for split in ("train", "test"):
        for number, name in enumerate(CLASSES):
            place = tmp_path / "cifar10" / split / name
            place.mkdir(parents=True)
            Image.new("RGB", (32, 32), (20 * number, 0, 255)).save(place / "0001.png")
    return tmp_path / "cifar10"


@pytest.mark.parametrize("above", [False, True], ids=["DIR", "DIR/cifar10"])
def test_images_in_class_folders_are_read_without_a_download(files, above, monkeypatch):
    monkeypatch.setattr(Cifar10, "fetch", lambda self: pytest.fail("downloaded"))
    splits = Cifar10(data_dir=files.parent if above else files).load()
    assert splits["train"].labels["class"].tolist() == list(range(10))
    assert splits["test"].image[3, :, 0, 0].tolist() == [60, 0, 255]


def test_the_published_files_are_preferred(tmp_path, batches, files):
    assert len(Cifar10(data_dir=tmp_path, download=False).load()["train"]) == 10
    assert len(Cifar10(data_dir=files).load()["test"]) == 10


def test_other_classes_are_refused(files):
    (files / "train" / "dog").rename(files / "train" / "wolf")
    (files / "test" / "dog").rename(files / "test" / "wolf")
    with pytest.raises(UsageError) as caught:
        Cifar10(data_dir=files).load()
    assert caught.value.message == f"{files}: not the ten classes of CIFAR-10: dog, wolf"


def test_other_sizes_are_refused(files):
    Image.new("RGB", (28, 28)).save(files / "train" / "airplane" / "0001.png")
    with pytest.raises(UsageError) as caught:
        Cifar10(data_dir=files).load()
    assert caught.value.message == f"{files}: images are 28 x 28 pixels, those of CIFAR-10 are 32 x 32"


def test_a_folder_of_its_own_comes_before_other_images(files):
    for split in ("train", "test"):
        for name in ("cat", "wolf"):
            (files.parent / split / name).mkdir(parents=True)
    assert len(Cifar10(data_dir=files.parent).load()["test"]) == 10


def test_image_files_are_what_it_depends_on(files):
    dataset = Cifar10(data_dir=files)
    before = data_key(dataset, {"name": "cifar10"})
    assert before is not None
    Image.new("RGB", (32, 32)).save(files / "train" / "dog" / "0002.png")
    assert data_key(dataset, {"name": "cifar10"}) != before
