"""What the conformance kit says of a plugin, component by component, in a process of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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

    Raises `ComponentError` where the check itself was ended, by the plugin say.
    """
    words = ["plugin", "check", target, "--json", *(["--quick"] if quick else [])]
    rows: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in asked(*words, seconds=seconds):
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
