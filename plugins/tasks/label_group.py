"""The task of telling groups of classes apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field
from torch import Tensor

from ...core.base.errors import Incompatible, suggest
from ...core.contracts import Task
from ...core.contracts.batch import MISSING, Batch
from ...core.contracts.specs import DatasetSpec
from ..forms import Binary, Categorical
from .columns import class_column
from .lookup import Lookup

_OTHER = "other"


class LabelGroup(Task):
    """Predicts which named group of classes an image belongs to.

    One group is a yes-or-no question (`animal` against `not animal`). With several groups, an image of a
    class in no group has no label, or belongs to the further class `other`.

    Raises `Incompatible` when the data set has no column of classes (or several and `label` does not say
    which), and when the groups are missing, empty, overlapping, unknown or leave nothing to tell.
    """

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        groups: Annotated[
            dict[str, tuple[str, ...]],
            Field(description="Classes of each group, by its name: {animal: [bird, cat]}."),
        ] = {},  # noqa: B006 - never changed
        other: Annotated[
            bool, Field(description="With several groups: put classes in no group into the class `other`.")
        ] = False,
        label: Annotated[
            str | None, Field(description="Label column of the classes; none: the only one.")
        ] = None,
    ) -> None:
        super().__init__(dataset)
        self.column, spec = class_column(dataset, label)
        self.needs = (self.column,)
        _check(groups, spec.classes)
        group_of = {name: index for index, members in enumerate(groups.values()) for name in members}
        if len(groups) == 1:
            (name,) = groups
            if len(group_of) == len(spec.classes):
                raise Incompatible(f"group {name!r} holds every class, which leaves nothing to tell")
            self.target_spec = Binary(name, f"not {name}")
            self._answers = Lookup([int(label in group_of) for label in spec.classes])
            return
        if other and _OTHER in groups:
            raise Incompatible("a group named 'other' and `other: true` exclude each other")
        self.target_spec = Categorical((*groups, _OTHER) if other else tuple(groups))
        rest = len(groups) if other else MISSING
        self._answers = Lookup([group_of.get(label, rest) for label in spec.classes])

    def target(self, batch: Batch) -> Tensor:
        """Return the group's index (one group: 1 inside, 0 outside), int64 `[B]`, -1 where absent."""
        return self._answers(batch.labels[self.column])


def _check(groups: Mapping[str, Sequence[str]], classes: Sequence[str]) -> None:
    if not groups:
        raise Incompatible(f"needs option `groups`: named lists of the classes {', '.join(classes)}")
    owner: dict[str, str] = {}
    for group, members in groups.items():
        if not members:
            raise Incompatible(f"group {group!r} is empty")
        for name in members:
            if name not in classes:
                raise Incompatible(f"group {group!r}: no class {name!r}; {suggest(name, classes, 'classes')}")
            if name in owner:
                raise Incompatible(f"class {name!r} is listed twice: in {owner[name]!r} and {group!r}")
            owner[name] = group
