"""Pictures of two parts of the data that are nearly the same: by their hashes, then by their pixels.

The hash is a difference hash of 64 bits (N. Krawetz, "Kind of Like That", 2013): whether each cell of a grid
of 8 x 9 is clearly darker than its right neighbour. Pairs that differ in at most three bits have one of four
bands of 16 bits in common, by which they are found without comparing all with all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .samples import Samples, Splits

MOST_BITS = 3
"""Bits in which the hashes of a pair differ, at most."""

LEAST_ALIKE = 0.98
"""Correlation of the pixels of a pair, at least, both brought to a side of 32."""

_CLEARLY = 0.1
"""By how many deviations of a grid's cells one is clearly darker."""
_BANDS = 4
_SIDE = 32
_FLAT = 2.0
"""Deviation of the pixels, of 255, below which a picture shows nothing that could be recognised."""
_CROWD = 1000
"""Pictures of a band's value from which it tells nothing: such as those of a large empty ground."""
_CHUNK = 2048
_PIXELS = 1 << 22
_KNOWN = "near duplicates"


@dataclass(frozen=True)
class Pair:
    """A sample of one split and one of another, by their places in these, and whether each pixel is equal."""

    split: str
    index: int
    other: str
    other_index: int
    identical: bool


def near_duplicates(splits: Splits) -> list[Pair]:
    """Return which test samples look like training or validation ones, and which of these like training ones.

    Each sample is in one pair at most, with the first it looks like. Pictures that show nothing are left out.
    Splits are searched once; on another device they know it.
    """
    if _KNOWN not in splits.known:
        splits.known[_KNOWN] = _search(splits)
    found: list[Pair] = splits.known[_KNOWN]
    return found


def _search(splits: Splits) -> list[Pair]:
    names = ("train", "validation", "test")
    parts = {name: splits.named(name) for name in names}
    if not prod(splits.train.shape):
        return []  # samples without pictures
    seen = {name: _seen(part) for name, part in parts.items()}
    found: list[Pair] = []
    for split, others in (("test", ("train", "validation")), ("validation", ("train",))):
        taken: set[int] = set()
        for other in others:
            for index, place in _alike(seen[split], seen[other]):
                if index not in taken:
                    taken.add(index)
                    same = _equal(parts[split], index, parts[other], place)
                    found.append(Pair(split, index, other, place, same))
    return found


@dataclass(frozen=True)
class _Seen:
    """Hashes uint64 `[N]`, and small grey pictures float16 `[N, P]` of length 1, or 0 where they are flat."""

    hashes: NDArray[np.uint64]
    small: NDArray[np.float16]


