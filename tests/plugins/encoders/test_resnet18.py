from __future__ import annotations

import subprocess
import sys

from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.resnet18 import ResNet18


def test_the_small_image_stem_keeps_the_resolution() -> None:
    encoder = ResNet18(ImageSpec(3, 32, 32), ())
    assert [spec.shape for spec in encoder.feature_specs] == [
        (64, 32, 32),
        (64, 32, 32),
        (128, 16, 16),
        (256, 8, 8),
        (512, 4, 4),
        (512,),
    ]


def test_importing_it_does_not_import_torchvision() -> None:
    program = "import sys, mtl.plugins.encoders.resnet18; sys.exit('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
