"""One tar file, sample by sample. Nothing is unpacked to the disk."""

import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mtl.contracts import UsageError, reading

HINT = "write the shard again"
MOST = 2**26
"""Bytes of a file in a shard that a picture or a label comes nowhere near."""


@dataclass(frozen=True)
class Sample:
    """The files of one sample by what follows the first dot of their names; `place` is for messages."""

    place: str
    files: Mapping[str, bytes]


def samples_in(path: Path) -> list[Sample]:
    """Return the samples of a shard in their order; raise `UsageError` for a damaged one."""
    found: dict[str, dict[str, bytes]] = {}
    with reading(path, "a shard", hint=HINT), tarfile.open(path) as archive:
        for member in archive:
            if not member.isreg():
                continue
            if member.size > MOST:
                raise ValueError(f"{member.name} has {member.size:,} bytes, more than {MOST:,}")
            folder, slash, name = member.name.rpartition("/")
            key, _, ending = name.partition(".")
            content = archive.extractfile(member)
            found.setdefault(folder + slash + key, {})[ending.lower()] = content.read() if content else b""
    return [Sample(f"{path}: {key}", files) for key, files in found.items()]


def label_of(sample: Sample, name: str) -> str:
    """Return the label of a sample as text: the content of its file `name`, or of a key of JSON, `json.KEY`.

    >>> label_of(Sample("a.tar: 1", {"cls": b"3", "json": b'{"kind": "cat"}'}), "json.kind")
    'cat'
    """
    ending, _, key = name.partition(".")
    if ending not in sample.files:
        raise UsageError(f"{sample.place} has no .{ending}", hint=f"it has {', '.join(sorted(sample.files))}")
    with reading(sample.place, "a label", hint=HINT):
        text = sample.files[ending].decode().strip()
        return str(json.loads(text)[key]) if key else text