def _seen(samples: Samples) -> _Seen:
    side = (min(_SIDE, samples.shape[1]), min(_SIDE, samples.shape[2]))
    # Allocated once: lists of parts would hold everything twice.
    seen = _Seen(np.empty(len(samples), np.uint64), np.empty((len(samples), prod(side)), np.float16))
    start = 0
    for indices in samples.slices(max(1, min(_CHUNK, _PIXELS // prod(samples.shape)))):
        grey = _grey(samples.pixels(indices)).cpu()
        flat = _averages(grey, *side).flatten(1)
        flat -= flat.mean(dim=1, keepdim=True)
        shows = flat.square().mean(dim=1, keepdim=True).sqrt() >= _FLAT
        stop = start + len(grey)
        seen.hashes[start:stop] = difference_hashes(grey)
        seen.small[start:stop] = flat / flat.norm(dim=1, keepdim=True).clamp(min=1e-6) * shows
        start = stop
    return seen


def _grey(pixels: Tensor) -> Tensor:
    """Return pictures uint8 `[N, C, H, W]` as grey ones `[N, H, W]`: the luma of colours (ITU-R 601)."""
    if pixels.shape[1] != 3:
        return pixels.float().mean(dim=1)
    weights = torch.tensor([0.299, 0.587, 0.114], device=pixels.device)
    return (pixels.float() * weights[:, None, None]).sum(dim=1)


def difference_hashes(grey: Tensor) -> NDArray[np.uint64]:
    """Return the hash of each grey picture `[N, H, W]`, uint64 `[N]`.

    >>> ramp = torch.arange(18.0).repeat(1, 16, 1)
    >>> [f"{value:x}" for value in difference_hashes(torch.cat([ramp, ramp.flip(2)]))]
    ['ffffffffffffffff', '0']
    """
    cells = _averages(grey, 8, 9)
    # In even regions it would be noise that decides.
    clearly = _CLEARLY * cells.flatten(1).std(dim=1)[:, None, None]
    brighter = (cells[:, :, 1:] - cells[:, :, :-1] > clearly).flatten(1).numpy()
    return np.packbits(brighter, axis=1).view(">u8")[:, 0].astype(np.uint64)


def _averages(grey: Tensor, rows: int, columns: int) -> Tensor:
    """Return pictures `[N, H, W]` as the means of a grid's cells `[N, rows, columns]`."""
    down, across = _shares(grey.shape[1], rows), _shares(grey.shape[2], columns)
    return down @ grey @ across.T


def _shares(size: int, cells: int) -> Tensor:
    """Return how much of each pixel lies in each cell, divided by the cell's size `[cells, size]`."""
    edges = torch.linspace(0, size, cells + 1, dtype=torch.float64)
    pixels = torch.arange(size, dtype=torch.float64)
    overlap = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return (overlap.clamp(min=0) * cells / size).float()


def _alike(one: _Seen, other: _Seen) -> list[tuple[int, int]]:
    """Return pairs of places in the one and the other that are alike, in order."""
    found: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        shift = np.uint64(16 * band)
        keys, known = ((side.hashes >> shift).astype(np.uint16) for side in (one, other))
        order = np.argsort(known, kind="stable")
        starts = np.searchsorted(known[order], keys, side="left")
        counts = np.searchsorted(known[order], keys, side="right") - starts
        counts[counts > _CROWD] = 0
        for start in range(0, len(keys), _CHUNK):
            chosen = slice(start, start + _CHUNK)
            left = np.repeat(np.arange(len(keys))[chosen], counts[chosen])
            first = np.repeat(np.cumsum(counts[chosen]) - counts[chosen], counts[chosen])
            right = order[np.repeat(starts[chosen], counts[chosen]) + np.arange(len(left)) - first]
            found |= _confirmed(one, other, left, right)
    return sorted(found)


def _confirmed(
    one: _Seen, other: _Seen, left: NDArray[np.int64], right: NDArray[np.int64]
) -> set[tuple[int, int]]:
    """Return the pairs whose hashes are near each other, and whose pictures are."""
    near = np.bitwise_count(one.hashes[left] ^ other.hashes[right]) <= MOST_BITS
    left, right = left[near], right[near]
    found: set[tuple[int, int]] = set()
    # The same pair may come by several bands: it is compared again, and counts once.
    for start in range(0, len(left), _CHUNK):
        a, b = left[start : start + _CHUNK], right[start : start + _CHUNK]
        left_small, right_small = one.small[a].astype(np.float32), other.small[b].astype(np.float32)
        alike = np.einsum("ij,ij->i", left_small, right_small) >= LEAST_ALIKE
        found |= set(zip(a[alike].tolist(), b[alike].tolist(), strict=True))
    return found


def _equal(one: Samples, index: int, other: Samples, place: int) -> bool:
    pixels = (
        part.pixels(torch.tensor([at], device=part.home)) for part, at in ((one, index), (other, place))
    )
    return bool(torch.equal(*(found.cpu() for found in pixels)))


def said(pairs: Sequence[Pair]) -> list[str]:
    """Return a line for each split that has such samples, for people."""
    lines = []
    for split in ("test", "validation"):
        own = [pair for pair in pairs if pair.split == split]
        if own:
            others = " and ".join(dict.fromkeys(pair.other for pair in own))
            same = sum(pair.identical for pair in own)
            exactly = f", {same:,} of them pixel by pixel" if same else ""
            count = "1 picture is" if len(own) == 1 else f"{len(own):,} pictures are"
            lines.append(
                f"{count} nearly the same in the {split} split and in {others}{exactly}: "
                "figures measured on them flatter; the report of a run shows them"
            )
    return lines
