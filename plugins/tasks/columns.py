"""How a task finds the label column it reads, and says what is missing when there is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from ...core.base.errors import Incompatible, suggest
from ...core.contracts import Form
from ...core.contracts.specs import DatasetSpec
from ..forms import Binary, Categorical, Multilabel, Ordinal, PixelClasses, PixelValues, Points, Regression

NumbersOption = Annotated[str | None, Field(description="Label column of the numbers; none: the only one.")]
CountsOption = Annotated[str | None, Field(description="Label column of the six counts; none: the only one.")]

_WHOLE_NUMBER = re.compile(r"-?[0-9]+")


def class_column(dataset: DatasetSpec, label: str | None) -> tuple[str, Categorical]:
    """Return the named categorical column, or the only one; raise `Incompatible` otherwise.

    >>> from mtl.contracts import ImageSpec
    >>> class_column(DatasetSpec(ImageSpec(1, 8, 8), {"digit": Categorical(("0", "1"))}), None)[0]
    'digit'
    """
    name = _find(dataset, label, lambda spec: isinstance(spec, Categorical), "a column of classes")
    spec = dataset.labels[name]
    assert isinstance(spec, Categorical)
    return name, spec


def rank_column(dataset: DatasetSpec, label: str | None) -> tuple[str, Ordinal]:
    """Return the named column of classes in order, or the only one, and the classes.

    Where no column is said to have an order, one of classes that are rising whole numbers serves. Raises
    `Incompatible` when there is none.
    """
    ordered = any(isinstance(spec, Ordinal) for spec in dataset.labels.values())

    def fits(spec: Form) -> bool:
        numbers = whole_numbers(spec) if label is not None or not ordered else None
        return isinstance(spec, Ordinal) or (numbers is not None and list(numbers) == sorted(set(numbers)))

    name = _find(dataset, label, fits, "a column of classes in order")
    spec = dataset.labels[name]
    assert isinstance(spec, Categorical)
    return name, spec if isinstance(spec, Ordinal) else Ordinal(spec.classes)


def answer_column(dataset: DatasetSpec, label: str | None) -> tuple[str, Categorical | Binary]:
    """Return the named column of classes or of yes and no, or the only one.

    Raises `Incompatible` when there is none.
    """
    name = _find(dataset, label, _has_classes, "a column of classes")
    spec = dataset.labels[name]
    assert isinstance(spec, Categorical | Binary)
    return name, Categorical(spec.classes) if isinstance(spec, Ordinal) else spec


def attribute_column(dataset: DatasetSpec, label: str | None) -> tuple[str, Multilabel]:
    """Return the named column of attributes, or the only one; raise `Incompatible` when there is none."""
    name = _find(dataset, label, lambda spec: isinstance(spec, Multilabel), "a column of attributes")
    spec = dataset.labels[name]
    assert isinstance(spec, Multilabel)
    return name, spec


def number_column(dataset: DatasetSpec, label: str | None) -> tuple[str, tuple[int, ...]]:
    """Return the named column of classes named by whole numbers, or the only one, and the numbers.

    Raises `Incompatible` when there is none.
    """
    name = _find(
        dataset,
        label,
        lambda spec: whole_numbers(spec) is not None,
        "a column of classes named by whole numbers",
    )
    numbers = whole_numbers(dataset.labels[name])
    assert numbers is not None
    return name, numbers


def value_column(dataset: DatasetSpec, label: str | None) -> tuple[str, Regression]:
    """Return the named column of values, or the only one; raise `Incompatible` otherwise."""
    name = _find(dataset, label, lambda spec: isinstance(spec, Regression), "a column of numbers")
    spec = dataset.labels[name]
    assert isinstance(spec, Regression)
    return name, spec


def count_column(dataset: DatasetSpec, label: str | None, kinds: int) -> tuple[str, Regression]:
    """Return the named column of `kinds` values, or the only one; raise `Incompatible` otherwise."""
    name = _find(
        dataset,
        label,
        lambda spec: isinstance(spec, Regression) and len(spec.names) == kinds,
        f"a column of {kinds} counts",
    )
    spec = dataset.labels[name]
    assert isinstance(spec, Regression)
    return name, spec


def pixel_class_column(dataset: DatasetSpec, label: str | None) -> tuple[str, PixelClasses]:
    """Return the named column with a class per pixel, or the only one; raise `Incompatible` otherwise."""
    what = "a column with a class per pixel"
    name = _find(dataset, label, lambda spec: isinstance(spec, PixelClasses), what)
    spec = dataset.labels[name]
    assert isinstance(spec, PixelClasses)
    return name, spec


def pixel_value_column(dataset: DatasetSpec, label: str | None) -> tuple[str, PixelValues]:
    """Return the named column with values per pixel, or the only one, or the only one of distances.

    Raises `Incompatible` otherwise.
    """
    what = "a column with values per pixel"
    distances = [
        name for name, spec in dataset.labels.items() if isinstance(spec, PixelValues) and spec.positive
    ]
    if label is None and len(distances) == 1:
        label = distances[0]
    name = _find(dataset, label, lambda spec: isinstance(spec, PixelValues), what)
    spec = dataset.labels[name]
    assert isinstance(spec, PixelValues)
    return name, spec


def point_column(dataset: DatasetSpec, label: str | None) -> tuple[str, Points]:
    """Return the named column of points, or the only one; raise `Incompatible` otherwise."""
    name = _find(dataset, label, lambda spec: isinstance(spec, Points), "a column of points")
    spec = dataset.labels[name]
    assert isinstance(spec, Points)
    return name, spec


def whole_numbers(spec: Form) -> tuple[int, ...] | None:
    """Return the class names as numbers, or None when they are not all whole numbers.

    >>> whole_numbers(Categorical(("0", "10"))), whole_numbers(Categorical(("0", "cat")))
    ((0, 10), None)
    """
    if not isinstance(spec, Categorical) or not all(_WHOLE_NUMBER.fullmatch(name) for name in spec.classes):
        return None
    return tuple(int(name) for name in spec.classes)


def _find(dataset: DatasetSpec, label: str | None, fits: Callable[[Form], bool], what: str) -> str:
    if label is not None:
        if label not in dataset.labels:
            raise Incompatible(
                f"no label column {label!r}; {suggest(label, list(dataset.labels), 'columns')}"
            )
        if not fits(dataset.labels[label]):
            raise Incompatible(f"needs {what}; {label} is {_described(dataset.labels[label])}")
        return label
    fitting = [name for name, spec in dataset.labels.items() if fits(spec)]
    # Classes in order are classes, too, but seldom what is meant beside others.
    fitting = [name for name in fitting if not isinstance(dataset.labels[name], Ordinal)] or fitting
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise Incompatible(f"option `label` must say which column: {', '.join(fitting)}")
    offered = ", ".join(f"{name} ({_described(spec)})" for name, spec in dataset.labels.items())
    raise Incompatible(f"needs {what}; the data set has {offered or 'no labels'}")


def _has_classes(spec: Form) -> bool:
    return isinstance(spec, Categorical | Binary)


def _described(spec: Form) -> str:
    if isinstance(spec, Categorical):
        shown = ", ".join(spec.classes[:3]) + (", ..." if len(spec.classes) > 3 else "")
        return f"{spec.form}: {shown}"
    if isinstance(spec, Regression):
        return f"{spec.form} of {len(spec.names)}" if len(spec.names) > 1 else spec.form
    return spec.form
