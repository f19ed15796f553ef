"""No library that takes seconds to import is imported before a component that needs it is at work."""

from __future__ import annotations

import subprocess
import sys

from mtl.plugins.metrics import COMPONENTS

PROGRAM = """
import sys
from pkgutil import resolve_name
import mtl.plugins.encoders.resnet18, mtl.plugins.encoders.timm, mtl.plugins.encoders.torchvision
from mtl.core.discovery.options import options_model
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins import forms
from mtl.plugins.metrics import COMPONENTS
found = [resolve_name(component.target) for component in forms.COMPONENTS]
targets = [target for form in found for target in form.specimens(ImageSpec(1, 16, 16))]
for component in COMPONENTS:
    kind = resolve_name(component.target)
    options_model(kind)
    kind(next(target for target in targets if kind.accepts(target) is None))
print(sorted({"torchmetrics", "torchvision", "timm", "huggingface_hub"} & set(sys.modules)))
"""
"""Imports encoders of libraries; lists, shows and builds every metric. One process: torch takes seconds."""


def test_encoders_of_libraries_and_metrics_import_their_library_when_they_work() -> None:
    assert len(COMPONENTS) >= 12
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
