"""Where the weights of a training come from, other than from its seed: a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from ..base.places import from_root


@dataclass(frozen=True)
class InitFrom:
    """A run whose weights a training starts from, taken by name; `weights` is the SHA-256 of their file.

    A sum that is not stated is found out, and stands in the recipe of the training. `prune` is the share of
    the channels of each layer of the encoders that is taken away first, the least by magnitude.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    run: Annotated[Path, AfterValidator(from_root)]
    weights: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$")] = None
    prune: Annotated[float | None, Field(gt=0, lt=1)] = None

    def to_plain(self) -> dict[str, Any]:
        """Return the section as a recipe writes it."""
        # A portable recipe has no path; the sum says which weights they were.
        found = {"run": None if self.run is None else str(self.run), "weights": self.weights}
        return found if self.prune is None else {**found, "prune": self.prune}


def _from_text(value: Any) -> Any:
    return {"run": value} if isinstance(value, str) else value


StartOption = Annotated[
    Annotated[InitFrom, BeforeValidator(_from_text)] | None,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "null"},
                {"type": "string"},
                {
                    "type": "object",
                    "required": ["run"],
                    "additionalProperties": False,
                    "properties": {
                        "run": {"type": "string"},
                        "weights": {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"},
                        "prune": {
                            "type": ["number", "null"],
                            "exclusiveMinimum": 0,
                            "exclusiveMaximum": 1,
                        },
                    },
                },
            ]
        }
    ),
]
"""What the section holds: nothing, or a run as its folder or as `{run: ..., weights: ..., prune: ...}`."""
