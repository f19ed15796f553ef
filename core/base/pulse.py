"""Whether the other processes of a training live, looked at from a thread of its own.

A process that waits for a device does not see that another one is gone: sums inside of a replayed graph are
watched over by nobody (torch's watchdog of NCCL knows only those outside of one). So each says that it lives,
and ends where another one has not said so for too long.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from torch.distributed import TCPStore  # type: ignore[attr-defined]

from .errors import LostRankError
from .ranks import Ranks

BEAT, PATIENCE = 2.0, 20.0
"""Seconds between two signs of life, and without one after which a process counts as gone."""
_DONE = b"done"


class Store(Protocol):
    """Values by name that all processes see; calls raise `RuntimeError` where whoever keeps them is gone."""

    def set(self, key: str, value: str, /) -> None:
        """Keep a value."""

    def get(self, key: str, /) -> bytes:
        """Return a value that there is."""

    def check(self, keys: list[str], /) -> bool:
        """Return whether there are these values."""


@dataclass
class _Heard:
    """What another process said last, and since when."""

    said: bytes
    since: float


class Pulse:
    """Signs of life of one process, and a look at those of all others, until `stop`.

    `lost` is called, in the thread, with what is to be told when another one is gone.
    """

    def __init__(
        self,
        ranks: Ranks,
        store: Store,
        lost: Callable[[str], None],
        beat: float = BEAT,
        patience: float = PATIENCE,
    ) -> None:
        self._ranks, self._store, self._lost = ranks, store, lost
        self._beat, self._patience = beat, patience
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def stop(self, *, done: bool = False) -> None:
        """Say nothing more; where the work is `done` the others shall not mind."""
        self._over.set()
        self._thread.join()
        if done:
            self._store.set(str(self._ranks.rank), _DONE.decode())

    def _live(self) -> None:
        others = [rank for rank in range(self._ranks.world) if rank != self._ranks.rank]
        heard = {rank: _Heard(b"", time.monotonic()) for rank in others}
        beats = 0
        while not self._over.wait(self._beat):
            beats += 1
            try:
                self._store.set(str(self._ranks.rank), str(beats))
                gone = [rank for rank, known in heard.items() if self._is_gone(rank, known)]
            except RuntimeError:
                gone = [0]  # who leads keeps the store
            if gone:
                own = f"rank {self._ranks.rank} of {self._ranks.world}"
                self._lost(f"{own} has lost another one: rank {gone[0]} was not heard of any more")
                return

    def _is_gone(self, rank: int, known: _Heard) -> bool:
        said = self._store.get(str(rank)) if self._store.check([str(rank)]) else b""
        if said != known.said:
            known.said, known.since = said, time.monotonic()
        return said != _DONE and time.monotonic() - known.since > self._patience


@contextmanager
def pulse(ranks: Ranks) -> Iterator[None]:
    """While it is on, this process ends within half a minute after another one of the training is gone.

    All processes enter it together, and leave it together where nothing goes wrong.
    """
    # Rank 0 keeps the store until its process ends: the others may ask until then.
    own = Pulse(ranks, _store(ranks), _end)
    try:
        yield
        ranks.all_have(None)
    except BaseException:
        own.stop()
        raise
    own.stop(done=True)


def _store(ranks: Ranks) -> Store:
    host, patience = os.environ["MASTER_ADDR"], timedelta(seconds=PATIENCE)
    kept = TCPStore(host, 0, None, True, patience, False) if ranks.leads else None
    port = ranks.told(None if kept is None else kept.port)
    assert port is not None
    found: Store = kept or TCPStore(host, port, None, False, patience)
    return found


def _end(text: str) -> None:
    """End this process at once: its other threads may wait for a device for ever."""
    hint = "epochs that were finished are kept: mtl resume goes on, on any number of devices"
    sys.stderr.write(f"error: {text}\n  hint: {hint}\n")
    sys.stderr.flush()
    os._exit(LostRankError.status)
