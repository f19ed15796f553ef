"""Requests that arrive together are computed together: one thread per model, one run per batch."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class _Waiting:
    """One request's inputs, how many images they are, and who waits for the answer."""

    feed: Arrays
    rows: int
    answer: asyncio.Future[Arrays]


class Batcher:
    """Runs a model on what waits, in the order of arrival, up to `rows` images at once.

    While a batch is computed, the next one gathers; so a lone client never waits, and many share runs. When
    the last batch answered several clients, up to `window` seconds are given them to come back together.
    A request of more images than `rows` is computed in parts. All is used from one event loop.
    """

    def __init__(self, run: Callable[[Arrays], Arrays], *, rows: int, window: float) -> None:
        self._run = run
        self._rows = rows
        self._window = window
        self._queue: deque[_Waiting] = deque()
        self._arrival = threading.Condition()
        self._closed = False
        self._together = 1
        self._thread = threading.Thread(target=self._work, name="mtl-batcher", daemon=True)
        self._thread.start()

    def infer(self, feed: Arrays) -> asyncio.Future[Arrays]:
        """Return the future outputs, by name, of inputs that fit the model."""
        loop = asyncio.get_running_loop()
        rows = len(next(iter(feed.values())))
        waiting = _Waiting(feed, rows, loop.create_future())
        with self._arrival:
            if self._closed:
                raise RuntimeError("the batcher is closed")
            self._queue.append(waiting)
            self._arrival.notify()
        return waiting.answer

    def close(self) -> None:
        """Finish what waits and end the thread."""
        with self._arrival:
            self._closed = True
            self._arrival.notify()
        self._thread.join()

    def _work(self) -> None:
        while batch := self._next():
            loop = batch[0].answer.get_loop()
            try:
                outputs = self._compute(batch)
            except Exception as error:  # whatever the runtime raises belongs to those who wait
                loop.call_soon_threadsafe(_fail, batch, error)
            else:
                loop.call_soon_threadsafe(_deliver, batch, outputs)

    def _next(self) -> list[_Waiting]:
        """Wait for requests and take what is computed next; nothing when closed and all is done."""
        with self._arrival:
            while not self._queue and not self._closed:
                self._arrival.wait()
            deadline = time.monotonic() + self._window
            while len(self._queue) < self._together and not self._closed:
                left = deadline - time.monotonic()
                if left <= 0 or not self._arrival.wait(left):
                    break
            batch: list[_Waiting] = []
            rows = 0
            while self._queue and (not batch or rows + self._queue[0].rows <= self._rows):
                batch.append(self._queue.popleft())
                rows += batch[-1].rows
            self._together = max(1, len(batch))
            return batch

    def _compute(self, batch: Sequence[_Waiting]) -> list[Arrays]:
        if len(batch) == 1:
            return [self._in_parts(batch[0])]
        feeds = [waiting.feed for waiting in batch]
        joined = {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}
        outputs = self._run(joined)
        found, start = [], 0
        for waiting in batch:
            end = start + waiting.rows
            found.append({name: values[start:end] for name, values in outputs.items()})
            start = end
        return found

    def _in_parts(self, waiting: _Waiting) -> Arrays:
        if waiting.rows <= self._rows:
            return self._run(waiting.feed)
        parts = [
            self._run({name: values[start : start + self._rows] for name, values in waiting.feed.items()})
            for start in range(0, waiting.rows, self._rows)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _deliver(batch: Sequence[_Waiting], outputs: Sequence[Arrays]) -> None:
    for waiting, found in zip(batch, outputs, strict=True):
        # A client that went away has cancelled its request.
        if not waiting.answer.done():
            waiting.answer.set_result(found)


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
