"""Checkpoints without pickle: tensors in safetensors, the rest in JSON, checksummed, the last two kept.

A checkpoint is written completely before the manifest names it; a damaged one is passed over for the one
before. The weights of the best epoch are kept beside them, and each task's own best where that is asked for.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load as load_tensors
from torch import Tensor

from ..base.errors import UsageError
from ..base.files import (
    PARTIAL,
    digest,
    make_own_folder,
    read_bytes,
    read_json,
    reading,
    refuse_link,
    remove,
    sha256,
    write_bytes,
    write_json,
)
from ..base.tensors import to_safetensors

MANIFEST = "manifest.json"
KEPT = 2

_SUM = "sha256"
"""The manifest's key for the checksum of everything else in it."""

_VOUCHED = "vouched"
"""The manifest's key for the digests of files that lie elsewhere in the run."""

_MOST = 2**40
"""Bytes of a file that no checkpoint comes near."""

_OURS = re.compile(
    rf"(epoch|within)-[\d-]+\.(safetensors|json)|best-\d+\.safetensors|\..+{re.escape(PARTIAL)}"
)
"""How the files are called that are written here, beside the manifest."""

_WITHIN = "within"
"""The manifest's key for the state in the middle of an epoch, until that is kept."""

_WITHOUT_SUM = ({"checkpoints", "best"}, {"checkpoints", "best", "best_of"})


@dataclass(frozen=True)
class Checkpoint:
    """The state after an epoch: `tensors` (model, optimizer, balancer) and `state`, JSON values.

    In the middle of the next one `state` has how many `steps` of it were taken, in blocks of how many.
    """

    epoch: int
    tensors: Mapping[str, Tensor]
    state: Mapping[str, Any]

    @property
    def place(self) -> str:
        """Where in the training it is, in words."""
        steps = self.state.get("steps")
        return f"epoch {self.epoch}" if steps is None else f"step {steps} of epoch {self.epoch + 1}"

    def place_among(self, epochs: int, steps: int) -> str:
        """Return where it is in a training of so many epochs, of so many steps each.

        >>> Checkpoint(5, {}, {}).place_among(10, 211), Checkpoint(0, {}, {"steps": 20}).place_among(10, 211)
        ('after epoch 5 of 10', 'in epoch 1 of 10, after step 20 of 211')
        """
        done = self.state.get("steps")
        if done is None:
            return f"after epoch {self.epoch} of {epochs}"
        return f"in epoch {self.epoch + 1} of {epochs}, after step {done} of {steps}"


