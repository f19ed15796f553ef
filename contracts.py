"""All that a plugin imports: the base class of each kind, what components negotiate about, records and hooks.

    from mtl.contracts import Component, Encoder, FeatureSpec, hookimpl

What is here is public: see docs/plugins.md for how long a name lives. Torch is imported with the first name
that needs it, so the module with the hooks may import its `Component` and `hookimpl` from here, too.

>>> from mtl.contracts import ImageSpec
>>> ImageSpec(3, 32, 32).shape
(3, 32, 32)
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .core.contracts.hookspecs import hookimpl as hookimpl
from .core.contracts.records import Component as Component

_FORMS = (
    "Binary",
    "Categorical",
    "Image",
    "Multilabel",
    "Ordinal",
    "PixelClasses",
    "PixelValues",
    "Points",
    "Regression",
)
# Forms of answers are used where there is no torch.
_WITHOUT_TORCH = {
    "plugins.forms": _FORMS,
    "core.contracts.form": ("Activation", "Decisions", "Form"),
    "core.contracts.drawing": ("Bars", "Described", "Drawing", "Map", "Mask", "Picture", "Tags", "Values"),
    "core.contracts.marks": ("Marks",),
    "core.contracts.inputs": ("Vectors", "VectorSpec"),
    "core.contracts.dataset": ("no_images",),
    "core.contracts.specs": (
        "MISSING",
        "NO_IMAGE",
        "DatasetSpec",
        "FeatureSpec",
        "ImageSpec",
        "InputSpec",
        "Symmetry",
    ),
}

_FORMER = {"Answer": "Predict", "Room": "Storage"}
"""Names of before 0.1, found until mtl 0.3."""

if TYPE_CHECKING:
    from .core.public import *  # noqa: F403
    from .plugins.forms import Binary as Binary
    from .plugins.forms import Categorical as Categorical
    from .plugins.forms import Image as Image
    from .plugins.forms import Multilabel as Multilabel
    from .plugins.forms import Ordinal as Ordinal
    from .plugins.forms import PixelClasses as PixelClasses
    from .plugins.forms import PixelValues as PixelValues
    from .plugins.forms import Points as Points
    from .plugins.forms import Regression as Regression
else:

    def __getattr__(name: str) -> Any:
        """Import what needs torch only when it is asked for: modules with hooks are imported at start-up."""
        if name in _FORMER:
            name = _told(name)
        for module, names in _WITHOUT_TORCH.items():
            if name in names:
                return getattr(import_module(f".{module}", __package__), name)
        if name == "__all__":
            return __dir__()
        if not name.startswith("__"):
            from .core import public

            if name in public.__all__:
                return getattr(public, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def _told(former: str) -> str:
        said = f"mtl.contracts.{former} has become {_FORMER[former]}; the old name is found until mtl 0.3"
        warnings.warn(said, DeprecationWarning, stacklevel=3)
        return _FORMER[former]

    def __dir__() -> list[str]:
        from .core import public

        return [*public.__all__, *_FORMS]
