"""What the samples of a run are, in a few words that are kept with its checkpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .samples import Samples, Splits

LOOKED_AT = 64
"""How many images of each split are looked at, from its beginning and its end."""
_SPLITS = ("train", "validation", "test")


def content_of(splits: Splits) -> dict[str, dict[str, Any]]:
    """Return `{split: {"samples": N, "images": digest, "labels": {column: digest}}}`, digests hexadecimal.

    They are of all labels, and of the first and the last images: rows that came, went or moved to another
    split, and labels that were changed, make other ones; a picture in the middle that was painted over does
    not.
    """
    return {name: _content(splits.named(name)) for name in _SPLITS}


def digest_of(tensors: Sequence[Tensor]) -> str:
    """Return the SHA-256 of tensors, of their forms and of their values, hexadecimal."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return digest.hexdigest()


def changes(known: Mapping[str, Any] | None, here: Mapping[str, Any]) -> str:
    """Return what differs between two contents, in words; empty where nothing does, or none is known.

    Columns that came later change nothing.

    >>> before = {"train": {"samples": 40, "images": "a", "labels": {"even": "b"}}}
    >>> changes(before, {"train": {"samples": 44, "images": "c", "labels": {"even": "d"}}})
    'train has 44 samples instead of 40'
    >>> changes(before, {"train": {"samples": 40, "images": "a", "labels": {"even": "d", "new": "e"}}})
    "train has other labels 'even'"
    """
    return ", ".join(_changes(known or {}, here))


def _changes(known: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    for split, content in here.items():
        before = known.get(split, content)
        labels = [
            name for name, found in content["labels"].items() if before["labels"].get(name, found) != found
        ]
        if content["samples"] != before["samples"]:
            yield f"{split} has {content['samples']:,} samples instead of {before['samples']:,}"
        elif content["images"] != before["images"]:
            yield f"{split} has other samples"
        elif labels:
            yield f"{split} has other labels {', '.join(map(repr, labels))}"


def _content(samples: Samples) -> dict[str, Any]:
    count = len(samples)
    ends = torch.arange(count, device=samples.home)
    if count > 2 * LOOKED_AT:
        ends = torch.cat((ends[:LOOKED_AT], ends[-LOOKED_AT:]))
    labels = {name: digest_of([column])[:16] for name, column in samples.labels.items()}
    return {"samples": count, "images": digest_of([samples.pixels(ends)])[:16], "labels": labels}
