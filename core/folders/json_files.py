"""JSON files that runs, several seeds and comparisons leave: each has a declared form, and is read by it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    model_validator,
)

from ..base.errors import UsageError
from ..base.files import read_json

Values = dict[str, dict[str, FiniteFloat | None]]
"""Metrics by task and name; null where a value is not finite."""


class Form(BaseModel):
    """What a file holds at least; types are strict, and what else is there is let be."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


class Environment(Form):
    """`environment.json` of a run."""

    device: str
    versions: dict[str, Any]
    plugins: list[dict[str, Any]]
    weights: list[dict[str, str]] = []


class Training(Form):
    """How a training went."""

    epochs: int
    chosen_epoch: int
    seconds: FiniteFloat


class OwnEpoch(Form):
    """What a task reaches at its own best epoch."""

    epoch: int
    test: dict[str, FiniteFloat | None]


class Metrics(Form):
    """`metrics.json` of a run."""

    test: Values
    validation: Values
    baseline: Values
    training: Training
    below_baseline: dict[str, dict[str, Any]] = {}
    own_epoch: dict[str, OwnEpoch] = {}

    @model_validator(mode="after")
    def _every_task_is_judged(self) -> Metrics:
        for task in self.test:
            if self.validation.get(task, {}).get("loss") is None:
                raise ValueError(f"task {task!r} has no validation loss")
        return self


class Extension(Form):
    """`extension.json` of a run that has more tasks than the one it was made from."""

    run: str
    finetune: bool = False


class Before(Form):
    """What a run reached before it was pruned."""

    validation: Values
    test: Values


class Pruning(Form):
    """`pruning.json` of a run that `mtl prune` made from another one."""

    run: str
    ratio: float
    max_drop: dict[str, FiniteFloat]
    parameters: Annotated[list[int], Field(min_length=1)]
    before: Before


def _distinct(seeds: list[int]) -> list[int]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("a seed is there twice")
    return seeds


class Seeds(Form):
    """`seeds.json`, which makes a folder one of several runs."""

    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1), AfterValidator(_distinct)]


class Mark(Form):
    """`cell.json`, which says that a cell of a comparison is finished, and what its files were then."""

    key: str
    origin: dict[str, str]
    sha256: dict[str, str]


def read_form(form: type[Form], path: Path, what: str, *, hint: str) -> dict[str, Any]:
    """Return the content of a JSON file, read as `what`; raise `UsageError`, naming the place, when it has
    another form.

    >>> read_form(Seeds, Path("seeds.json"), "seeds", hint="train again")
    Traceback (most recent call last):
    mtl.core.base.errors.UsageError: seeds.json: cannot be read as seeds: No such file or directory
      hint: train again
    """
    value = read_json(path, what, hint=hint)
    if not isinstance(value, dict):
        raise UsageError(f"{path} is damaged: it holds no table", hint=hint)
    try:
        form.model_validate(value)
    except ValidationError as error:
        raise UsageError(f"{path} is damaged: {_first(error)}", hint=hint) from None
    return value


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in detail["loc"])
    said = re.sub(r"a valid dictionary( or instance of \w+)?", "a table", detail["msg"])
    said = said.removeprefix("Value error, ")
    return f"{place}: {said}" if place else said
