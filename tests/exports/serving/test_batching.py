from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from mtl.exports.serving.batching import Batcher
from mtl.exports.serving.refusal import Refusal


class Model:
    """Doubles its input, remembers its batches, and waits at a gate until it is told to stop."""

    def __init__(self, patient=False) -> None:
        self.patient = patient
        self.batches: list[tuple[int, int]] = []
        self.stopped = 0
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, feed, requests, options):
        while not self.gate.wait(0.005):
            if options.terminate and not self.patient:
                self.stopped += 1
                raise RuntimeError("told to stop")
        self.batches.append((len(feed["x"]), requests))
        if np.isnan(feed["x"]).any():
            raise ValueError("not a number")
        return {"y": 2 * feed["x"]}


def run(model, rows, *, limit=8, window=0.0):
    """Ask once with 1 row, then, while that is computed, with each of `rows`; return what came back."""

    async def ask():
        batcher = Batcher(model, rows=limit, window=window, limit=30)
        model.gate.clear()
        first = batcher.infer({"x": np.zeros(1)})
        while batcher._queue:
            await asyncio.sleep(0.001)
        others = [batcher.infer({"x": np.full(count, float(count))}) for count in rows]
        model.gate.set()
        await first
        found = [await other for other in others]
        batcher.close()
        return [answer["y"].tolist() for answer in found]

    return asyncio.run(ask())


def test_what_gathers_while_a_batch_is_computed_is_computed_together():
    model = Model()
    assert run(model, [1, 2, 3]) == [[2.0], [4.0, 4.0], [6.0, 6.0, 6.0]]
    assert model.batches == [(1, 1), (6, 3)]


def test_a_batch_takes_no_more_than_it_may_and_keeps_the_order():
    model = Model()
    run(model, [4, 4, 1, 3])
    assert model.batches == [(1, 1), (8, 2), (4, 2)]


def test_a_large_request_is_computed_in_parts():
    model = Model()
    (answer,) = run(model, [19])
    assert answer == [38.0] * 19
    assert model.batches == [(1, 1), (8, 1), (8, 1), (3, 1)]


def test_a_failure_reaches_those_who_wait_and_nobody_else():
    async def ask():
        batcher = Batcher(Model(), rows=8, window=0.0, limit=30)
        with pytest.raises(ValueError, match="not a number"):
            await batcher.infer({"x": np.array([np.nan])})
        answer = await batcher.infer({"x": np.ones(1)})
        batcher.close()
        return answer["y"].tolist()

    assert asyncio.run(ask()) == [2.0]


def test_a_cancelled_request_disturbs_nobody():
    async def ask():
        model = Model()
        batcher = Batcher(model, rows=8, window=0.0, limit=30)
        model.gate.clear()
        gone, stays = batcher.infer({"x": np.ones(1)}), batcher.infer({"x": np.ones(2)})
        gone.cancel()
        model.gate.set()
        answer = await stays
        batcher.close()
        return answer["y"].tolist()

    assert asyncio.run(ask()) == [2.0, 2.0]


def test_the_window_waits_for_as_many_as_came_together_before():
    async def ask():
        model = Model()
        batcher = Batcher(model, rows=8, window=30.0, limit=30)
        model.gate.clear()
        first = [batcher.infer({"x": np.ones(1)})]
        while batcher._queue:
            await asyncio.sleep(0.001)
        first += [batcher.infer({"x": np.ones(1)}) for _ in range(3)]
        model.gate.set()
        await asyncio.gather(*first)
        second = []
        for _ in range(3):
            second.append(batcher.infer({"x": np.ones(1)}))
            await asyncio.sleep(0.02)
        await asyncio.gather(*second)
        batcher.close()
        return model.batches

    assert asyncio.run(ask()) == [(1, 1), (3, 3), (3, 3)]


def test_closing_finishes_what_waits_and_takes_no_more():
    async def ask():
        batcher = Batcher(Model(), rows=8, window=0.0, limit=30)
        waiting = [batcher.infer({"x": np.ones(1)}) for _ in range(5)]
        batcher.close()
        answers = await asyncio.gather(*waiting)
        with pytest.raises(RuntimeError, match="closed"):
            batcher.infer({"x": np.ones(1)})
        return [answer["y"].tolist() for answer in answers]

    assert asyncio.run(ask()) == [[2.0]] * 5


@pytest.mark.parametrize("leaving", [1, 2])
def test_closing_stops_a_run_that_nobody_waits_for_any_more(leaving):
    async def ask():
        model = Model()
        batcher = Batcher(model, rows=8, window=30.0, limit=30)
        batcher._together = 2
        model.gate.clear()
        both = [batcher.infer({"x": np.ones(1)}) for _ in range(2)]
        while batcher._queue:
            await asyncio.sleep(0.001)
        for answer in both[:leaving]:
            answer.cancel()
        asyncio.get_running_loop().call_later(0.1, model.gate.set)
        await asyncio.to_thread(batcher.close)
        return model.stopped

    assert asyncio.run(ask()) == (1 if leaving == 2 else 0)


def test_who_waits_too_long_is_told_whether_it_was_its_turn():
    async def ask():
        model = Model(patient=True)
        batcher = Batcher(model, rows=8, window=0.0, limit=0.1)
        model.gate.clear()
        computed = batcher.infer({"x": np.ones(1)})
        while batcher._queue:
            await asyncio.sleep(0.001)
        queued = batcher.infer({"x": np.ones(1)})
        late = await asyncio.gather(computed, queued, return_exceptions=True)
        model.gate.set()
        again = await batcher.infer({"x": np.ones(1)})
        batcher.close()
        return late, again["y"].tolist(), model.batches

    late, again, batches = asyncio.run(ask())
    assert [type(error) for error in late] == [Refusal, Refusal]
    assert [error.status for error in late] == [504, 503]
    assert again == [2.0]
    assert batches == [(1, 1), (1, 1)]  # who had gone before its turn was not computed


def test_the_last_who_gathers_may_leave():
    """Time is up while the window is open, and nobody is left: the next one is answered all the same."""

    async def ask():
        batcher = Batcher(Model(), rows=8, window=0.1, limit=0.05)
        batcher._together = 2
        with pytest.raises(Refusal, match="its turn did not come"):
            await batcher.infer({"x": np.ones(1)})
        await asyncio.sleep(0.2)
        answer = await batcher.infer({"x": np.ones(1)})
        batcher.close()
        return answer["y"].tolist()

    assert asyncio.run(ask()) == [2.0]


def test_each_waits_no_longer_than_it_may():
    """One timer serves all: it must come again for those that came later."""

    async def ask():
        model = Model(patient=True)
        batcher = Batcher(model, rows=1, window=0.0, limit=0.2)
        model.gate.clear()
        loop, took = asyncio.get_running_loop(), []

        async def wait():
            begun = loop.time()
            with pytest.raises(Refusal):
                await batcher.infer({"x": np.ones(1)})
            took.append(loop.time() - begun)

        first = asyncio.create_task(wait())
        await asyncio.sleep(0.1)
        await asyncio.gather(first, wait())
        model.gate.set()
        batcher.close()
        return took

    took = asyncio.run(ask())
    assert len(took) == 2
    assert min(took) >= 0.19
