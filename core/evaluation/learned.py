"""What a model learned about sharing, as small tables: `sharing.json` of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ..base.files import write_json
from ..composition.composition import Composition
from ..contracts import LearnedTable
from ..data.samples import Samples
from ..discovery.declared import ask
from .evaluation import views_of

FILE = "sharing.json"
IMAGES = 500
"""So many validation images are averaged over, where a weight depends on the image."""


def learned_tables(composition: Composition, validation: Samples) -> tuple[LearnedTable, ...]:
    """Return the tables of the sharing scheme, means being over the first 500 validation images.

    With a view of its own for each task, the images are those of the first view. The model is left in its
    mode.
    """
    model = composition.model
    _, seen = next(views_of(composition, validation, "validation", IMAGES))
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            label = composition.owners.named(model.sharing)
            encoded = model.encoded(seen.image, seen.inputs)
            tables: tuple[LearnedTable, ...] = ask(label, model.sharing, "learned", *encoded)
            return tables
    finally:
        model.train(training)


def write_learned(path: Path, composition: Composition, validation: Samples) -> None:
    """Write `sharing.json` into the run folder `path`, when the scheme has anything to tell."""
    tables = learned_tables(composition, validation)
    if tables:
        content = {
            "sharing": composition.recipe.sharing.name,
            "images": min(IMAGES, len(validation)),
            "tables": [asdict(table) for table in tables],
        }
        write_json(path / FILE, content)


def read_tables(content: Mapping[str, Any]) -> tuple[LearnedTable, ...]:
    """Return the tables in the content of a `sharing.json`."""
    return tuple(
        LearnedTable(
            table["title"],
            table["meaning"],
            tuple(table["rows"]),
            tuple(table["columns"]),
            tuple(map(tuple, table["values"])),
        )
        for table in content["tables"]
    )
