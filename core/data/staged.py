"""Pictures of shards on their way into a prepared data set: each shard is read once, by one process.

Reading and scaling pictures takes the time. Of several processes on a machine each begins with its own shards
and takes what nobody else is at; what one has made all of them map. A process that is killed loses the shard
that it was at: whoever comes next goes on with the others made.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..base.cache import cache_folder, cache_key
from ..base.errors import MtlError, UsageError
from ..base.files import make_folder, remove
from ..base.locks import Lock, is_held, take_lock
from ..base.world import place_here
from ..contracts import Columns, Preparation, Storage
from .picture_storage import picture_storage
from .prepared import FOLDER, stamps_of
from .store import Loaded, read_store

Make = Callable[[int, int, Storage], tuple[NDArray[np.uint8], Mapping[int, str]]]
"""`make(start, stop, storage)` returns the pictures of these rows, and what is wrong with which of them."""

_FILE, _PART = "pictures.data", "train"
_WAIT = 0.05
"""Seconds between two looks at what others are making."""
_PATIENCE = 3
"""Looks at a folder that can be neither taken nor is held."""


@dataclass(frozen=True)
class StagedShard:
    """The pictures of a shard, uint8 `[n, C, H, W]` from row `start` on, and which are wrong, and why."""

    start: int
    pixels: NDArray[np.uint8]
    broken: Mapping[int, str]


@dataclass(frozen=True)
class Stage:
    """Where the shards of a data set lie while it is prepared; `bounds` are their first rows, and the end."""

    folders: Sequence[Path]
    bounds: Sequence[int]

    @classmethod
    def of(cls, files: Sequence[Path], shards: NDArray[np.int64], preparation: Preparation) -> Stage | None:
        """Return the stage of shards, brought to a form; None where there is one only, or no cache.

        `shards` `[N]` says of each row which of the files it is in, in their order.
        """
        cache = cache_folder()
        if cache is None or len(files) < 2:
            return None
        names = [cache_key({"file": stamps_of([file]), "form": repr(preparation)}) for file in files]
        bounds = np.searchsorted(shards, np.arange(len(files) + 1)).tolist()
        return cls([cache / FOLDER / "shards" / name for name in names], bounds)

    def made(self, make: Make) -> list[StagedShard]:
        """Return all shards in order; make those that nobody has made and nobody is at."""
        here, count = place_here()
        waiting = sorted(range(len(self.folders)), key=lambda number: (number % count != here, number))
        found: dict[int, StagedShard] = {}
        tries = dict.fromkeys(waiting, 0)
        while waiting:
            for number in waiting:
                shard = self._read(number) or self._make(number, make, tries)
                if shard is not None:
                    found[number] = shard
            left = [number for number in waiting if number not in found]
            if len(left) == len(waiting):
                time.sleep(_WAIT)
            waiting = left
        return [found[number] for number in sorted(found)]

    def clear(self) -> None:
        """Remove what is kept here, once nobody needs it."""
        for folder in self.folders:
            if not is_held(folder):
                remove(folder)

    def _make(self, number: int, make: Make, tries: dict[int, int]) -> StagedShard | None:
        """Make a shard; None where somebody else is at it."""
        folder = self.folders[number]
        make_folder(folder)
        lock = _claimed(folder, number, tries)
        if lock is None:
            return None
        try:
            if (shard := self._read(number)) is not None:
                return shard
            start, stop = list(pairwise(self.bounds))[number]
            with picture_storage("mapped", folder) as storage:
                pixels, broken = make(start, stop, storage)
                remarks = [json.dumps([row, text]) for row, text in sorted(broken.items())]
                kept = storage.settle({_PART: Columns(pixels, {})}, remarks, folder / _FILE)
            return _shard(start, kept)
        finally:
            lock.release()

    def _read(self, number: int) -> StagedShard | None:
        kept = read_store(self.folders[number] / _FILE, lambda size: False)
        start, stop = self.bounds[number : number + 2]
        if kept is None or _PART not in kept.splits or len(kept.splits[_PART]) != stop - start:
            return None
        return _shard(start, kept)


def _claimed(folder: Path, number: int, tries: dict[int, int]) -> Lock | None:
    try:
        return take_lock(folder)
    except UsageError:
        tries[number] += not is_held(folder)  # he may have ended just now
        if tries[number] > _PATIENCE:
            raise
        return None


def _shard(start: int, kept: Loaded) -> StagedShard:
    broken = {int(row): str(text) for row, text in map(json.loads, kept.remarks)}
    return StagedShard(start, kept.splits[_PART].image, broken)


def staged_shards(stage: Stage | None, make: Make) -> list[StagedShard] | None:
    """Return the shards of a stage; None where there is none, or its folder cannot be used."""
    if stage is None:
        return None
    try:
        return stage.made(make)
    except MtlError:  # a cache that cannot be written is no reason to stop
        return None
