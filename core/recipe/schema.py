"""The JSON Schema of recipes, built from the options of every installed component."""

from __future__ import annotations

from typing import Any

from ..base.errors import ComponentError
from ..discovery.options import options_definitions, options_of, options_schema
from ..discovery.registry import Registry
from .recipe import FORMAT, Recipe, TaskChoice, Training
from .section import Section, sections_of
from .training_section import KINDS


def recipe_schema(registry: Registry) -> dict[str, Any]:
    """Return a JSON Schema (draft 2020-12) that accepts a recipe as an editor would check it."""
    sections = sections_of(Recipe)
    kinds = [
        section.kind for section in (*sections.values(), *sections_of(TaskChoice).values()) if section.kind
    ]
    definitions: dict[str, Any] = {}
    for kind in (*kinds, *KINDS):
        if kind != "task":
            definitions[kind] = _component(registry, kind, definitions)
    training = Training.model_json_schema()
    definitions |= training.pop("$defs", {})
    for kind in KINDS:
        training["properties"][kind] |= {"anyOf": [_reference(kind), {"type": "null"}]}
    definitions["task"] = _task(registry, definitions)
    tasks = {
        "anyOf": [
            {"type": "object", "additionalProperties": _reference("task"), "minProperties": 1},
            {"type": "array", "minItems": 1, "items": {"type": ["string", "object"]}},
        ]
    }
    special = {"tasks": tasks, "train": training}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mtl recipe",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "mtl": {"const": FORMAT},
            **{name: special.get(name) or _section(section) for name, section in sections.items()},
        },
        "$defs": definitions,
    }


def _reference(kind: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{kind}"}


def _section(section: Section) -> dict[str, Any]:
    if section.kind is None:
        return section.schema()
    one = _reference(section.kind)
    return {"type": "array", "items": one} if section.many else dict(one)


def _component(registry: Registry, kind: str, definitions: dict[str, Any]) -> dict[str, Any]:
    names = registry.names(kind)
    choices: list[dict[str, Any]] = [{"enum": names}] if names else []
    for name in names:
        schema = _options(registry, kind, name, definitions)
        schema["properties"] = {"name": {"const": name}, **schema["properties"]}
        if name not in registry.defaults(kind, "recipe"):
            schema["required"] = ["name"]
        choices.append(schema)
    return {"anyOf": choices} if choices else {"type": "string"}


def _task(registry: Registry, definitions: dict[str, Any]) -> dict[str, Any]:
    common = {}
    for name, section in sections_of(TaskChoice).items():
        if name in ("name", "task"):
            continue
        common[name] = _section(section)
        if section.many:
            common[name] = {"anyOf": [{"type": "string"}, common[name]]}
        elif section.kind is not None:
            # Options alone are those of the component that the task would get anyway.
            common[name] = {"anyOf": [{"type": "null"}, common[name], {"type": "object"}]}
    choices: list[dict[str, Any]] = [{"type": "null"}, {"enum": registry.names("task")}]
    for name in registry.names("task"):
        schema = _options(registry, "task", name, definitions)
        schema["properties"] = {"task": {"const": name}, **common, **schema["properties"]}
        choices.append(schema)
    return {"anyOf": choices}


def _options(registry: Registry, kind: str, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a component's options; what it refers to is added to `definitions`."""
    entry = registry.find(kind, name)
    prefix = f"{kind}-{name}-"
    try:
        model = options_of(entry)
        properties = options_schema(model, prefix)
        definitions |= {prefix + key: value for key, value in options_definitions(model, prefix).items()}
    except ComponentError as error:
        # One broken component must not take the schema of all others with it.
        return {"type": "object", "title": f"{kind} {name}", "description": str(error), "properties": {}}
    return {
        "type": "object",
        "title": f"{kind} {name}",
        "description": entry.component.summary,
        "additionalProperties": False,
        "properties": properties,
    }