class CheckpointFolder:
    """The folder `checkpoint/` of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exist(self) -> bool:
        """Whether a checkpoint was ever completed here."""
        return (self.path / MANIFEST).is_file()

    def save(
        self,
        checkpoint: Checkpoint,
        weights: Mapping[str, Tensor] | None = None,
        *,
        best: bool = True,
        best_of: Sequence[str] = (),
    ) -> None:
        """Add a checkpoint and drop all but the last two; what cannot be removed stays for the next `sweep`.

        `weights` of the model replace the best ones (with `best`), and the own best ones of the tasks named.
        """
        manifest = self._manifest()
        name = f"epoch-{checkpoint.epoch:05d}"
        files = _files(name, checkpoint)
        if weights is not None:
            best_name = f"best-{checkpoint.epoch:05d}.safetensors"
            files[best_name] = to_safetensors(weights)
            kept = {"file": best_name, "epoch": checkpoint.epoch, "sha256": sha256(files[best_name])}
            if best:
                manifest["best"] = kept
            if best_of:
                manifest["best_of"] = manifest.get("best_of", {}) | dict.fromkeys(best_of, kept)
        make_own_folder(self.path)
        for file_name, content in files.items():
            write_bytes(self.path / file_name, content)
        entry = {
            "epoch": checkpoint.epoch,
            "files": {name: sha256(content) for name, content in files.items() if name[:4] != "best"},
        }
        others = [item for item in manifest["checkpoints"] if item["epoch"] != checkpoint.epoch]
        manifest["checkpoints"] = [*others, entry][-KEPT:]
        manifest.pop(_WITHIN, None)
        self._write(manifest)
        self.sweep()

    def save_within(self, checkpoint: Checkpoint) -> None:
        """Keep the state in the middle of an epoch, in the place of the one before, until the epoch's own."""
        manifest = self._manifest()
        files = _files(f"{_WITHIN}-{checkpoint.epoch:05d}-{checkpoint.state['steps']:07d}", checkpoint)
        make_own_folder(self.path)
        for name, content in files.items():
            write_bytes(self.path / name, content)
        sums = {name: sha256(content) for name, content in files.items()}
        self._write(manifest | {_WITHIN: {"epoch": checkpoint.epoch, "files": sums}})
        self.sweep()

    def vouch(self, name: str, known: str) -> None:
        """Keep the digest of what lies beside the checkpoints under `name`."""
        manifest = self._manifest()
        self._write(manifest | {_VOUCHED: manifest.get(_VOUCHED, {}) | {name: known}})

    def vouched(self, name: str) -> str | None:
        """Return the digest that was kept under `name`; None when there is none."""
        manifest = self._manifest()
        with self._reading():
            known = manifest.get(_VOUCHED, {}).get(name)
        return None if known is None else str(known)

    def latest(self, warn: Callable[[str], None] = lambda text: None) -> Checkpoint:
        """Return the newest intact checkpoint; tell `warn` of newer ones that are passed over.

        Raises `UsageError` when there is none, or the manifest is damaged.
        """
        with self._reading():
            entries = self._manifest()["checkpoints"]
            if entries and not any(map(self._has_tensors, entries)):
                raise UsageError(
                    f"the tensors of the training are not in {self.path}: a pulled run has its weights alone",
                    hint=f"train on from these, with a fresh optimizer: {self._from_weights}",
                )
            for entry in reversed(entries):
                if (found := self._read(entry)) is not None:
                    return found
                warn(
                    f"the checkpoint of epoch {entry['epoch']} in {self.path} is damaged: "
                    "the one before is taken"
                )
        raise UsageError(f"no intact checkpoint in {self.path}", hint=self._again)

    def newest(self, warn: Callable[[str], None] = lambda text: None) -> Checkpoint:
        """Return the newest intact state: in the middle of an epoch where that was kept, else `latest`."""
        with self._reading():
            entry = self._manifest().get(_WITHIN)
            if entry is not None:
                if (found := self._read(entry)) is not None:
                    return found
                warn(f"what was kept within an epoch in {self.path} is damaged: the last whole one is taken")
        return self.latest(warn)

    def _read(self, entry: Mapping[str, Any]) -> Checkpoint | None:
        """Return the checkpoint that the manifest names, None where a file of it is missing or damaged."""
        epoch, files = entry["epoch"], entry["files"].items()
        contents = {Path(name).suffix: self._intact(name, digest) for name, digest in files}
        tensors, state = contents[".safetensors"], contents[".json"]
        if tensors is None or state is None:
            return None
        found = Checkpoint(epoch, load_tensors(tensors), json.loads(state))
        if found.state["epoch"] != epoch:
            raise ValueError(f"it says epoch {epoch}, the checkpoint itself {found.state['epoch']}")
        return found

    def state(self) -> Mapping[str, Any] | None:
        """Return the JSON values of the newest checkpoint whose own are intact; None when none are.

        Raises `UsageError` when the manifest is damaged.
        """
        with self._reading():
            for entry in reversed(self._manifest()["checkpoints"]):
                for name, digest in entry["files"].items():
                    if name.endswith(".json") and (content := self._intact(name, digest)) is not None:
                        found: Mapping[str, Any] = json.loads(content)
                        return found
        return None

    def best(self, task: str | None = None) -> tuple[int, dict[str, Tensor]]:
        """Return the chosen epoch and its weights, or those of a task's own best epoch.

        Raises `UsageError` when they are missing or damaged.
        """
        manifest = self._manifest()
        with self._reading():
            entry = manifest["best"] if task is None else manifest.get("best_of", {}).get(task)
            if entry is None:
                raise UsageError(
                    f"no trained weights in {self.path}", hint="the run ended before its first epoch"
                )
            content = self._intact(entry["file"], entry["sha256"])
            if content is None:
                raise UsageError(
                    f"the trained weights {self.path / entry['file']} are missing or damaged "
                    "(checksum differs)",
                    hint=self._again,
                )
            return entry["epoch"], load_tensors(content)

    def best_digest(self) -> str | None:
        """Return the SHA-256 of the chosen epoch's weights; None before the first epoch."""
        manifest = self._manifest()
        with self._reading():
            return None if manifest["best"] is None else str(manifest["best"]["sha256"])

    def sweep(self) -> list[str]:
        """Remove checkpoints that the manifest does not name, and half written ones; nothing else.

        Returns which files could not be removed, and why.
        """
        manifest = self._manifest()
        within = [manifest[_WITHIN]] if _WITHIN in manifest else []
        named = {name for entry in (*manifest["checkpoints"], *within) for name in entry["files"]}
        kept = [manifest["best"], *manifest.get("best_of", {}).values()]
        named |= {entry["file"] for entry in kept if entry}
        unnamed = [
            path for path in self.path.iterdir() if path.name not in named and _OURS.fullmatch(path.name)
        ]
        return [told for path in sorted(unnamed) if (told := remove(path))]

    @property
    def _again(self) -> str:
        run = self.path.parent
        return f"train again: mtl compose --recipe {run / 'recipe.yaml'} --out {run} --force"

    @property
    def _from_weights(self) -> str:
        run = self.path.parent
        return f"mtl compose --recipe {run / 'recipe.yaml'} --init-from {run} --out ANOTHER"

    def _has_tensors(self, entry: Mapping[str, Any]) -> bool:
        return any(
            os.path.lexists(self.path / name) for name in entry["files"] if name.endswith(".safetensors")
        )

    def _reading(self) -> AbstractContextManager[None]:
        return reading(self.path / MANIFEST, "a manifest of checkpoints", hint=self._again)

    def _write(self, manifest: Mapping[str, Any]) -> None:
        write_json(self.path / MANIFEST, {**manifest, _SUM: digest(manifest)})

    def _manifest(self) -> dict[str, Any]:
        refuse_link(self.path)
        path = self.path / MANIFEST
        if not os.path.lexists(path):
            return {"checkpoints": [], "best": None}
        with self._reading():
            manifest: dict[str, Any] = read_json(path, "a manifest of checkpoints", hint=self._again)
            told = manifest.pop(_SUM, None)
            # Earlier versions wrote none, and nothing but these; a changed letter does not take a key away.
            earlier = told is None and set(manifest) in _WITHOUT_SUM
            if told != digest(manifest) and not earlier:
                raise ValueError("its checksum differs")
        return manifest

    def _intact(self, name: str, digest: str) -> bytes | None:
        try:
            content = read_bytes(self.path / name, "a part of a checkpoint", hint=self._again, most=_MOST)
        except UsageError:
            return None
        return content if sha256(content) == digest else None


def _files(name: str, checkpoint: Checkpoint) -> dict[str, bytes]:
    """Return the files of a checkpoint, by their names."""
    return {
        f"{name}.safetensors": to_safetensors(checkpoint.tensors),
        f"{name}.json": json.dumps(dict(checkpoint.state), indent=2, allow_nan=False).encode(),
    }
