"""Several data sets behind one encoder: the union of their rows, each with the labels it has."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ...core.base.errors import MtlError, UsageError
from ...core.contracts import Columns, Dataset, InMemory, Preparation, Storage
from ...core.contracts.specs import DatasetSpec, ImageSpec
from ..forms import Categorical
from .mix_columns import MixedColumns, common_form
from .mix_parts import Part, mixed_parts
from .picture_options import PreparationOption, preparation_of, stated_of
from .table_options import Side, SplitSeedOption
from .table_parts import PARTS
from .table_tasks import balancer_of

SOURCE = "source"
"""The label column that says which data set a row is from."""


class Mix(Dataset):
    """Several data sets as one: their training rows are trained on together, their test rows tested on.

    A label column is absent in the rows of those that have none of its name. Columns of one name and one form
    are one column; those of one name and different forms are called after their data sets (`photos.class`).
    Pictures are brought to one form. One that is in several data sets is in one part of the data: for testing
    before validation before training. The column `source` says where a row is from.
    """

    holds = "sources"

    def __init__(
        self,
        *,
        sources: Annotated[
            dict[str, dict[str, Any]],
            Field(description="The data sets by names of your own, each as a recipe writes a data set."),
        ] = {},  # noqa: B006 - never changed
        size: Annotated[
            Side | tuple[Side, Side] | None,
            Field(
                description="Pictures are scaled to this side, or (height, width), in pixels; none: the "
                "largest height and width among the data sets."
            ),
        ] = None,
        channels: Annotated[
            Literal[1, 3] | None,
            Field(description="1: grey; 3: red, green, blue; none: 3 where one of the data sets has them."),
        ] = None,
        preparation: PreparationOption = {},  # noqa: B006 - never changed
        validation: Annotated[
            float, Field(gt=0, lt=1, description="Share of a data set's training rows for validation.")
        ] = 0.1,
        split_seed: SplitSeedOption = 0,
    ) -> None:
        if not sources:
            hint = "name them in a recipe: dataset: {name: mix, sources: {a: {name: mnist}, b: {...}}}"
            raise UsageError("mix: no data sets are named", hint=hint)
        wrong = next((name for name in sources if not name.isidentifier() or not name.isascii()), None)
        if wrong is not None:
            raise UsageError(f"mix: a data set's name is of letters, digits and '_', got {wrong!r:.60}")
        self.datasets: Mapping[str, Any] = sources
        self.unsifted = any(getattr(dataset, "unsifted", False) for dataset in sources.values())
        self.size = (size, size) if isinstance(size, int) else size
        self.channels = channels
        self.stated = preparation
        self.validation = validation
        self.split_seed = split_seed
        self._moved: tuple[str, ...] = ()

    def spec(self) -> DatasetSpec:
        names = Categorical(tuple(self.datasets))
        return DatasetSpec(self._image, {**self._mixed.forms, SOURCE: names}, self._mixed.symmetries)

    def preparation(self) -> Preparation | None:
        return self._preparation if self._reading else None

    def prepared_as(self, preparation: Preparation) -> Mix:
        found = copy(self)
        for name in ("_specs", "_mixed", "_preparation", "_prepared"):
            vars(found).pop(name, None)
        found.size = (preparation.image.height, preparation.image.width)
        found.channels = 1 if preparation.image.channels == 1 else 3
        found.stated = stated_of(preparation)
        return found

    def picture_sizes(self) -> Sequence[tuple[int, int]]:
        return [size for source in self._reading for size in self._ask(source, "picture_sizes")]

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        return self._mixed.tasks({source: self._ask(source, "tasks") for source in self.datasets})

    def balancer(self, tasks: Sequence[str]) -> Mapping[str, Any]:
        forms = self._mixed.forms
        named = {
            name: forms[body["label"]] for name, body in self.tasks().items() if body.get("label") in forms
        }
        return balancer_of(named, tasks)

    def understood(self) -> Sequence[str]:
        lines = []
        for source, spec in self._specs.items():
            lines.append(f"{source}: {', '.join(spec.labels) or 'no labels'}; {spec.image}")
            lines += [f"  {self._placed(source, line)}" for line in self._ask(source, "understood")]
        return [*lines, *self._mixed.said, f"pictures are brought to {self._image}"]

    def glance(self) -> Sequence[str]:
        return [
            f"{source}: {self._placed(source, line)}"
            for source in self.datasets
            for line in self._ask(source, "glance")
        ]

    def remarks(self) -> Sequence[str]:
        told = [
            f"{source}: {self._placed(source, line)}"
            for source in self.datasets
            for line in self._ask(source, "remarks")
        ]
        return [*told, *self._moved]

    def sources(self) -> Sequence[Path] | None:
        code = sorted(Path(__file__).parent.glob("mix_*.py"))
        for source, dataset in self.datasets.items():
            files = self._ask(source, "sources")
            if files is None:
                return None
            code += [Path(inspect.getfile(type(dataset))), *files]
        return list(dict.fromkeys(code))

    def load(self) -> Mapping[str, Columns]:
        return {part: columns.alone() for part, columns in self.load_into(InMemory()).items()}

    def load_into(self, storage: Storage) -> Mapping[str, Columns]:
        with storage.aside() as held:
            pieces = list(self._pieces(held))
            mixed, self._moved = mixed_parts(
                pieces, self._preparation, self._mixed.forms, storage, self.validation, self.split_seed
            )
        return mixed

    def _pieces(self, storage: Storage) -> Iterator[Part]:
        """Yield the parts of each data set, its columns called as in the mixture."""
        for index, source in enumerate(self.datasets):
            given = self._answer(source, partial(self._prepared[source].load_into, storage))
            for number, part in enumerate(PARTS):
                if part in given:
                    columns = given[part]
                    labels, maps = (
                        {self._mixed.name(source, column): values for column, values in held.items()}
                        for held in (columns.labels, columns.maps)
                    )
                    labels[SOURCE] = np.full(len(columns), index, dtype=np.int64)
                    yield Part(source, number, Columns(columns.image, labels, columns.rows, maps))

    @cached_property
    def _specs(self) -> Mapping[str, DatasetSpec]:
        return {source: self._ask(source, "spec") for source in self._prepared}

    @cached_property
    def _preparation(self) -> Preparation:
        """How all pictures are brought to the form that they have together."""
        images = {}
        for source, dataset in self.datasets.items():
            spec = self._answer(source, dataset.spec)
            if spec.inputs or not spec.image:
                hint = "pictures alone can be mixed; make columns of numbers tasks, or leave them out"
                raise UsageError(f"{source}: has inputs beside pictures", hint=hint)
            images[source] = spec.image
        return preparation_of(common_form(images, self.size, self.channels), self.stated)

    @cached_property
    def _reading(self) -> Sequence[str]:
        """The data sets whose pictures come from files."""
        return [
            source
            for source, dataset in self.datasets.items()
            if self._answer(source, dataset.preparation) is not None
        ]

    @cached_property
    def _prepared(self) -> Mapping[str, Any]:
        """The data sets, those that read files with pictures in the form of all: none is scaled twice."""
        return {
            source: dataset.prepared_as(self._preparation) if source in self._reading else dataset
            for source, dataset in self.datasets.items()
        }

    @cached_property
    def _mixed(self) -> MixedColumns:
        return MixedColumns(self._specs, (SOURCE,))

    @property
    def _image(self) -> ImageSpec:
        return self._preparation.image

    def _ask(self, source: str, method: str) -> Any:
        """Return what a data set's method answers, its pictures being in the form of all."""
        return self._answer(source, getattr(self._prepared[source], method))

    def _answer(self, source: str, method: Callable[[], Any]) -> Any:
        """Return what a data set's method answers; what it refuses is told with its name."""
        try:
            return method()
        except MtlError as error:
            hint = None if error.hint is None else self._placed(source, error.hint)
            at = ("dataset", self.holds, source, *error.at[1:]) if error.at else ()
            raise type(error)(f"{source}: {self._placed(source, error.message)}", hint=hint, at=at) from error

    def _placed(self, source: str, text: str) -> str:
        """Return a data set's words with the options where they are in the recipe."""
        place = f"dataset.{self.holds}.{source}."
        text = text.replace("dataset.", place)
        return text.replace("--data-dir ", f"--set {place}data_dir=").replace(
            "--data ", f"--set {place}file="
        )
