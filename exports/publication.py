"""The end of every export to one file: written, read back, proven, and only then published with its proof."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.base.files import partial, publish, unpublished, write_partial, writing_to
from ..core.contracts import ExportReport
from .model_file import read_model
from .proof import proof_path

Prove = Callable[[bytes], Mapping[str, Any]]
"""From the bytes of a file to the report that they are proven; `VerificationError` when they are not."""


@dataclass(frozen=True)
class Made:
    """The content of a file, and what proves the bytes that are read back from the disk.

    `beside` is the content of another file that belongs to it; None where it needs none.
    """

    content: bytes
    prove: Prove
    beside: bytes | None = None


def publish_proven(path: Path, make: Callable[[], Made], beside: Path | None = None) -> ExportReport:
    """Publish a file and its proof beside it, both or neither, and what else belongs to it, at `beside`.

    Whatever `make` raises leaves what was at these paths untouched; what lay at `beside` and belonged to the
    file that was there before goes with it. Raises `UsageError`, before anything is made, when the path
    cannot be written.
    """
    proof = proof_path(path)
    others = () if beside is None else (beside,)
    with unpublished((path, proof, *others)):
        made = make()
        write_partial(path, made.content)
        # Read back: what is verified is what is on the disk.
        verification = made.prove(read_model(partial(path)))
        write_partial(proof, (json.dumps(verification, indent=2, allow_nan=False) + "\n").encode())
        if made.beside is None:
            publish((path, proof))
            for other in others:
                with writing_to(other):
                    other.unlink(missing_ok=True)
            return ExportReport((path, proof), verification)
        for other in others:
            write_partial(other, made.beside)
        publish((*others, path, proof))
    return ExportReport((path, proof, *others), verification)
