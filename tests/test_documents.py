"""README and docs say what the code says.

Tables between `<!-- generated: NAME -->` and `<!-- end -->` are made from the code; rewrite them with
`MTL_DOCUMENTS=write python -m pytest tests/test_documents.py`.
"""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from mtl.core.composition.composer import compose
from mtl.core.contracts.records import KINDS
from mtl.core.discovery.options import describe_options
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe import Training
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource, parse_recipe_text

ROOT = Path(__file__).parents[1]


def components(registry: Registry) -> str:
    """One row per kind with its built-in components."""
    rows = []
    for kind in KINDS[:-1]:  # recipes have a table of their own
        names = [
            entry.component.name
            for entry in registry.entries(kind)
            if entry.provider.distribution == "mtl-composer"
        ]
        if names:
            rows.append(f"| {kind} | {', '.join(f'`{name}`' for name in names)} |")
    return "\n".join(["| kind | names |", "|---|---|", *rows])


def recipes(registry: Registry) -> str:
    """One row per shipped recipe."""
    rows = []
    for entry in registry.entries("recipe"):
        if entry.provider.distribution == "mtl-composer":
            rows.append(f"| `{entry.component.name}` | {entry.component.summary} |")
    return "\n".join(["| recipe | what |", "|---|---|", *rows])


def training(_: Registry) -> str:
    """One row per training option."""
    rows = []
    for option in describe_options(Training):
        description = option.description + (f" ({option.range})" if option.range else "")
        rows.append(f"| `{option.name}` | `{json.dumps(option.default)}` | {description} |")
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows])


def sharing_parameters(registry: Registry) -> str:
    """One row per sharing scheme with the parameters of a whole model."""
    rows = []
    for entry in registry.entries("sharing"):
        if entry.provider.distribution == "mtl-composer":
            name = entry.component.name
            tree = {
                "dataset": "mnist",
                "encoder": "mlp",
                "sharing": name,
                "tasks": {"parity": {}, "multiple-of": {}},
            }
            count = compose(read(RecipeSource(tree), registry), registry).parameters()["total"]
            rows.append(f"| `{name}` | {entry.component.summary} | {count:,} |")
    return "\n".join(["| sharing | what it is | parameters |", "|---|---|---|", *rows])


def balancers(registry: Registry) -> str:
    """One row per built-in balancer: what its documentation says first, and its flags."""
    rows = []
    for entry in registry.entries("balancer"):
        if entry.provider.distribution != "mtl-composer":
            continue
        component = entry.load()
        first = " ".join((component.__doc__ or "").split("\n\n")[0].split())
        source = Path(inspect.getfile(component)).read_text()
        marks = [
            "gradients" if component.needs_gradients else "losses",
            "yes" if "torchjd." in source.split("class ")[-1] else "",
            "yes" if "on: On" in source else "",
            ("to 6 tasks" if "SolvingBalancer" in source else "yes") if component.capturable else "",
            "`balancers`, over 6 tasks" if "require(" in source else "",
        ]
        name, summary = entry.component.name, entry.component.summary
        rows.append(f"| `{name}` | {summary} | {first.replace('|', chr(92) + '|')} | {' | '.join(marks)} |")
    head = "| name | idea | method and paper | from | torchjd | `on: features` | capturable | extra |"
    return "\n".join([head, "|---|---|---|---|---|---|---|---|", *rows])


def public(_: Registry) -> str:
    """One row per module that plugins import."""
    rows = []
    for name in ("mtl", "mtl.contracts", "mtl.testing"):
        names = sorted(import_module(name).__all__, key=str.lower)
        rows.append(f"| `{name}` | {', '.join(f'`{found}`' for found in names)} |")
    return "\n".join(["| module | names |", "|---|---|", *rows])


GENERATED: dict[str, tuple[str, Callable[[Registry], str]]] = {
    "components": ("README.md", components),
    "public": ("docs/plugins.md", public),
    "balancers": ("docs/balancers.md", balancers),
    "training": ("docs/recipes.md", training),
    "recipes": ("docs/recipes.md", recipes),
    "sharing-parameters": ("docs/sharing.md", sharing_parameters),
}


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_table_is_what_the_code_says(name: str, registry: Registry) -> None:
    file, make = GENERATED[name]
    path = ROOT / file
    text = path.read_text()
    pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
    expected, count = pattern.subn(lambda match: match[1] + make(registry) + match[2], text)
    assert count == 1
    if os.environ.get("MTL_DOCUMENTS") == "write":
        path.write_text(expected)
    assert path.read_text() == expected


def blocks(file: str, language: str) -> list[str]:
    """Return the code blocks of a document in a language."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / file).read_text(), re.DOTALL)


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = "\n".join(blocks("README.md", "python"))
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "bytes.onnx").is_file()


def test_the_recipe_of_the_readme_is_valid(registry: Registry) -> None:
    (text,) = blocks("README.md", "yaml")
    recipe = read(parse_recipe_text(text, "README.md"), registry)
    assert [task.name for task in recipe.tasks] == ["even", "third"]


def test_every_file_the_architecture_names_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    for name in re.findall(r"`((?:core|plugins|exports|tests)/[\w/.]*)`", text):
        assert (ROOT / name).exists(), name
