"""What the weights of an encoder were trained on, put where a recipe leaves it open; its own words win."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..base.errors import Problem, RecipeError
from ..contracts import Encoder, WantedPreparation
from ..contracts.specs import ImageSpec
from ..discovery.options import options_of, validate_options
from ..discovery.registry import Registry, component_class
from ..recipe.building import Builder
from ..recipe.recipe import Choice, Recipe

PREPARATION = "preparation"
"""The option of a data set that reads picture files which says how they become images."""


def wanted_preparation(builder: Builder, choice: Choice) -> WantedPreparation | None:
    """Return what pictures the weights of an encoder were trained on; None where it does not say."""
    entry = builder.registry.find("encoder", choice.name)
    component: type[Encoder] = component_class(entry)
    builder.owners.add(component, entry.label)

    def ask(named: str | Mapping[str, Any]) -> WantedPreparation | None:
        choice = _choice(builder, named)
        return None if choice is None else wanted_preparation(builder, choice)

    with builder.owners.at_work("when it was asked what pictures it wants"):
        return component.preparation(choice.options, ask)


def with_pictures(registry: Registry, recipe: Recipe, wanted: WantedPreparation) -> tuple[Recipe, list[str]]:
    """Return the recipe with the pictures of its data set as they are wanted, and what was done, in words."""
    options = dict(recipe.dataset.options)
    known = options_of(registry.find("dataset", recipe.dataset.name)).model_fields
    if PREPARATION not in known:
        return recipe, []
    own = dict(options.get(PREPARATION) or {})
    stated: dict[str, Any] = {**wanted.options(), **own}
    if stated.get("resize") != "crop" and "share" not in own:
        stated.pop("share", None)
    said = [f"{name} {value}" for name, value in stated.items() if name not in own]
    if said:
        options[PREPARATION] = stated
    for name, value in (("size", wanted.size), ("channels", wanted.channels)):
        if name in known and options.get(name) is None and value is not None:
            options[name] = value
            said.append(f"{name} {' x '.join(map(str, value)) if isinstance(value, tuple) else value}")
    return replace(recipe, dataset=Choice(recipe.dataset.name, options)), said


def with_normalization(
    recipe: Recipe, wanted: WantedPreparation | None, image: ImageSpec
) -> tuple[Recipe, list[str]]:
    """Return the recipe with its normalisation said, and what was done, in words."""
    if recipe.normalization is not None:
        return recipe, []
    if wanted is None or wanted.mean is None or wanted.std is None or not image:
        return replace(recipe, normalization="train"), []
    if not len(wanted.mean) == len(wanted.std) == image.channels:
        return replace(recipe, normalization="train"), []
    stated: Mapping[str, tuple[float, ...]] = {"mean": tuple(wanted.mean), "std": tuple(wanted.std)}
    return replace(recipe, normalization=stated), ["mean and deviation"]


def told(wanted: WantedPreparation | None, said: list[str], image: ImageSpec) -> tuple[str, ...]:
    """Return the lines that tell what was put where the recipe was silent, and what could not be."""
    lines = []
    if wanted is not None and said:
        lines.append(f"as {wanted.source} was trained, pictures have {', '.join(said)}")
    if (
        wanted is not None
        and wanted.size is not None
        and image
        and wanted.size != (image.height, image.width)
    ):
        height, width = wanted.size
        lines.append(
            f"{wanted.source} was trained on pictures of {height} x {width} pixels; "
            f"these have {image.height} x {image.width}"
        )
    return tuple(lines)


def _choice(builder: Builder, named: str | Mapping[str, Any]) -> Choice | None:
    """Return the encoder that an option of another one names, with complete options; None: it names none.

    What is wrong with that is said when the encoder is built.
    """
    given = {"name": named} if isinstance(named, str) else dict(named)
    name = given.pop("name", None)
    if not isinstance(name, str):
        return None
    options, problems = validate_options(options_of(builder.registry.find("encoder", name)), given)
    if problems:
        where = builder.source.where(("encoder",))
        raise RecipeError(
            [Problem(f"encoder {name!r}: {found.message}", where, found.hint) for found in problems]
        )
    return Choice(name, options)
