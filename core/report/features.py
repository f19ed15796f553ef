"""The section on features: which are dead, how many directions they span, the narrow layers as a plane."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..composition.composition import Composition
from ..contracts.specs import FeatureSpec
from .activations import DEAD, Activity, StageActivity, activity
from .charts import Point
from .markup import Html, join, table, tag
from .numbers import listed, number
from .plane import plane
from .subject import Subject

_CLASSES = 20
"""Most classes that are told apart by colour."""


def features(subject: Subject) -> Html:
    """Return the section with a table per encoder and a plane per narrow layer."""
    composition = subject.composition
    found = activity(composition, subject.splits.test)
    tables = [_stages(composition, tasks, stages, found.samples) for tasks, stages in found.stages.items()]
    planes = [_plane(composition, task, values, found) for task, values in found.narrow.items()]
    note = (
        f"Over the first {found.samples} test samples. Dead: a feature (of a map: a channel) whose standard "
        f"deviation is below {DEAD}. Rank: directions the features span; effective rank (Roy and Vetterli "
        "2007): as many directions of equal strength would be as spread out."
    )
    drawn = [tag("div", *planes, class_="charts")] if planes else []
    return join([tag("p", note, class_="note"), tag("div", *tables, class_="beside"), *drawn])


def _stages(
    composition: Composition, tasks: tuple[str, ...], stages: Sequence[StageActivity], samples: int
) -> Html:
    specs: tuple[FeatureSpec, ...] = composition.model.sharing.feature_specs[tasks[0]]
    rows = []
    for position, (spec, stage) in enumerate(zip(specs, stages, strict=True), 1):
        rank, effective = stage.ranks()
        # The mean is taken away, which costs one direction.
        most = min(spec.channels, samples - 1)
        rows.append([str(position), str(spec), str(stage.dead()), f"{rank} of {most}", number(effective)])
    header = ["Stage", "Form", "Dead", "Rank", "Effective rank"]
    return table(header, rows, caption=f"Features seen by {listed(tasks)}", numeric=(2, 3, 4))


def _plane(composition: Composition, task: str, values: Tensor, found: Activity) -> Html:
    width = values.shape[1]
    across, up = "first value", "second value"
    if width > 2:
        centred = values - values.mean(dim=0)
        _, strengths, directions = torch.linalg.svd(centred, full_matrices=False)
        values = centred @ directions[:2].T
        shares = (strengths**2 / (strengths**2).sum().clamp(min=1e-12)).tolist()
        across, up = (
            f"{name} direction, {100 * share:.0f} %"
            for name, share in (("1st", shares[0]), ("2nd", shares[1]))
        )
    elif width == 1:
        values = torch.cat([values, torch.zeros_like(values)], dim=1)
        up = ""
    points = _by_class(composition, values, found)
    title = f"{task}: the {width} values that all of the image passes through"
    drawing = plane(points, label=f"{title}, {len(values)} test samples", x_title=across, y_title=up)
    return tag("figure", tag("figcaption", title), drawing, class_="card")


def _by_class(composition: Composition, values: Tensor, found: Activity) -> dict[str, list[Point]]:
    """Return the points by the class of the first label column that has few classes."""
    for name, target in composition.dataset_spec.labels.items():
        if 0 < len(target.choices) <= _CLASSES:
            label = found.labels[name]
            return {
                title: [(x, y) for x, y in values[label == index].tolist()]
                for index, title in enumerate(target.choices)
            }
    return {"": [(x, y) for x, y in values.tolist()]}
