"""The good files that are damaged: a tiny run, what is exported from it, and parts of these."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..reliability.children import Child
from ..reliability.jobs import composed


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

    def _unseal(self) -> None:
        import onnx

        model = onnx.load_model_from_string((self.run / "model.onnx").read_bytes())
        kept = [entry for entry in model.metadata_props if entry.key != "mtl.sha256"]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
        self.unsealed.write_bytes(model.SerializeToString())
