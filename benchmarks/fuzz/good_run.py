"""The good files that are damaged: a tiny run, what is exported from it, and parts of these."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

from ..reliability.children import Child
from ..reliability.jobs import composed

_STARTS = {"train": 0, "test": 3}
"""Where the rows of a split begin."""


@dataclass(frozen=True)
class GoodRun:
    """Where the files will be in a folder; `make` makes them."""

    folder: Path

    @property
    def run(self) -> Path:
        """The run's folder."""
        return self.folder / "good"

    @property
    def weights(self) -> Path:
        """A copy of the weights that the run chose."""
        return self.folder / "best.safetensors"

    @property
    def unsealed(self) -> Path:
        """The model's file without its sum."""
        return self.folder / "unsealed.onnx"

    @property
    def bundle(self) -> Path:
        """A bundle of it."""
        return self.folder / "bundle"

    @property
    def triton(self) -> Path:
        """A model repository of it."""
        return self.folder / "triton"

    @property
    def program(self) -> Path:
        """The run as torch.export writes it."""
        return self.folder / "program.pt2"

    @property
    def prepared(self) -> Path:
        """Prepared data of two splits that share their pictures."""
        return self.folder / "prepared data" / "kept"

    @property
    def parquet(self) -> Path:
        """A table with pictures in it, as the library `datasets` keeps them."""
        return self.folder / "pictures.parquet"

    def make(self) -> None:
        """Train and export."""
        composed(self.run, epochs=1)
        exports = {"bundle": self.bundle, "triton": self.triton, "torch-export": self.program}
        for name, place in exports.items():
            done = Child().mtl("export", self.run, "--format", name, "--to", place)
            assert done.status == 0, done.output
        (chosen,) = (self.run / "checkpoint").glob("best-*.safetensors")
        self.weights.write_bytes(chosen.read_bytes())
        self._unseal()
        self._prepare()
        self.parquet.write_bytes(_parquet())
        (self.run / "plugins").mkdir()
        (self.run / "plugins" / "plugins.json").write_text(json.dumps({"own.py": "0" * 64}))

    def _unseal(self) -> None:
        import onnx

        model = onnx.load_model_from_string((self.run / "model.onnx").read_bytes())
        kept = [entry for entry in model.metadata_props if entry.key != "mtl.sha256"]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
        self.unsealed.write_bytes(model.SerializeToString())

    def _prepare(self) -> None:
        import numpy as np

        from mtl.core.contracts import Columns
        from mtl.core.data.store import Placed, StoreWriter

        pictures = np.arange(96, dtype=np.uint8).reshape(6, 1, 4, 4)
        writer = StoreWriter(self.prepared.parent)
        block, labels = writer.array(pictures), {"kind": np.arange(3)}
        splits = {name: Columns(pictures, labels, np.arange(3) + start) for name, start in _STARTS.items()}
        writer.finish({name: Placed(columns, block, {}) for name, columns in splits.items()}, ["a remark"])
        writer.publish(self.prepared)
        writer.close()


def _parquet() -> bytes:
    """Return pictures with a class each, as the library `datasets` keeps them."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    pictures = []
    for number in range(24):
        stream = io.BytesIO()
        Image.new("L", (8, 8), number).save(stream, "PNG")
        pictures.append({"bytes": stream.getvalue(), "path": None})
    kinds = ["abc"[row % 3] for row in range(24)]
    content = io.BytesIO()
    pq.write_table(pa.table({"image": pictures, "kind": kinds}), content)
    return content.getvalue()
