"""Recipes and assignments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .target import Read, Target, written


def recipes() -> Iterator[Target]:
    """Yield the targets: a recipe file, read to the end; an assignment of `--set`."""
    from mtl.core.discovery.registry import discover
    from mtl.core.recipe.shipped_recipes import recipe_text

    registry = discover(())
    good = [recipe_text(registry, name).encode() for name in registry.names("recipe")]

    def read(path: Path) -> object:
        from mtl.core.recipe.recipe_reader import read as resolve
        from mtl.core.recipe.recipe_source import read_recipe

        return resolve(read_recipe(path), registry)

    yield Target("recipe", good, written("case.yaml", read), "case.yaml|--tasks", _documents(), together=200)
    assignments = ["train.epochs=5", "dataset={name: digits}", "tasks.a={task: classify, weight: 2}"]
    yield Target("set", [text.encode() for text in assignments], _assign, "--set", _assigned())


def _assign(work: Path) -> Read:
    def act(content: bytes) -> object:
        from mtl.core.recipe.recipe_source import RecipeSource

        source = RecipeSource()
        source.set(content.decode("utf-8", "surrogateescape"))
        return source

    return act


def _values() -> Any:
    from hypothesis import strategies as st

    words = ["classify", "denoise", "mlp", "lenet", "sum", "onnx", "train", "none", "name", "task", "hidden"]
    leaves = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(words)
    )
    keys = st.one_of(st.sampled_from(words), st.text(max_size=6))
    return st.recursive(
        leaves, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3))
    )


def _documents() -> Any:
    from hypothesis import strategies as st

    sections = [
        "tasks",
        "dataset",
        "encoder",
        "train",
        "sharing",
        "balancer",
        "export",
        "seed",
        "augmentations",
    ]
    documents = st.dictionaries(st.sampled_from([*sections, "normalization", "views"]), _values(), max_size=5)
    # JSON is YAML, but for halves of characters.
    return documents.map(lambda value: json.dumps(value).encode())


def _assigned() -> Any:
    from hypothesis import strategies as st

    keys = st.lists(st.text(max_size=5), max_size=4).map(".".join)
    parts = st.tuples(keys, st.one_of(_values().map(json.dumps), st.text(max_size=20)))
    return parts.map(lambda pair: "=".join(pair).encode("utf-8", "surrogatepass"))
