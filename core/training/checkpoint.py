"""Checkpoints without pickle: tensors in safetensors, the rest in JSON, checksummed, the last two kept.

A checkpoint is written completely before the manifest names it; a damaged one is passed over for the one
before. The weights of the best epoch are kept beside them, and each task's own best where that is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load as load_tensors
from torch import Tensor

from ..errors import UsageError
from ..files import sha256, write_bytes, write_json, writing_to
from ..tensors import to_safetensors

MANIFEST = "manifest.json"
KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """The state after an epoch: `tensors` (model, optimizer, balancer) and `state`, JSON values."""

    epoch: int
    tensors: Mapping[str, Tensor]
    state: Mapping[str, Any]


class CheckpointFolder:
    """The folder `checkpoint/` of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(
        self,
        checkpoint: Checkpoint,
        weights: Mapping[str, Tensor] | None = None,
        *,
        best: bool = True,
        best_of: Sequence[str] = (),
    ) -> None:
        """Add a checkpoint and drop all but the last two.

        `weights` of the model replace the best ones (with `best`), and the own best ones of the tasks named.
        """
        manifest = self._manifest()
        name = f"epoch-{checkpoint.epoch:05d}"
        files = {
            f"{name}.safetensors": to_safetensors(checkpoint.tensors),
            f"{name}.json": json.dumps(dict(checkpoint.state), indent=2, allow_nan=False).encode(),
        }
        if weights is not None:
            best_name = f"best-{checkpoint.epoch:05d}.safetensors"
            files[best_name] = to_safetensors(weights)
            kept = {"file": best_name, "epoch": checkpoint.epoch, "sha256": sha256(files[best_name])}
            if best:
                manifest["best"] = kept
            if best_of:
                manifest["best_of"] = manifest.get("best_of", {}) | dict.fromkeys(best_of, kept)
        with writing_to(self.path):
            self.path.mkdir(exist_ok=True)
        for file_name, content in files.items():
            write_bytes(self.path / file_name, content)
        entry = {
            "epoch": checkpoint.epoch,
            "files": {name: sha256(content) for name, content in files.items() if name[:4] != "best"},
        }
        others = [item for item in manifest["checkpoints"] if item["epoch"] != checkpoint.epoch]
        manifest["checkpoints"] = [*others, entry][-KEPT:]
        write_json(self.path / MANIFEST, manifest)
        self._drop_unnamed(manifest)

    def latest(self) -> Checkpoint:
        """Return the newest intact checkpoint; raise `UsageError` when there is none."""
        for entry in reversed(self._manifest()["checkpoints"]):
            contents = {}
            for name, digest in entry["files"].items():
                content = self._intact(name, digest)
                if content is None:
                    break
                contents[Path(name).suffix] = content
            else:
                tensors = load_tensors(contents[".safetensors"])
                return Checkpoint(entry["epoch"], tensors, json.loads(contents[".json"]))
        raise UsageError(
            f"no intact checkpoint in {self.path}", hint="train again: mtl compose --recipe RUN/recipe.yaml"
        )

    def best(self, task: str | None = None) -> tuple[int, dict[str, Tensor]]:
        """Return the chosen epoch and its weights, or those of a task's own best epoch.

        Raises `UsageError` when they are missing or damaged.
        """
        manifest = self._manifest()
        entry = manifest["best"] if task is None else manifest.get("best_of", {}).get(task)
        if entry is None:
            raise UsageError(
                f"no trained weights in {self.path}", hint="the run ended before its first epoch"
            )
        content = self._intact(entry["file"], entry["sha256"])
        if content is None:
            raise UsageError(
                f"the trained weights {self.path / entry['file']} are missing or damaged (checksum differs)",
                hint="train again: mtl compose --recipe RUN/recipe.yaml",
            )
        return entry["epoch"], load_tensors(content)

    def _manifest(self) -> dict[str, Any]:
        path = self.path / MANIFEST
        if not path.exists():
            return {"checkpoints": [], "best": None}
        try:
            manifest: dict[str, Any] = json.loads(path.read_text())
            if not {"checkpoints", "best"} <= manifest.keys():
                raise ValueError("it is no manifest")
        except (ValueError, AttributeError) as error:
            raise UsageError(f"{path} is damaged: {error}") from None
        return manifest

    def _intact(self, name: str, digest: str) -> bytes | None:
        path = self.path / name
        if not path.is_file():
            return None
        content = path.read_bytes()
        return content if sha256(content) == digest else None

    def _drop_unnamed(self, manifest: Mapping[str, Any]) -> None:
        named = {name for entry in manifest["checkpoints"] for name in entry["files"]}
        kept = [manifest["best"], *manifest.get("best_of", {}).values()]
        named |= {MANIFEST, *(entry["file"] for entry in kept if entry)}
        for path in self.path.iterdir():
            if path.name not in named:
                path.unlink()
