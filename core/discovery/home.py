"""The distribution that the running code belongs to, among all that bear its name.

An upgrade that was killed, or a package that takes the name, leaves others on the path, perhaps before it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ..base.files import read_bytes

GROUP = "mtl"
HOME = "mtl-composer"
"""The distribution that carries the core; its plugins load first, and cannot be switched off."""

REINSTALL = f"pip install --force-reinstall --no-deps PATH, of the clone or wheel of {HOME}"
"""What mends an installation of the core that is damaged; no index has it yet."""

OWN = {"plugins": "mtl.plugins", "exports": "mtl.exports"}
"""The entry points that came with this code; a test holds them equal to those that are installed with it."""


def bears_the_name(name: str) -> bool:
    """Return whether a distribution's name is that of the core, however it is spelled.

    >>> bears_the_name("MTL_composer"), bears_the_name("mtl-composer-extras")
    (True, False)
    """
    return normalized(name) == HOME


def normalized(name: str) -> str:
    """Return a distribution's name as packages are told apart by.

    >>> normalized("My_plugin.extra")
    'my-plugin-extra'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def home_of(distributions: Iterable[metadata.Distribution]) -> metadata.Distribution | None:
    """Return the distribution of the running code: it has all of its entry points, and best its files."""
    known = [distribution for distribution in distributions if points_of(distribution) == OWN]
    return known[0] if len(known) == 1 else max(known, key=_holds_this_code, default=None)


def home_distribution() -> metadata.Distribution | None:
    """Return the distribution of the running code as it is installed; None where it is not."""
    return home_of(metadata.distributions(name=HOME))


def points_of(distribution: metadata.Distribution) -> dict[str, str]:
    """Return what the group's entry points of a distribution name; none where they cannot be read."""
    try:
        refuse_waiting(distribution, "entry_points.txt")
        return {point.name: point.value for point in distribution.entry_points if point.group == GROUP}
    except Exception:
        return {}


def _holds_this_code(distribution: metadata.Distribution) -> bool:
    """Return whether a distribution was installed from, or with, the very file that runs here."""
    here = Path(__file__)
    try:
        refuse_waiting(distribution, "direct_url.json", "RECORD")
        told = json.loads(distribution.read_text("direct_url.json") or "{}")
        if told.get("dir_info", {}).get("editable"):
            return Path(url2pathname(urlsplit(told["url"]).path)).samefile(here.parents[2])
        name = "mtl/core/discovery/home.py"
        kept = next(file for file in distribution.files or () if str(file) == name)
        return Path(str(kept.locate())).samefile(here) and vouches_for(distribution, name)
    except Exception:  # damaged in whatever way: it proves nothing
        return False


def vouches_for(distribution: metadata.Distribution, *names: str) -> bool:
    """Return whether a distribution states the sum of one of these files, and the file has it."""
    try:
        refuse_waiting(distribution, "RECORD")
        for file in distribution.files or ():
            if str(file) in names and file.hash is not None:
                data = read_bytes(Path(str(file.locate())), "code", hint="", most=2**20)
                digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
                return file.hash.value == digest
    except Exception:  # damaged in whatever way: it proves nothing
        pass
    return False


def refuse_waiting(distribution: metadata.Distribution, *names: str) -> None:
    """Raise `ValueError` for a pipe or a device in place of a file: who reads it may wait for ever."""
    folder = folder_of(distribution)
    for path in (folder / name for name in names) if folder is not None else ():
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ValueError(f"{path} is no regular file")


def folder_of(distribution: metadata.Distribution) -> Path | None:
    """Return where a distribution describes itself; None where that is no folder."""
    folder = getattr(distribution, "_path", None)
    return None if folder is None else Path(str(folder))
