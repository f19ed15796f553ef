"""Files that torch keeps of what it downloads: `checkpoints` in the folder of `torch.hub`."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlparse

import torch

_SUM = re.compile(r"-([a-f0-9]{8,})\.")
"""The beginning of a file's SHA-256, as torch has it in the names of its files."""


def place_of(address: str) -> Path:
    """Return where the file of an address lies, or would."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(address).path).name


def cached(address: str) -> Path | None:
    """Return the file of an address that was downloaded before, None where it was not."""
    place = place_of(address)
    return place if place.is_file() else None


def fetched(address: str) -> Path:
    """Download the file of an address into the cache and return it; raise what torch raises."""
    place = place_of(address)
    place.parent.mkdir(parents=True, exist_ok=True)
    known = _SUM.search(place.name)
    torch.hub.download_url_to_file(address, str(place), known[1] if known else None, progress=False)
    return place
