"""What lies in a bundle beside the models: labels, real samples with reference outputs, and `mtl.json`."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...core.base.errors import VerificationError
from ...core.base.files import open_regular, read_json, read_text, reading
from ...core.base.shapes import BATCH, shown_shape
from ...core.contracts import Arrays
from ..export import Export
from ..metadata import IMAGE, ModelCard

FORMAT = 1
MANIFEST = "mtl.json"
SAMPLES = "samples.npz"
PROOF = "verify.json"
_AGAIN = "export the bundle again"
_MOST = 2**26
"""Bytes of names that no bundle comes near."""
SAMPLE_COUNT = 8
"""Real samples in a bundle; `sample/` holds the first as plain bytes, for languages that read no `.npz`."""


@dataclass(frozen=True)
class Samples:
    """Real inputs as the models read them, and what the trained model answers."""

    inputs: Arrays
    outputs: Arrays

    def write(self, folder: Path) -> None:
        """Write `samples.npz` (`input/NAME`, `output/TASK`) and the first sample as `sample/NAME.bin`."""
        arrays = {f"input/{name}": value for name, value in self.inputs.items()}
        arrays |= {f"output/{name}": value for name, value in self.outputs.items()}
        with (folder / SAMPLES).open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)
        (folder / "sample").mkdir()
        for name, file in sample_files(list(self.inputs)).items():
            first = self.inputs[name][:1]
            (folder / file).write_bytes(first.astype(first.dtype.newbyteorder("<")).tobytes())

    @classmethod
    def read(cls, folder: Path) -> Samples:
        """Read them back; raise `VerificationError` when they are missing or damaged."""
        path = folder / SAMPLES
        with (
            open_regular(path, "the samples of a bundle", hint=_AGAIN, error=VerificationError) as file,
            np.load(file, allow_pickle=False) as archive,
        ):
            # Nothing in it is packed: what would unpack to more than the file is none of ours.
            if sum(item.file_size for item in archive.zip.infolist()) > path.stat().st_size:
                raise ValueError("it is packed")
            arrays = {key: archive[key] for key in archive.files}
        parts: dict[str, dict[str, NDArray[Any]]] = {"input": {}, "output": {}}
        for key, value in arrays.items():
            role, _, name = key.partition("/")
            parts.setdefault(role, {})[name] = value
        return cls(parts["input"], parts["output"])

    def check(self, folder: Path, card: ModelCard) -> None:
        """Raise `VerificationError` unless they have a model's names, types and shapes."""
        image = {IMAGE: (card.pixels, card.image.shape)} if card.image else {}
        inputs = image | {item.name: (item.dtype, item.shape) for item in card.inputs}
        outputs = {item.name: ("float32", item.target.output_shape) for item in card.outputs}
        first = self.inputs.get(card.input_names[0])
        count = len(first) if first is not None and first.ndim else 0
        for role, forms, arrays in (("input", inputs, self.inputs), ("output", outputs, self.outputs)):
            if set(arrays) != set(forms):
                raise VerificationError(
                    f"{folder}: the samples have other {role}s than the model", hint=_AGAIN
                )
            for name, (kind, shape) in forms.items():
                array = arrays[name]
                if str(array.dtype) != kind or array.shape != (count, *shape) or not count:
                    found = f"{array.dtype} {shown_shape(array.shape)}"
                    expected = f"{kind} {shown_shape([BATCH, *shape])}"
                    raise VerificationError(
                        f"{folder}: the samples' {role} {name!r} is {found}, expected {expected}",
                        hint=_AGAIN,
                    )


def real_samples(export: Export) -> Samples:
    """Return real samples with the trained model's own answers, in the form of the files."""
    subject = export.subject
    pixels = np.ascontiguousarray(subject.samples[IMAGE][:SAMPLE_COUNT])
    floats = pixels.astype(np.float32) / np.float32(255)
    extra = {
        spec.name: subject.samples[spec.name][:SAMPLE_COUNT].astype(spec.dtype) for spec in subject.inputs
    }
    model = copy.deepcopy(subject.model).cpu().eval()
    with torch.inference_mode():
        tensors = {name: torch.from_numpy(value) for name, value in extra.items()}
        raw = model(torch.from_numpy(floats), tensors)
        outputs = {
            task: (raw[task] if export.raw else target.predict(raw[task])).float().numpy()
            for task, target in subject.targets.items()
        }
    image = {IMAGE: pixels if export.pixels == "uint8" else floats} if subject.image else {}
    return Samples({**image, **extra}, outputs)


def labels_of(card: ModelCard) -> dict[str, list[str]]:
    """Return, for each task that has names, one per line of its label file.

    Classes in the order of the output; for yes/no the answer below one half first; the names of values.
    """
    found = {output.name: output.target.drawing.labels for output in card.outputs}
    found = {task: names for task, names in found.items() if names}
    return {task: [" ".join(name.split()) for name in names] for task, names in found.items()}


def label_files(card: ModelCard) -> dict[str, str]:
    """Return where the label file of each task lies in the bundle."""
    return _files("labels", list(labels_of(card)), ".txt")


def sample_files(inputs: Sequence[str]) -> dict[str, str]:
    """Return where the first sample of each input lies in the bundle."""
    return _files("sample", inputs, ".bin")


def write_labels(card: ModelCard, folder: Path) -> None:
    """Write one label file per task that has names."""
    labels = labels_of(card)
    for task, file in label_files(card).items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text("".join(f"{name}\n" for name in labels[task]), encoding="utf-8")


def manifest(card: ModelCard, models: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the content of `mtl.json`: the files, then what the first of them says about itself."""
    return {
        "bundle": FORMAT,
        "models": [{"file": name, **facts} for name, facts in models.items()],
        "labels": label_files(card),
        "samples": SAMPLES,
        "model": card.to_json(),
    }


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return `mtl.json` of a bundle; raise `VerificationError` when it is missing, damaged or later."""
    with reading(folder / MANIFEST, "a bundle's description", hint=_AGAIN, error=VerificationError):
        value: dict[str, Any] = read_json(
            folder / MANIFEST, "a bundle's description", hint=_AGAIN, error=VerificationError
        )
        if value["bundle"] > FORMAT:
            raise VerificationError(f"{folder} was written by a later mtl (bundle {value['bundle']})")
        if not [str(item["file"]) for item in value["models"]]:
            raise VerificationError(f"{folder} names no model")
    return value


def read_names(path: Path) -> str:
    """Return the text of a bundle's file of names; raise `VerificationError` when it cannot be read."""
    return read_text(path, "names of answers", hint=_AGAIN, most=_MOST, error=VerificationError)


def _files(folder: str, names: Sequence[str], suffix: str) -> dict[str, str]:
    """Return a file for each name; names come from recipes, and none may leave the folder."""
    found: dict[str, str] = {}
    for name in names:
        stem = re.sub(r"[^A-Za-z0-9_-]", "_", name) or "_"
        while f"{folder}/{stem}{suffix}" in found.values():
            stem += "_"
        found[name] = f"{folder}/{stem}{suffix}"
    return found
