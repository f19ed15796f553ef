from __future__ import annotations

import pytest
from torchvision.datasets import FashionMNIST

from mtl.core.base.errors import MissingRequirementError
from mtl.plugins.datasets.fashion_mnist import FashionMnist
from mtl.plugins.forms import Categorical


def test_classes_are_those_of_the_publishers_in_order():
    assert FashionMnist().spec().labels == {"garment": Categorical(tuple(FashionMNIST.classes))}


def test_files_are_looked_for_in_a_folder_of_its_own(tmp_path):
    with pytest.raises(MissingRequirementError) as caught:
        FashionMnist(data_dir=tmp_path, download=False).load()
    assert caught.value.message == (
        f"Fashion-MNIST is not in {tmp_path}/FashionMNIST/raw: no train-images-idx3-ubyte, "
        "train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte "
        "(downloading is switched off)"
    )


def test_files_are_downloaded_by_torchvisions_own_class(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(FashionMNIST, "download", lambda self: asked.append(self.raw_folder))
    with pytest.raises(MissingRequirementError, match="downloading failed: Dataset not found"):
        FashionMnist(data_dir=tmp_path).load()
    assert asked == [f"{tmp_path}/FashionMNIST/raw"]
