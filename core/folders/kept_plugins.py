"""Plugin files that a run was made with: kept in its folder with their sums, run when a user says so only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ..base.errors import RecipeError, UsageError
from ..base.files import make_own_folder, read_bytes, read_json, sha256, write_bytes, write_json
from ..discovery.plugin_loading import Provider
from ..discovery.registry import Registry
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import read_recipe
from .absent_data import reading_data_of

FOLDER = "plugins"
LIST = "plugins.json"
"""In the folder: the sum of each file, by name."""

_LARGEST = 2**24
_HINT = "it is a plugin file of a run"

Warn = Callable[[str], None]


def keep_plugins(run: Path, providers: Iterable[Provider], warn: Warn) -> None:
    """Copy the plugin files in use into a run's folder, with a list of their sums; nothing where none is.

    One that cannot be read any more is told.
    """
    sums: dict[str, str] = {}
    for path in _files(providers):
        try:
            content = read_bytes(path, "a plugin file", hint=_HINT, most=_LARGEST)
        except UsageError as error:
            warn(f"{error.message}: it is not kept in the run")
            continue
        name, number = path.name, 2
        while name in sums:
            name, number = f"{path.stem}-{number}.py", number + 1
        make_own_folder(run / FOLDER)
        write_bytes(run / FOLDER / name, content)
        sums[name] = sha256(content)
    if sums:
        write_json(run / FOLDER / LIST, sums)


def read_recipe_of(run: Path, registry: Registry, warn: Warn) -> Recipe:
    """Return the recipe of a run's folder.

    Plugin files in use that are not those the run was made with are told. Where one is not in use and the
    recipe cannot be read without it, the refusal names the copy that is kept, which the user may run.
    """
    kept = _kept(run)
    in_use = {path.name: path for path in _files(registry.providers)}
    for name, known in kept.items():
        if name in in_use and _sum(in_use[name]) != known:
            own = run / FOLDER / name
            warn(f"{in_use[name]} is not the plugin file that {run} was made with; that is {own}")
    try:
        with reading_data_of(run):
            return read(read_recipe(run / "recipe.yaml"), registry)
    except RecipeError as error:
        missing = [name for name in kept if name not in in_use]
        if not missing:
            raise
        raise _missing(run, missing, kept, error) from error


def _missing(run: Path, names: list[str], kept: Mapping[str, str], error: RecipeError) -> UsageError:
    message = f"{error.message}\n{run} was made with plugin files that are not in use: {', '.join(names)}"
    changed = [name for name in names if _sum(run / FOLDER / name) != kept[name]]
    if changed:
        return UsageError(
            f"{message}; the copy {run / FOLDER / changed[0]} was changed since, or is gone",
            hint="pass the files that it was made with: mtl --plugin FILE ...",
        )
    flags = " ".join(f"--plugin {run / FOLDER / name}" for name in names)
    return UsageError(message, hint=f"copies are kept in the run; if you trust them: mtl {flags} ...")


def _files(providers: Iterable[Provider]) -> list[Path]:
    """Return the plugin files in use."""
    in_use = (provider for provider in providers if not provider.unavailable)
    return [Path(provider.distribution) for provider in in_use if provider.distribution.endswith(".py")]


def _kept(run: Path) -> Mapping[str, str]:
    """Return the sums of a run's plugin files by name; raise `UsageError` when their list is damaged."""
    path = run / FOLDER / LIST
    if not path.is_file():
        return {}
    found = read_json(path, "a list of plugin files", hint="remove it to go on without")
    sound = isinstance(found, dict) and all(
        isinstance(known, str) and Path(name).name == name and name.endswith(".py")
        for name, known in found.items()
    )
    if not sound:
        raise UsageError(f"{path}: is no list of plugin files", hint="remove it to go on without")
    return dict(found)


def _sum(path: Path) -> str | None:
    try:
        return sha256(read_bytes(path, "a plugin file", hint=_HINT, most=_LARGEST))
    except UsageError:
        return None
