"""Writes a complete small plugin package: project file, hooks, components, a test, a README, workflows."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from string import Template

from ..base.errors import UsageError, suggest
from ..base.files import writing_to
from ..contracts.hookspecs import API
from ..contracts.records import KINDS
from ..discovery.plugin_loading import HOME

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SUMMARIES = {
    "dataset": "Small pictures, dark or bright",
    "form": "Shares of a whole, by name",
    "augmentation": "Makes images brighter or darker",
    "encoder": "Two layers on the flattened image",
    "head": "A hidden layer, then a linear one",
    "loss": "A power of the error of values",
    "metric": "Share of values that are near enough",
    "task": "How bright the image is",
    "sharing": "One encoder, its answer scaled for each task",
    "balancer": "Large losses weigh more",
    "optimizer": "Steps of one size, along the sign of a running mean",
    "schedule": "A high learning rate, then a low one",
    "exporter": "The weights alone, compared with the model",
    "tracker": "A line of text per epoch",
    "executor": "One job after the other, in this process",
    "recipe": "A short training of the task",
}
_SECTIONS = ("dataset", "encoder", "sharing", "balancer")
"""The kinds that `mtl compose` has a flag for."""
_WORKFLOWS = ("test.yml", "publish.yml")
"""What GitHub runs: tests with each change, and a release to the index."""


def write_package(name: str, kinds: Sequence[str], parent: Path) -> list[Path]:
    """Write the package `name` with a component of each kind to `parent/name`; return its files.

    A recipe needs a task, so that kind brings one along. The folder appears complete or not at all.
    Raises `UsageError` for a bad name, an unknown kind, and a folder that exists.
    """
    _refuse_bad_name(name)
    chosen = _known_kinds(kinds)
    folder = parent / name
    if folder.exists() or folder.is_symlink():
        raise UsageError(
            f"{folder} exists already", hint="choose another name, or another folder with --into"
        )
    if not parent.is_dir():
        raise UsageError(f"there is no folder {parent}", hint="name an existing folder with --into")
    contents = package_files(name, chosen)
    with writing_to(folder), tempfile.TemporaryDirectory(prefix=f".{name}.", dir=parent) as temporary:
        draft = Path(temporary) / name
        for file, text in contents.items():
            path = draft / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        draft.rename(folder)
    return [folder / file for file in contents]


def package_files(name: str, kinds: Sequence[str]) -> dict[str, str]:
    """Return the content of each file of a package, by its path in the package's folder."""
    words = {
        "name": name,
        "package": name.replace("-", "_"),
        "camel": "".join(word.capitalize() for word in name.split("-")),
        "home": HOME,
        "kinds": ", ".join(f"{kind} `{name}-{kind}`" for kind in kinds),
        "use": _use(name, kinds),
        "data": '\n[tool.setuptools.package-data]\n"*" = ["*.yaml"]\n' if "recipe" in kinds else "",
    }
    package = words["package"]
    files = {
        "pyproject.toml": _filled("pyproject.toml", words),
        "README.md": _filled("README.md", words),
        f"{package}/__init__.py": _hooks(name, kinds, words),
    }
    for kind in kinds:
        file = "recipe.yaml" if kind == "recipe" else f"{kind}.py"
        files[f"{package}/{file}"] = _filled(file, words)
    files["tests/test_conformance.py"] = _filled("test_conformance.py", words)
    for workflow in _WORKFLOWS:
        files[f".github/workflows/{workflow}"] = _filled(workflow, words)
    return files


def _refuse_bad_name(name: str) -> None:
    package = name.replace("-", "_")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be a plugin's name",
            hint="write lower-case words joined by hyphens: my-plugin",
        )
    taken = package in sys.stdlib_module_names or importlib.util.find_spec(package) is not None
    if keyword.iskeyword(package) or taken:
        what = "the name of a module that is installed" if taken else "a word of the language"
        raise UsageError(f"{package!r} is {what}", hint=f"choose another name, such as my-{name}")


def _known_kinds(kinds: Sequence[str]) -> list[str]:
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"unknown kind {kind!r}", hint=suggest(kind, KINDS, "kinds"))
    if not kinds:
        raise UsageError("no kind is given", hint=f"kinds: {', '.join(KINDS)}")
    chosen = {*kinds, "task"} if "recipe" in kinds else set(kinds)
    return [kind for kind in KINDS if kind in chosen]


def _use(name: str, kinds: Sequence[str]) -> str:
    """Return the command that uses the components."""
    if "task" not in kinds:
        return f"mtl show {kinds[0]} {name}-{kinds[0]}"
    flags = [f"--{kind} {name}-{kind}" for kind in _SECTIONS if kind in kinds]
    return " ".join(["mtl compose", f"--tasks {name}-task", *flags, "--epochs 3"])


def _hooks(name: str, kinds: Sequence[str], words: dict[str, str]) -> str:
    records = []
    for kind in kinds:
        target = "recipe.yaml" if kind == "recipe" else f"{words['camel']}{kind.capitalize()}"
        module = words["package"] if kind == "recipe" else f"{words['package']}.{kind}"
        record = [kind, f"{name}-{kind}", _SUMMARIES[kind], f"{module}:{target}"]
        lines = "".join(f'        "{value}",\n' for value in record)
        records.append(f"    yield Component(\n{lines}    )\n")
    return _filled("hooks.py", {**words, "api": str(API), "records": "".join(records)})


def _filled(file: str, words: dict[str, str]) -> str:
    text = resources.files(__package__).joinpath(f"{file}.tmpl").read_text(encoding="utf-8")
    return Template(text).substitute(words)
