"""Whether the package that a component speaks through is there: asked before anything is trained."""

from __future__ import annotations

from importlib.util import find_spec

from ..core.base.errors import MissingRequirementError


def require(component: str, *packages: str, extra: str) -> str:
    """Return the first of the packages that is installed; raise `MissingRequirementError` where none is."""
    for package in packages:
        if find_spec(package) is not None:
            return package
    raise MissingRequirementError(
        f"{component} needs the package {' or '.join(packages)}, which is not installed",
        hint=f"pip install 'mtl-composer[{extra}]'",
    )
