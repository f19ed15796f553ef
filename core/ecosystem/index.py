"""The index of plugins: each with its components, and with what the kit said of it under each version of mtl.

A file of JSON for programs and a page of Markdown for people, both made anew from the file that was there and
from what was checked now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from ..base.errors import UsageError
from ..base.files import make_folder, read_json, reading, write_json, write_text
from ..discovery.home import HOME
from ..discovery.plugin_discovery import version_of
from .conformance import verdicts
from .named_package import project_in

JSON, PAGE = "index.json", "index.md"
_FORMAT = 1
_SECONDS = 3600.0
"""Checks of a distribution that take longer hang."""
_STATES = ("ok", "failed", "skipped")


def read_index(folder: Path) -> dict[str, Any]:
    """Return the plugins of an index by name; none where there is no index yet.

    Raises `UsageError` for a file that is damaged, or of a newer mtl.
    """
    file = folder / JSON
    what, hint = "the index of plugins", f"remove {file} and check all plugins again"
    if not file.exists():
        return {}
    content = read_json(file, what, hint=hint)
    with reading(file, what, hint=hint):
        if content["format"] != _FORMAT:
            raise ValueError(f"it has the format {content['format']!r}, read is {_FORMAT}")
        plugins: dict[str, Any] = content["plugins"]
        page(plugins)  # all that a page needs is there
    return plugins


def entry(target: str, *, quick: bool) -> tuple[str, dict[str, Any]]:
    """Check a distribution, or the folder of a package; return its name and what an index says of it."""
    name, version, summary = _described(target)
    found = verdicts(target, quick=quick, seconds=_SECONDS)
    said = {
        "version": version,
        "date": datetime.now(UTC).date().isoformat(),
        "quick": quick,
        "checked": [verdict.to_json() for verdict in found],
    }
    return name, {"version": version, "summary": summary, "conformance": {_mtl(): said}}


def merged(known: Mapping[str, Any], found: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """Return an index with what was found put over what is known; other versions of mtl stay."""
    plugins = dict(known)
    for name, row in found:
        before = plugins.get(name, {}).get("conformance", {})
        plugins[name] = {**row, "conformance": {**before, **row["conformance"]}}
    return dict(sorted(plugins.items()))


def write_index(folder: Path, plugins: Mapping[str, Any]) -> list[Path]:
    """Write both files; return their paths."""
    make_folder(folder)
    write_json(folder / JSON, {"format": _FORMAT, "plugins": plugins})
    write_text(folder / PAGE, page(plugins))
    return [folder / JSON, folder / PAGE]


def page(plugins: Mapping[str, Any]) -> str:
    """Return the page of an index as Markdown."""
    versions = sorted({version for row in plugins.values() for version in row["conformance"]})
    head = ["plugin", "version", "what it is", *(f"mtl {version}" for version in versions)]
    lines = [
        "# Plugins and what the conformance kit says of them",
        "",
        "Made by `mtl plugins index`; the same for programs: `index.json`.",
        "",
        _row(head),
        _row(["---"] * len(head)),
    ]
    for name, row in plugins.items():
        said = [_sum(row["conformance"].get(version)) for version in versions]
        lines.append(_row([f"[{name}](#{name})", row["version"], row["summary"], *said]))
    for name, row in plugins.items():
        lines += ["", f"## {name}", ""]
        lines += _details(*list(row["conformance"].items())[-1])
    return "\n".join(lines) + "\n"


def _details(version: str, said: Mapping[str, Any]) -> list[str]:
    kind = "quick checks" if said["quick"] else "all checks"
    lines = [
        f"Version {said['version']} with mtl {version}, {kind}, {said['date']}.",
        "",
        _row(["kind", "name", *_STATES]),
        _row(["---"] * 5),
    ]
    for row in said["checked"]:
        lines.append(_row([row["kind"], f"`{row['name']}`", *(str(row[state]) for state in _STATES)]))
    for row in said["checked"]:
        for check, reason in row["failures"].items():
            lines += ["", f"{row['kind']} `{row['name']}`, {check}: {' '.join(reason.split())}"]
    return lines


def _sum(said: Mapping[str, Any] | None) -> str:
    """Return what a cell says: how many checks passed, or how many failed."""
    if said is None:
        return ""
    failed, ok = (sum(row[state] for row in said["checked"]) for state in ("failed", "ok"))
    return f"{failed} of {failed + ok} failed" if failed else f"{ok} passed"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _described(target: str) -> tuple[str, str, str]:
    """Return name, version and summary of a package; raise `UsageError` for one that is not there."""
    if (folder := Path(target)).is_dir():
        project = project_in(folder)
        name, version, summary = (str(project.get(key, "")) for key in ("name", "version", "description"))
        return name or folder.resolve().name, version, summary
    try:
        told = metadata.metadata(target).json
    except (metadata.PackageNotFoundError, ValueError):
        hint = "mtl plugins lists them; or name the folder of a package"
        raise UsageError(f"no package {target!r} is installed", hint=hint) from None
    name, version, summary = (str(told.get(key, "")) for key in ("name", "version", "summary"))
    return name or target, version, summary


def _mtl() -> str:
    return version_of(HOME) or "?"
