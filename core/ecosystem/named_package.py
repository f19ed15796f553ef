"""What somebody names to be installed: a package of an index, a wheel, or the folder of a package."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import UsageError
from ..base.files import read_text, reading
from ..discovery.home import HOME, bears_the_name, normalized

_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[[A-Za-z0-9._, -]+\])?"
    r"(?:\s*(?:===|[=!<>~]=|[<>])\s*[A-Za-z0-9.*+!_-]+(?:\s*,\s*)?)*"
)
"""A name of an index, with extras and versions; no address, and nothing that pip reads as an option."""

_MOST = 2**20


@dataclass(frozen=True)
class NamedPackage:
    """What pip is told, and the name of the distribution; None where only its installation tells that."""

    told: str
    name: str | None


def named_package(text: str) -> NamedPackage:
    """Return what a text names.

    >>> named_package("My_plugin[fast]>=1.2,<2")
    NamedPackage(told='My_plugin[fast]>=1.2,<2', name='my-plugin')

    Raises `UsageError` for what is neither a name nor a path, and for mtl itself.
    """
    path = Path(text)
    if "://" in text:
        raise UsageError(
            f"{text} is an address, which is not taken here",
            hint="let pip install what you trust, then try it: mtl plugin check",
        )
    if path.suffix in (".whl", ".gz", ".zip") or "/" in text or text in (".", ".."):
        found = _at(path)
    elif text and path.is_dir():
        raise UsageError(
            f"{text!r} may be the folder that is here, or a package of the index",
            hint=f"write ./{text} or {text}>=0",
        )
    else:
        stated = _REQUIREMENT.fullmatch(text)
        if stated is None:
            raise UsageError(
                f"{text!r} names no package",
                hint="a name of the index such as my-plugin or my-plugin==1.0, a wheel, or a folder",
            )
        found = NamedPackage(text, normalized(stated["name"]))
    if found.name is not None and bears_the_name(found.name):
        raise UsageError(
            f"{HOME} is mtl itself, and no plugin",
            hint="pip install --upgrade PATH, of a newer clone or wheel",
        )
    return found


def _at(path: Path) -> NamedPackage:
    if path.is_dir():
        name = project_in(path).get("name")
        return NamedPackage(str(path.resolve()), normalized(name) if isinstance(name, str) else None)
    if not path.is_file():
        raise UsageError(
            f"there is no file or folder {path}", hint="name a wheel, or the folder of a package"
        )
    name = normalized(path.name.partition("-")[0]) if path.suffix == ".whl" else None
    return NamedPackage(str(path.resolve()), name)


def project_in(folder: Path) -> dict[str, Any]:
    """Return what the project file of a folder states; raise `UsageError` for a folder without one."""
    file = folder / "pyproject.toml"
    what, hint = "the description of a package", "name the folder of a package"
    if not file.is_file():
        raise UsageError(f"{folder} has no pyproject.toml", hint=hint)
    text = read_text(file, what, hint=hint, most=_MOST)
    with reading(file, what, hint=hint):
        return dict(tomllib.loads(text).get("project", {}))
