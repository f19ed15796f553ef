"""Requests that arrive together are computed together: one thread per model, one run per batch."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnxruntime import RunOptions

from ..session import run_options
from .refusal import Refusal

Arrays = Mapping[str, NDArray[Any]]

_LAST_WORDS = 5.0
"""Seconds for what is being computed when all ends: a run is stopped between two nodes of the model only."""

_TOO_LONG = Refusal("the model did not answer within {:g} s", 504)
_NO_TURN = Refusal("its turn did not come within {:g} s; try again", 503)


@dataclass(frozen=True, eq=False)
class _Waiting:
    """One request's inputs, how many images they are, who waits for the answer, and until when."""

    feed: Arrays
    rows: int
    answer: asyncio.Future[Arrays]
    end: float


class Batcher:
    """Runs a model on what waits, in the order of arrival, up to `rows` images at once.

    While a batch is computed, the next one gathers; so a lone client never waits, and many share runs. After
    a batch with several clients the next one also waits, up to `window` seconds, for as many of them.
    A request of more images than `rows` is computed in parts. A request waits `limit` seconds at most, and a
    run that nobody waits for any more is stopped. `run(feed, requests, options)` computes the images of so
    many requests until `options.terminate` is set. All is used from one event loop.
    """

    def __init__(
        self, run: Callable[[Arrays, int, RunOptions], Arrays], *, rows: int, window: float, limit: float
    ) -> None:
        self._run = run
        self._rows = rows
        self._window = window
        self._limit = limit
        self._queue: deque[_Waiting] = deque()
        self._arrival = threading.Condition()
        self._closed = False
        self._batch: Sequence[_Waiting] = ()
        self._options = run_options()
        self._timer: asyncio.TimerHandle | None = None
        self._together = self._wanted = 1
        self._thread = threading.Thread(target=self._work, name="mtl-batcher", daemon=True)
        self._thread.start()

    def infer(self, feed: Arrays) -> asyncio.Future[Arrays]:
        """Return the future outputs, by name, of inputs that fit the model.

        It fails with `Refusal` when the time is up: 503 while it waits for its turn, 504 later.
        """
        loop = asyncio.get_running_loop()
        rows = len(next(iter(feed.values())))
        waiting = _Waiting(feed, rows, loop.create_future(), loop.time() + self._limit)
        with self._arrival:
            if self._closed:
                raise RuntimeError("the batcher is closed")
            self._queue.append(waiting)
            # Waking the thread costs more than the rest: once per batch is enough.
            if len(self._queue) == self._wanted:
                self._arrival.notify()
        # One timer for all, because one for each costs more than the rest: the limit is the same for all.
        if self._timer is None:
            self._timer = loop.call_later(self._limit, self._expire, loop)
        return waiting.answer

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._queue)

    def close(self) -> None:
        """Finish what is waited for and end the thread, or leave it behind when it takes too long."""
        with self._arrival:
            self._closed = True
            self._forget()
            self._arrival.notify()
        self._thread.join(_LAST_WORDS)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        """Refuse those whose time is up, and come again when it is up for the next."""
        now = loop.time()
        with self._arrival:
            begun, queued = self._batch, list(self._queue)
            for late, waiting in ((_TOO_LONG, begun), (_NO_TURN, queued)):
                for item in waiting:
                    if item.end <= now and not item.answer.done():
                        item.answer.set_exception(Refusal(late.message.format(self._limit), late.status))
            self._forget()
        ends = [item.end for item in (*begun, *queued) if not item.answer.done()]
        self._timer = loop.call_at(min(ends), self._expire, loop) if ends else None

    def _forget(self) -> None:
        """Spare the model what nobody waits for any more."""
        self._queue = deque(item for item in self._queue if not item.answer.done())
        if all(item.answer.done() for item in self._batch):
            self._options.terminate = True

    def _work(self) -> None:
        while batch := self._next():
            loop = batch[0].answer.get_loop()
            try:
                tell = partial(_deliver, batch, self._compute(batch, self._options))
            except Exception as error:  # whatever the runtime raises belongs to those who wait
                tell = partial(_fail, batch, error)
            with suppress(RuntimeError):  # the loop has ended, and with it all who waited
                loop.call_soon_threadsafe(tell)

    def _next(self) -> list[_Waiting]:
        """Wait for requests and take what is computed next; nothing when closed and all is done."""
        with self._arrival:
            while True:
                self._gather(1, None)
                if self._together > 1:
                    self._gather(self._together, self._window)
                if self._queue or self._closed:
                    break
                self._together //= 2  # those who waited have gone
            batch: list[_Waiting] = []
            rows = 0
            while self._queue and (not batch or rows + self._queue[0].rows <= self._rows):
                batch.append(self._queue.popleft())
                rows += batch[-1].rows
            self._together = max(len(batch), self._together // 2)
            self._batch, self._options = batch, run_options()
            return batch

    def _gather(self, wanted: int, seconds: float | None) -> None:
        self._wanted = wanted
        self._arrival.wait_for(lambda: self._closed or len(self._queue) >= wanted, seconds)

    def _compute(self, batch: Sequence[_Waiting], options: RunOptions) -> list[Arrays]:
        if len(batch) == 1:
            return [self._in_parts(batch[0], options)]
        feeds = [waiting.feed for waiting in batch]
        joined = {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}
        outputs = self._run(joined, len(batch), options)
        found: list[Arrays] = []
        start = 0
        for waiting in batch:
            end = start + waiting.rows
            found.append({name: values[start:end] for name, values in outputs.items()})
            start = end
        return found

    def _in_parts(self, waiting: _Waiting, options: RunOptions) -> Arrays:
        # Numbers from the middle of a body may begin anywhere; the runtime wants them aligned.
        feed = {name: np.require(values, requirements="A") for name, values in waiting.feed.items()}
        if waiting.rows <= self._rows:
            return self._run(feed, 1, options)
        parts = [
            self._run({name: values[start : start + self._rows] for name, values in feed.items()}, 1, options)
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
