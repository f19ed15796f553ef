"""Built-in forms of answers, one per file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.contracts.records import Component

if TYPE_CHECKING:
    from .binary import Binary as Binary
    from .categorical import Categorical as Categorical
    from .image import Image as Image
    from .multilabel import Multilabel as Multilabel
    from .ordinal import Ordinal as Ordinal
    from .pixel_classes import PixelClasses as PixelClasses
    from .pixel_values import PixelValues as PixelValues
    from .points import Points as Points
    from .regression import Regression as Regression

_HERE = "mtl.plugins.forms"

COMPONENTS: tuple[Component, ...] = (
    Component("form", "categorical", "One of several classes", f"{_HERE}.categorical:Categorical"),
    Component("form", "binary", "Yes or no", f"{_HERE}.binary:Binary"),
    Component("form", "regression", "Named quantities with units", f"{_HERE}.regression:Regression"),
    Component("form", "image", "An image", f"{_HERE}.image:Image"),
    Component("form", "multilabel", "Which of several attributes hold", f"{_HERE}.multilabel:Multilabel"),
    Component("form", "ordinal", "One of several classes in order", f"{_HERE}.ordinal:Ordinal"),
    Component("form", "pixel-classes", "A class at every pixel", f"{_HERE}.pixel_classes:PixelClasses"),
    Component("form", "pixel-values", "Quantities at every pixel", f"{_HERE}.pixel_values:PixelValues"),
    Component("form", "points", "Named points, each visible or not", f"{_HERE}.points:Points"),
)


def __getattr__(name: str) -> Any:
    """Import a form only when it is asked for: records are read at start-up, without NumPy."""
    for component in COMPONENTS:
        module, _, found = component.target.partition(":")
        if found == name:
            from importlib import import_module

            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
