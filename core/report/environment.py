"""Where and with what the run was made."""

from __future__ import annotations

import shlex

from .markup import Html, join, pairs, section, table
from .numbers import ABSENT
from .subject import Subject


def environment(subject: Subject) -> Html:
    """Return the section about versions, plugins and machine."""
    known = dict(subject.environment)
    versions = known.pop("versions", {})
    plugins = known.pop("plugins", [])
    if isinstance(known.get("command"), list):
        known["command"] = shlex.join(map(str, known["command"]))
    return section(
        "Environment",
        pairs((key, ABSENT if value is None else str(value)) for key, value in known.items()),
        table(["Package", "Version"], [[str(key), str(value)] for key, value in versions.items()],
              caption="Versions"),
        _plugins(plugins),
        id_="environment",
    )  # fmt: skip


def _plugins(plugins: list[dict[str, object]]) -> Html:
    if not plugins:
        return join([])
    columns = list(dict.fromkeys(key for plugin in plugins for key in plugin))
    rows = [
        [ABSENT if plugin.get(key) is None else str(plugin[key]) for key in columns] for plugin in plugins
    ]
    return table([column.capitalize() for column in columns], rows, caption="Plugins")
