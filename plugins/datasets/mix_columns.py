"""The label columns and the pictures of several data sets as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import UsageError
from ...core.contracts import Form, Preparation
from ...core.contracts.specs import DatasetSpec, ImageSpec, Symmetry
from .table_tasks import label_task, task_names


class MixedColumns:
    """Which label columns several data sets have together; `taken` are names that none may have.

    `forms` and `symmetries` are those of the columns by their names in the mixture; `said` tells which are
    joined and which are renamed.
    """

    def __init__(self, specs: Mapping[str, DatasetSpec], taken: Sequence[str]) -> None:
        self._specs = specs
        owners: dict[str, list[str]] = {}
        for source, spec in specs.items():
            for column in spec.labels:
                owners.setdefault(column, []).append(source)
        self._renamed = {
            column for column, sources in owners.items() if column in taken or self._differ(column, sources)
        }
        self.forms: dict[str, Form] = {}
        self.symmetries: dict[str, Symmetry] = {}
        for source, spec in specs.items():
            for column, form in spec.labels.items():
                self.forms[self.name(source, column)] = form
                if column in spec.symmetries:
                    self.symmetries[self.name(source, column)] = spec.symmetries[column]
        self.said = [
            f"column {column!r} is one of {' and '.join(sources)}"
            for column, sources in owners.items()
            if len(sources) > 1 and column not in self._renamed
        ]
        self.said += [
            f"column {column!r} of {source} is {self.name(source, column)!r}"
            for column, sources in owners.items()
            if column in self._renamed
            for source in sources
        ]
        self.said += [
            f"column {column!r} of {source} has no task of its own: no usual one answers with {form.form}"
            for source, spec in specs.items()
            for column, form in spec.labels.items()
            if label_task(column, form) is None
        ]

    def name(self, source: str, column: str) -> str:
        """Return what a data set's column is called in the mixture."""
        return f"{source}.{column}" if column in self._renamed else column

    def tasks(self, own: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
        """Return the tasks of all columns: `own` are those that each data set calls for, if it does."""
        found: dict[str, dict[str, Any]] = {}
        for source, spec in self._specs.items():
            for name, task in (own[source] or self._usual(spec)).items():
                body = dict(task)
                if body.get("label") in spec.labels:
                    body["label"] = self.name(source, body["label"])
                if found.get(name, body) != body:
                    name = f"{source}-{name}"
                found[name] = body
        return found

    def _usual(self, spec: DatasetSpec) -> dict[str, dict[str, Any]]:
        found = {column: label_task(column, form) for column, form in spec.labels.items()}
        told = {column: task for column, task in found.items() if task is not None}
        return {name: told[column] for column, name in task_names(told).items()}

    def _differ(self, column: str, sources: Sequence[str]) -> bool:
        first, *others = (
            (self._specs[source].labels[column], self._specs[source].symmetries.get(column))
            for source in sources
        )
        return any(other != first for other in others)


def absent(form: Form, rows: int) -> NDArray[Any]:
    """Return a label column without labels, `[N, *target_shape]`.

    >>> from mtl.contracts import Categorical, Regression
    >>> absent(Categorical(("cat", "dog")), 2).tolist(), absent(Regression(("kg",)), 1).tolist()
    ([-1, -1], [[nan]])
    """
    # In bytes, which have no -1, it is 255: what is absent there.
    value = np.array(form.absent, dtype=form.dtype).astype(form.column_dtype)
    return np.full((rows, *form.target_shape), value)


def common_form(
    images: Mapping[str, ImageSpec], size: tuple[int, int] | None, channels: int | None
) -> ImageSpec:
    """Return the form that pictures of these forms are brought to; raise `UsageError` where there is none.

    >>> str(common_form({"a": ImageSpec(1, 28, 28), "b": ImageSpec(3, 32, 24)}, None, None))
    'image [3, 32, 28]'
    """
    forms = list(images.values())
    height, width = size or (max(form.height for form in forms), max(form.width for form in forms))
    found = ImageSpec(channels or max(form.channels for form in forms), height, width)
    for source, form in images.items():
        if form != found and {form.channels, found.channels} - {1, 3}:
            raise UsageError(
                f"{source}: pictures of {form.channels} channels cannot be brought to {found}",
                hint="pictures of 1 and 3 channels can be mixed",
            )
    return found


def fitted(images: NDArray[np.uint8], preparation: ImageSpec | Preparation) -> NDArray[np.uint8]:
    """Return pictures uint8 `[N, C, H, W]` in another form, converted as a file's would be."""
    form = preparation.image if isinstance(preparation, Preparation) else preparation
    if images.shape[1:] == form.shape:
        return images
    from PIL import Image

    from ...core.data.pictures import MODES, to_pixels

    found = np.empty((len(images), *form.shape), dtype=np.uint8)
    for index, pixels in enumerate(images):
        picture = Image.fromarray(
            pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
        )
        mode = MODES[form.channels]
        found[index] = to_pixels(picture if picture.mode == mode else picture.convert(mode), preparation)
    return found
