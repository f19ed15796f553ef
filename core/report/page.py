"""The page: its sections in order, in one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..base.files import write_text
from ..composition.composition import Composition
from ..data.samples import Splits
from ..folders.run_folder import RunFolder
from .answers import answers
from .curves import training
from .data import data
from .environment import environment
from .features import features
from .first_answers import first_answers
from .frame import Section, framed
from .markup import Html
from .numbers import listed
from .plan import plan
from .proof import proof
from .scores import scores
from .sharing import sharing
from .subject import Subject
from .summary import summary
from .usage import usage

_SECTIONS = {
    "samples": ("First answers", first_answers),
    "training": ("Training", training),
    "metrics": ("Metrics", scores),
    "answers": ("Task by task", answers),
    "features": ("Features", features),
    "sharing": ("Sharing", sharing),
    "data": ("Data", data),
    "model": ("Model", plan),
    "verification": ("Verification of the exported file", proof),
    "usage": ("Run the exported file", usage),
    "environment": ("Environment", environment),
}


def write_report(
    folder: RunFolder,
    composition: Composition,
    splits: Splits,
    history: Sequence[Mapping[str, float]],
    metrics: Mapping[str, Any],
    verification: Mapping[str, Any],
    unusual: Mapping[str, Any] | None = None,
) -> None:
    """Write `report.html` atomically; the same run gives the same bytes.

    `history` are the rows of history.csv, `metrics` the content of metrics.json, `verification` the
    exporter's report, `unusual` what of the recipe differs from its defaults. Reads the run's
    environment.json, and sharing.json if there is one; raises `UsageError` when the first is missing or one
    is damaged.
    """
    environment_file = folder.read_json("environment.json")
    subject = Subject(
        folder.path, composition, splits, history, metrics, verification, environment_file, unusual or {}
    )
    write_text(folder.path / "report.html", page(subject))


def page(subject: Subject) -> Html:
    """Return the whole page; a section that has nothing to say is left out."""
    made = (Section(name, title, make(subject)) for name, (title, make) in _SECTIONS.items())
    title = f"{listed(list(subject.composition.tasks))}: mtl report"
    return framed(title, summary(subject), [section for section in made if section.content])
