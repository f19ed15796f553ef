"""What is installed and works before a change and after it: what the change broke, and what takes it back."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from ..base.errors import ComponentError
from ..discovery.home import normalized
from .another_process import asked
from .pip import conflicts

Row = Mapping[str, Any]
"""A plugin, as `mtl plugins --json` tells of it."""


@dataclass(frozen=True)
class Condition:
    """Versions of all packages by name, the rows of plugins, and what `pip check` says.

    `failure` says why mtl cannot tell of plugins; empty where it can.
    """

    versions: Mapping[str, str]
    plugins: tuple[Row, ...] = ()
    conflicts: frozenset[str] = frozenset()
    failure: str = ""

    def of(self, distribution: str) -> tuple[Row, ...]:
        """Return the plugins of a distribution."""
        name = normalized(distribution)
        return tuple(row for row in self.plugins if normalized(row["distribution"]) == name)

    @property
    def claims(self) -> dict[str, list[str]]:
        """Which distributions claim each component, for those that more than one does."""
        found: dict[str, list[str]] = defaultdict(list)
        for row in self.plugins:
            for component in row["components"]:
                found[component].append(row["distribution"])
        return {component: names for component, names in found.items() if len(set(names)) > 1}


def condition() -> Condition:
    """Return the present condition of this environment."""
    importlib.invalidate_caches()
    versions: dict[str, str] = {}
    for distribution in metadata.distributions():
        try:
            versions.setdefault(normalized(distribution.name), distribution.version)
        except Exception:  # damaged: it has no version that could be gone back to
            continue
    try:
        rows, failure = tuple(asked("plugins", "--json")), ""
    except ComponentError as error:
        rows, failure = (), error.message
    return Condition(versions, rows, frozenset(conflicts()), failure)


def broken(before: Condition, after: Condition, changed: str | None) -> list[str]:
    """Return what worked before and does not after, line by line; `changed` is the distribution itself."""
    if after.failure and not before.failure:
        return [f"mtl does not work any more: {after.failure}"]
    now = {(row["distribution"], row["name"]): row for row in after.plugins}
    found = []
    for row in before.plugins:
        key = row["distribution"], row["name"]
        if row["status"] != "ok" or normalized(row["distribution"]) == changed:
            continue
        if key not in now:
            found.append(f"plugin {row['name']!r} of {row['distribution']} is gone")
        elif now[key]["status"] != "ok":
            found.append(f"plugin {row['name']!r} of {row['distribution']}: {now[key]['reason']}")
    for component, names in after.claims.items():
        if component not in before.claims:
            bare = component.partition(" ")[2]
            wanted = " or ".join(f"{name}/{bare}" for name in names)
            found.append(f"{component} is claimed by {' and '.join(names)}; recipes must write {wanted}")
    return found + sorted(after.conflicts - before.conflicts)


def new_plugins(before: Condition, after: Condition, named: str | None) -> list[str]:
    """Return the distributions of plugins that came or changed their version, and the one that was named."""
    known = {(row["distribution"], row["version"]) for row in before.plugins}
    found = [
        row["distribution"]
        for row in after.plugins
        if (row["distribution"], row["version"]) not in known or normalized(row["distribution"]) == named
    ]
    return list(dict.fromkeys(found))


def differences(before: Condition, after: Condition) -> list[str]:
    """Return which packages came, went or changed their version, line by line."""
    names = sorted(before.versions.keys() | after.versions.keys())
    pairs = [(name, before.versions.get(name), after.versions.get(name)) for name in names]
    return [f"{name} {old or 'not there'} -> {new or 'not there'}" for name, old, new in pairs if old != new]


def way_back(before: Condition, after: Condition) -> str:
    """Return the commands that make the versions what they were before."""
    came = [name for name in after.versions if name not in before.versions]
    others = [
        f"{name}=={version}"
        for name, version in before.versions.items()
        if after.versions.get(name) != version
    ]
    commands = [_command("uninstall", came), _command("install", others)]
    return " && ".join(filter(None, commands)) or "nothing was changed"


def _command(what: str, names: Sequence[str] | Iterable[str]) -> str:
    listed = " ".join(sorted(names))
    return f"pip {what} {listed}" if listed else ""
