"""The page: its sections in order, in one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..base.files import write_text
from ..composition.composition import Composition
from ..data.samples import Splits
from ..folders.run_folder import RunFolder
from .answers import answers
from .curves import curves
from .data import data
from .environment import environment
from .features import features
from .markup import Html, document, tag
from .numbers import listed
from .plan import plan
from .proof import proof
from .scores import scores
from .sharing import sharing
from .style import STYLE
from .subject import Subject
from .summary import summary
from .usage import usage

_SECTIONS = {
    "metrics": ("Metrics", scores),
    "training": ("Training", curves),
    "answers": ("Answers", answers),
    "features": ("Features", features),
    "sharing": ("Sharing", sharing),
    "data": ("Data", data),
    "plan": ("Plan", plan),
    "verification": ("Verification", proof),
    "usage": ("Run it", usage),
    "environment": ("Environment", environment),
}


def write_report(
    folder: RunFolder,
    composition: Composition,
    splits: Splits,
    history: Sequence[Mapping[str, float]],
    metrics: Mapping[str, Any],
    verification: Mapping[str, Any],
) -> None:
    """Write `report.html` atomically; the same run gives the same bytes.

    `history` are the rows of history.csv, `metrics` the content of metrics.json, `verification` the
    exporter's report. Reads the run's environment.json, and sharing.json if there is one; raises
    `UsageError` when the first is missing or one is damaged.
    """
    environment_file = folder.read_json("environment.json")
    subject = Subject(folder.path, composition, splits, history, metrics, verification, environment_file)
    write_text(folder.path / "report.html", page(subject))


def page(subject: Subject) -> Html:
    """Return the whole page; a section that has nothing to say is left out."""
    made = {name: make(subject) for name, (_, make) in _SECTIONS.items()}
    links = [tag("a", title, href=f"#{name}") for name, (title, _) in _SECTIONS.items() if made[name]]
    body = tag(
        "body",
        summary(subject),
        tag("nav", *links, aria_label="Sections"),
        tag("main", *made.values()),
    )
    return document(f"{listed(list(subject.composition.tasks))}: mtl report", STYLE, body)
