"""What a fuzz target is: a parser, good files for it, and what a refusal must name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

Value = TypeVar("Value")

Read = Callable[[bytes], object]


@dataclass(frozen=True)
class Target:
    """A parser to fuzz.

    `good` files, or their contents, are damaged at random; `drawn`, a hypothesis strategy of bytes, makes
    others. `open` is called in the process that reads them, with an empty folder, and returns what reads an
    input. A refusal's words hold `named`, or one of several parted by `|` (None: any refusal is one).
    `together` inputs are read by one process.
    """

    name: str
    good: Sequence[bytes | Path]
    open: Callable[[Path], Read]
    named: str | None
    drawn: Any = None
    together: int = 500


def written(name: str, read: Callable[[Path], object]) -> Callable[[Path], Read]:
    """Return what writes an input to a file of this name and reads the file."""

    def opened(work: Path) -> Read:
        path = work / name

        def act(content: bytes) -> object:
            path.write_bytes(content)
            return read(path)

        return act

    return opened
