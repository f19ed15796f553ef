"""The JSON Schema of recipes, built from the options of every installed component."""

from __future__ import annotations

from typing import Any, get_args

from .errors import ComponentError
from .options import options_of, options_schema
from .recipe import FORMAT, Training
from .registry import Registry
from .specs import TestTimeAugmentation
from .training_section import KINDS


def recipe_schema(registry: Registry) -> dict[str, Any]:
    """Return a JSON Schema (draft 2020-12) that accepts a recipe as an editor would check it."""

    def reference(kind: str) -> dict[str, str]:
        return {"$ref": f"#/$defs/{kind}"}

    def many(kind: str) -> dict[str, Any]:
        return {"type": "array", "items": reference(kind)}

    singles = {kind: reference(kind) for kind in ("dataset", "encoder", "sharing", "balancer")}
    definitions = {
        kind: _component(registry, kind)
        for kind in (*singles, "augmentation", "head", "loss", "metric", "exporter", *KINDS)
    }
    training = Training.model_json_schema()
    definitions |= training.pop("$defs", {})
    for kind in KINDS:
        training["properties"][kind] |= {"anyOf": [reference(kind), {"type": "null"}]}
    numbers = {"type": "array", "items": {"type": "number"}}
    given = {"type": "object", "required": ["mean", "std"], "properties": {"mean": numbers, "std": numbers}}
    statistics = {"anyOf": [{"enum": ["train", "none"]}, given]}
    definitions["task"] = _task(registry, reference, many, statistics)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mtl recipe",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "mtl": {"const": FORMAT},
            "seed": {"type": "integer", "minimum": 0, "default": 0},
            **singles,
            "augmentations": many("augmentation"),
            "views": {"enum": ["shared", "per-task"], "default": "shared"},
            "normalization": statistics,
            "tasks": {
                "anyOf": [
                    {"type": "object", "additionalProperties": reference("task"), "minProperties": 1},
                    {"type": "array", "minItems": 1, "items": {"type": ["string", "object"]}},
                ]
            },
            "train": training,
            "test_time_augmentation": {"enum": list(get_args(TestTimeAugmentation)), "default": "none"},
            "export": reference("exporter"),
        },
        "$defs": definitions,
    }


def _component(registry: Registry, kind: str) -> dict[str, Any]:
    names = registry.names(kind)
    choices: list[dict[str, Any]] = [{"enum": names}] if names else []
    for name in names:
        schema = _options(registry, kind, name)
        schema["properties"] = {"name": {"const": name}, **schema["properties"]}
        if name not in registry.defaults(kind, "recipe"):
            schema["required"] = ["name"]
        choices.append(schema)
    return {"anyOf": choices} if choices else {"type": "string"}


def _task(registry: Registry, reference: Any, many: Any, statistics: dict[str, Any]) -> dict[str, Any]:
    common = {
        "weight": {"type": "number", "minimum": 0, "default": 1.0},
        "head": {"anyOf": [{"type": "null"}, reference("head"), {"type": "object"}]},
        "loss": {"anyOf": [{"type": "null"}, reference("loss"), {"type": "object"}]},
        "metrics": {"anyOf": [{"type": "string"}, many("metric")]},
        "standardize": statistics,
    }
    choices: list[dict[str, Any]] = [{"type": "null"}, {"enum": registry.names("task")}]
    for name in registry.names("task"):
        schema = _options(registry, "task", name)
        schema["properties"] = {"task": {"const": name}, **common, **schema["properties"]}
        choices.append(schema)
    return {"anyOf": choices}


def _options(registry: Registry, kind: str, name: str) -> dict[str, Any]:
    entry = registry.find(kind, name)
    try:
        properties = options_schema(options_of(entry))
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
