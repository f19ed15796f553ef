"""What the conformance kit says of a plugin, component by component, in a process of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..base.errors import ComponentError
from .another_process import asked


@dataclass(frozen=True)
class Verdict:
    """How many checks of a component, or of a plugin as a whole, ended how; `failures` by check."""

    kind: str
    name: str
    counts: Mapping[str, int]
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def conforms(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": self.kind,
            "name": self.name,
            **{status: self.counts.get(status, 0) for status in ("ok", "failed", "skipped")},
            "failures": dict(self.failures),
        }


def verdicts(target: str, *, quick: bool, seconds: float | None = None) -> list[Verdict]:
    """Check an installed distribution, a plugin file or the folder of a package; `quick`: nothing is trained.

    Where the check itself was ended, by the plugin say, that is the one verdict.
    """
    words = ["plugin", "check", target, "--json", *(["--quick"] if quick else [])]
    try:
        results = asked(*words, seconds=seconds)
    except ComponentError as error:
        name = Path(target).name
        return [Verdict("plugin", name, {"failed": 1}, {"the-kit-comes-to-an-end": error.message})]
    rows: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in results:
        rows.setdefault((row["kind"], row["name"]), []).append(row)
    return [
        Verdict(
            kind,
            name,
            Counter(row["status"] for row in found),
            {row["check"]: row["reason"] for row in found if row["status"] == "failed"},
        )
        for (kind, name), found in rows.items()
    ]
