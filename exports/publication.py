"""The end of every export to one file: written, read back, proven, and only then published with its proof."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..core.base.files import partial, publish, unpublished, write_partial
from ..core.contracts import ExportReport
from .model_file import read_model
from .proof import proof_path

Prove = Callable[[bytes], Mapping[str, Any]]
"""From the bytes of a file to the report that they are proven; `VerificationError` when they are not."""


def publish_proven(path: Path, make: Callable[[], tuple[bytes, Prove]]) -> ExportReport:
    """Publish a file and its proof beside it, both or neither.

    `make` gives the content of the file, and what proves the bytes that are read back from the disk. Whatever
    it raises leaves what was at the two paths untouched. Raises `UsageError`, before anything is made, when
    the path cannot be written.
    """
    proof = proof_path(path)
    with unpublished((path, proof)):
        content, prove = make()
        write_partial(path, content)
        # Read back: what is verified is what is on the disk.
        verification = prove(read_model(partial(path)))
        write_partial(proof, (json.dumps(verification, indent=2, allow_nan=False) + "\n").encode())
        publish((path, proof))
    return ExportReport((path, proof), verification)
