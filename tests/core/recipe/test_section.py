"""A section of a recipe is declared once: checks, plain form, schema and flags follow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import click
import pytest
from pydantic import Field

from mtl.core.cli.compose import command
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe import Choice, Recipe, TaskChoice, Training
from mtl.core.recipe.schema import recipe_schema
from mtl.core.recipe.section import Chooses, Means, sections_of


@dataclass(frozen=True, kw_only=True)
class Declared:
    one: Annotated[Choice, Chooses("encoder")]
    some: Annotated[tuple[Choice, ...] | None, Chooses("metric")] = None
    how: Literal["slow", "fast"] = "slow"
    much: Annotated[float, Field(ge=0, lt=math.inf), Means("a number >= 0", "take 1")] = 1.0


def test_what_a_section_holds_is_read_off_its_annotation() -> None:
    sections = sections_of(Declared)
    assert {name: (section.kind, section.many) for name, section in sections.items()} == {
        "one": ("encoder", False),
        "some": ("metric", True),
        "how": (None, False),
        "much": (None, False),
    }


@pytest.mark.parametrize(("name", "value"), [("how", "fast"), ("much", 2), ("much", 0.5)])
def test_a_value_of_the_section_is_kept(name: str, value: Any) -> None:
    assert sections_of(Declared)[name].value_of(value) == value


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("how", "soon", "one of slow, fast"),
        ("how", None, "one of slow, fast"),
        ("much", -1, "a number >= 0"),
        ("much", "1", "a number >= 0"),
        ("much", True, "a number >= 0"),
    ],
)
def test_another_value_is_refused_in_the_declared_words(name: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        sections_of(Declared)[name].value_of(value)


def test_the_schema_has_the_sections_of_recipe_and_task(registry: Registry) -> None:
    schema = recipe_schema(registry)
    assert list(schema["properties"]) == ["mtl", *sections_of(Recipe)]
    tasks = [choice for choice in schema["$defs"]["task"]["anyOf"] if "properties" in choice]
    assert len(tasks) == len(registry.names("task"))
    for task in tasks:
        assert set(sections_of(TaskChoice)) - {"name"} <= set(task["properties"])


def test_every_reference_of_the_schema_leads_somewhere(registry: Registry) -> None:
    schema = recipe_schema(registry)

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return found.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    assert references(schema) <= {f"#/$defs/{name}" for name in schema["$defs"]}


def test_flags_allow_what_the_declaration_allows() -> None:
    flags = {parameter.name: parameter.type for parameter in command.params}
    epochs, precision = flags["epochs"], flags["precision"]
    assert isinstance(epochs, click.IntRange)
    assert isinstance(precision, click.Choice)
    assert [item.ge for item in Training.model_fields["epochs"].metadata] == [epochs.min]
    assert str(Training.model_fields["precision"].annotation) == str(Literal[*precision.choices])
    seed = flags["seed"]
    assert isinstance(seed, click.IntRange)
    assert seed.min == sections_of(Recipe)["seed"].schema()["minimum"]
