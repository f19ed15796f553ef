"""One process, one short run: prints the seconds from its imports to its training. Needs a data folder."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import torchmetrics  # noqa: F401 - imported here, so that its seconds count as import

import mtl
from mtl.core.api import compose
from mtl.core.base.progress import Progress


class _Started(Exception):  # noqa: N818 - no error: it ends the run
    pass


class _Watch(Progress):
    def started(self, epochs: int, device: str, samples: Mapping[str, int]) -> None:
        raise _Started


def main(folder: str) -> None:
    """Start a training on the data in `folder` and stop at its first step."""
    before = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory() as out:
            compose(
                ["denoise", "classify"], encoder="lenet", dataset={"name": "mnist", "data_dir": folder},
                out=Path(out) / "run", progress=_Watch(),
            )  # fmt: skip
    except _Started:
        print(json.dumps({"seconds": time.perf_counter() - before, "mtl": mtl.__version__}))


if __name__ == "__main__":
    main(sys.argv[1])
