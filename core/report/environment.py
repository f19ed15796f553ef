"""Where and with what the run was made."""

from __future__ import annotations

import shlex

from .markup import Html, join, pairs, table
from .numbers import ABSENT
from .subject import Subject


def environment(subject: Subject) -> Html:
    """Return the section about versions, plugins and machine."""
    known = dict(subject.environment)
    versions = known.pop("versions", {})
    plugins = known.pop("plugins", [])
    weights = known.pop("weights", [])
    if isinstance(known.get("command"), list):
        known["command"] = shlex.join(map(str, known["command"]))
    return join([
        pairs((key, ABSENT if value is None else str(value)) for key, value in known.items()),
        table(["Package", "Version"], [[str(key), str(value)] for key, value in versions.items()],
              caption="Versions"),
        _rows(plugins, "Plugins"),
        _rows(weights, "Weights that training began with"),
    ])  # fmt: skip


def _rows(found: list[dict[str, object]], caption: str) -> Html:
    if not found:
        return join([])
    columns = list(dict.fromkeys(key for item in found for key in item))
    rows = [[ABSENT if item.get(key) in (None, "") else str(item[key]) for key in columns] for item in found]
    return table([column.capitalize() for column in columns], rows, caption=caption)
