"""All that a plugin imports: the base class of each kind, what components negotiate about, records and hooks.

    from mtl.contracts import Component, Encoder, FeatureSpec, hookimpl

What is here is public: see docs/plugins.md for how long a name lives. Torch is imported with the first name
that needs it, so the module with the hooks may import its `Component` and `hookimpl` from here, too.

>>> from mtl.contracts import ImageSpec
>>> ImageSpec(3, 32, 32).shape
(3, 32, 32)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .core.hookspecs import hookimpl as hookimpl
from .core.records import Component as Component

if TYPE_CHECKING:
    from .core.public import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        """Import what needs torch only when it is asked for: modules with hooks are imported at start-up."""
        if name == "__all__" or not name.startswith("__"):
            from .core import public

            if name == "__all__" or name in public.__all__:
                return getattr(public, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        from .core import public

        return list(public.__all__)
