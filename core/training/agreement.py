"""Whether all processes of a training have the same before them, looked at before it and after each epoch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..base.errors import MtlError, UsageError
from ..base.files import digest, read_bytes
from ..base.ranks import Ranks
from ..composition.composition import Composition
from ..contracts.specs import dataset_to_json
from ..data.content import content_of, digest_of
from ..data.samples import Splits
from .captured_sums import WANTED


class DriftError(MtlError):
    """The weights of the processes that train one model are no longer the same."""

    status = 5


def refuse_difference(ranks: Ranks, own: Mapping[str, Any]) -> None:
    """Raise `UsageError`, on every rank, naming what is not the same everywhere and who differs."""
    everyone = ranks.all_have(dict(own))
    for what, value in everyone[0].items():
        others = [rank for rank, found in enumerate(everyone) if found[what] != value]
        if others:
            first = everyone[others[0]][what]
            shown = f": {first} instead of {value}" if isinstance(value, str) and len(value) < 40 else ""
            raise UsageError(
                f"rank {', '.join(map(str, others))} of {ranks.world} has another {what} than rank 0{shown}",
                hint="all processes of a training need the same code, packages, recipe and data",
            )


def what_must_agree(composition: Composition, splits: Splits, packages: str) -> dict[str, str]:
    """Return what has to be the same on every rank, by name; `packages` are versions and plugins."""
    return {
        "version of torch": torch.__version__,
        "set of packages": packages,
        "code of mtl": _code_digest(),
        "recipe": composition.recipe.hash(),
        "data set": data_digest(composition, splits),
        "state to start from": weights_digest(composition),
        WANTED: os.environ.get(WANTED, "unset"),
    }


def _code_digest() -> str:
    """Return a checksum of mtl's own source files."""
    house = Path(__file__).parents[2]
    found = hashlib.sha256()
    for room in ("core", "plugins", "exports"):
        for file in sorted((house / room).rglob("*.py")):
            found.update(read_bytes(file, "a source file of mtl", hint="install it again", most=1 << 20))
    return found.hexdigest()


def refuse_drift(composition: Composition, ranks: Ranks, when: str) -> None:
    """Raise `DriftError`, on every rank, where the ranks' weights are not the same bits."""
    if ranks.alone:
        return
    digests = ranks.all_have(weights_digest(composition))
    others = [rank for rank, digest in enumerate(digests) if digest != digests[0]]
    if others:
        raise DriftError(
            f"the weights of rank {', '.join(map(str, others))} are not those of rank 0 {when}",
            hint="a component draws or computes something that differs between processes: "
            "mtl resume goes on after the last checkpoint, on one device if need be",
        )


def weights_digest(composition: Composition) -> str:
    """Return a checksum of all that training changes in model and balancer."""
    parts = (composition.model.state_dict(), composition.balancer.state_dict())
    return digest_of([value for part in parts for value in part.values()])


def data_digest(composition: Composition, splits: Splits) -> str:
    """Return a checksum of the data's form and of their content (`content_of`)."""
    return digest({"form": dataset_to_json(composition.dataset_spec), "content": content_of(splits)})
