"""What encoders see, and which of them can: by the forms of input that they say they read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..base.errors import Incompatible, Problem, RecipeError
from ..contracts import Encoder, Task
from ..contracts.inputs import IMAGE, InputSpec, ModelInput, Vectors
from ..contracts.specs import DatasetSpec, ImageSpec
from ..discovery.declared import ask
from ..discovery.options import options_of, validate_options
from ..recipe.building import Builder
from ..recipe.recipe import Choice
from ..recipe.recipe_text import PathOfKeys

Entry = ImageSpec | Vectors
"""What the first stage of an encoder sees."""

EncoderMaker = Callable[[str | Mapping[str, Any], Entry, Sequence[ModelInput]], Encoder]
"""Makes the encoder that an option of another one names."""


def model_inputs(builder: Builder, spec: DatasetSpec, tasks: Mapping[str, Task]) -> tuple[ModelInput, ...]:
    """Return what a model reads beside the image: the data set's vectors, then what its tasks bring.

    Raises `RecipeError` when two inputs, or an input and a task, have one name.
    """
    found = {IMAGE: "the image"} | {item.name: "the data set" for item in spec.inputs}
    for name, task in tasks.items():
        for item in task.inputs:
            if item.name in found:
                reason = f"needs an input {item.name!r}, which is already that of {found[item.name]}"
                hint = "one task with this input is possible in a model"
                raise builder.refused("task", name, reason, ("tasks", name), hint)
            found[item.name] = name
    for name in tasks:
        if name in found:
            reason = "has the name of an input of the model, and outputs are named after tasks"
            raise builder.refused("task", name, reason, ("tasks", name), "name the task differently")
    return (*spec.inputs, *(item for task in tasks.values() for item in task.inputs))


def encoder_entry(spec: DatasetSpec) -> Entry:
    """Return what encoders see of a data set: its images, or its vectors where there are none."""
    return spec.image or Vectors(spec.inputs)


def refusal_of(component: type[Encoder], entry: Entry, inputs: Sequence[ModelInput]) -> str | None:
    """Return why an encoder cannot serve these inputs (with default options), or None."""
    if isinstance(entry, Vectors) and "vector" not in component.reads:
        return "reads images, and the data set has none: only vectors"
    if not isinstance(entry, Vectors) and "image" not in component.reads:
        return "reads vectors in the place of an image, and the data set has images"
    return component.accepts(entry, readable(component, inputs))  # type: ignore[arg-type]


def readable(component: type[Encoder], inputs: Sequence[ModelInput]) -> tuple[Any, ...]:
    """Return the inputs of the forms that an encoder says it reads."""
    return tuple(
        item for item in inputs if ("number" if isinstance(item, InputSpec) else "vector") in component.reads
    )


def build_encoder(
    builder: Builder,
    choice: Choice,
    path: PathOfKeys,
    entry: Entry,
    inputs: Sequence[ModelInput],
    *,
    starts: bool,
) -> Encoder:
    """Return a new encoder; raise `RecipeError`, naming those that would fit, when it cannot serve.

    It gets the weights that training starts from where it `starts`.
    """

    def arguments(component: type[Encoder]) -> Sequence[Any]:
        makers = (encoder_maker(builder, path, starts=starts),) if component.joins else ()
        return entry, readable(component, inputs), *makers

    encoder: Encoder = builder.agreed(
        "encoder", choice, path, "", lambda other: refusal_of(other, entry, inputs), arguments
    )
    if starts:
        ask(builder.label(encoder), encoder, "start")
    return encoder


def encoder_maker(builder: Builder, path: PathOfKeys, *, starts: bool) -> EncoderMaker:
    """Return what makes the encoders that an encoder at `path` of a recipe joins."""

    def make(named: str | Mapping[str, Any], entry: Entry, inputs: Sequence[ModelInput]) -> Encoder:
        given = {"name": named} if isinstance(named, str) else dict(named)
        name = given.pop("name", None)
        if not isinstance(name, str):
            raise Incompatible("needs the name of each encoder that it joins: NAME, or {name: NAME, ...}")
        options, problems = validate_options(options_of(builder.registry.find("encoder", name)), given)
        if problems:
            where = builder.source.where(path)
            raise RecipeError(
                [Problem(f"encoder {name!r}: {found.message}", where, found.hint) for found in problems]
            )
        return build_encoder(builder, Choice(name, options), path, entry, inputs, starts=starts)

    return make
