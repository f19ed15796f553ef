"""Answers that are quantities: predicted against true, one plot per quantity."""

from __future__ import annotations

import numpy as np

from ..contracts import Drawing, Values
from .charts import scatter
from .first_samples import FirstSamples
from .markup import Html, tag
from .numbers import number


def values(task: str, drawing: Drawing, samples: FirstSamples) -> list[Html]:
    """Return one scatter plot per quantity over the samples that have the label."""
    true, given = samples.target[samples.present], samples.prediction[samples.present]
    if len(true) == 0:
        return [tag("p", f"None of the first {len(samples)} test samples has this label.", class_="note")]
    unit = drawing.units if isinstance(drawing, Values) else ""
    plots = []
    for index, name in enumerate(drawing.labels):
        known = ~np.isnan(true[:, index])
        right, answered = true[known, index], given[known, index]
        if not len(right):
            plots.append(tag("p", f"{name}: no label among these.", class_="note"))
            continue
        points = list(zip(right.tolist(), answered.tolist(), strict=True))
        error = float(np.abs(right - answered).mean())
        units = f" {unit}" if unit else ""
        said = f"mean absolute error {number(error)}{units}"
        note = f"{len(right)} of the first {len(samples)} test samples; on the dashed line it is exact."
        plot = scatter(
            points,
            label=f"{name} of {task}, predicted against true for {len(points)} samples: {said}",
            x_title=f"true{units and f' ({unit})'}",
            y_title="predicted",
        )
        parts = (tag("figcaption", f"{name}: {said}"), plot, tag("p", note, class_="note"))
        plots.append(tag("figure", *parts, class_="card"))
    return plots
