"""Of several processes all replay a block or none, whatever one of them has against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from threading import Barrier
from typing import Any

import pytest
import torch
import torch.distributed as distributed
from torch import Tensor

from mtl.core.base.errors import LostRankError
from mtl.core.base.ranks import ALONE, Ranks
from mtl.core.training.capture import Against, Agree, CapturedBlocks, Checks, Work
from mtl.core.training.captured_sums import agreed_by, watched_over
from mtl.core.training.fitting_blocks import BlockInParts, FittingBlocks
from mtl.core.training.step import StepLosses

WORLD = 3


class Keeper:
    """Has a buffer that may be another one after an epoch; its work tells how it was done."""

    def __init__(self) -> None:
        self.total = torch.zeros(1, 1)

    def work(self, indices: Tensor) -> StepLosses:
        self.total.add_(indices.sum())
        return StepLosses(self.total, self.total, self.total)


class Recorder:
    """Notes what is captured and replayed; `breaks` when it is to capture."""

    def __init__(self, breaks: str | None = None) -> None:
        self.captured = self.replayed = 0
        self.breaks = breaks

    def __call__(self, work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
        self.captured += 1
        if self.breaks is not None:
            raise RuntimeError(self.breaks)

        def replay() -> StepLosses:
            self.replayed += 1
            return work()

        return replay


@pytest.fixture
def agree() -> Callable[[], Agree]:
    """Make what threads agree by, as processes do: each has what one of them has against a capture."""
    everyone: list[Against | None] = [None] * WORLD
    meet, given = Barrier(WORLD, timeout=20), iter(range(WORLD))

    def make() -> Agree:
        rank = next(given)

        def agreed(own: Against | None) -> Against | None:
            everyone[rank] = own
            meet.wait()
            found = next((one for one in everyone if one is not None), None)
            meet.wait()
            return found

        return agreed

    return make


def together(runs: Sequence[CapturedBlocks], blocks: int = 5) -> None:
    """Let all take some blocks at the same time, an epoch each."""

    def take(run: CapturedBlocks) -> None:
        for _ in range(blocks):
            run.begin_epoch()
            run(torch.ones(4, dtype=torch.int64))

    with ThreadPoolExecutor(WORLD) as pool:
        list(pool.map(take, runs))


def made(
    agree: Callable[[], Agree], recorders: Sequence[Recorder], checks: Sequence[Checks | None] | None = None
) -> tuple[list[Keeper], list[CapturedBlocks]]:
    keepers = [Keeper() for _ in recorders]
    return keepers, [
        CapturedBlocks(keeper.work, recorder, [keeper], None, check, agree=agree())
        for keeper, recorder, check in zip(keepers, recorders, checks or [None] * WORLD, strict=True)
    ]


@pytest.mark.parametrize("broken", ["a value was read back", "CUDA out of memory. Tried to allocate 2 GiB"])
def test_what_one_cannot_capture_all_take_step_by_step(agree: Callable[[], Agree], broken: str) -> None:
    recorders = [Recorder(), Recorder(broken), Recorder()]
    keepers, runs = made(agree, recorders)
    together(runs)
    assert [recorder.replayed for recorder in recorders] == [0, 0, 0]
    assert [recorder.captured for recorder in recorders] == [1, 1, 1]
    assert all(broken in str(run.reason) for run in runs)
    assert len({run.exhausted for run in runs}) == 1
    assert {float(keeper.total) for keeper in keepers} == {20.0}


def test_where_nothing_speaks_against_it_all_replay(agree: Callable[[], Agree]) -> None:
    recorders = [Recorder() for _ in range(WORLD)]
    keepers, runs = made(agree, recorders)
    together(runs)
    assert [recorder.replayed for recorder in recorders] == [4, 4, 4]
    assert {float(keeper.total) for keeper in keepers} == {20.0}


def test_what_waits_on_one_is_captured_on_none(agree: Callable[[], Agree]) -> None:
    def waits() -> AbstractContextManager[list[str]]:
        return nullcontext(["head.py:7"])

    recorders = [Recorder() for _ in range(WORLD)]
    _, runs = made(agree, recorders, [Checks(), Checks(waits), Checks()])
    together(runs)
    assert [recorder.captured for recorder in recorders] == [0, 0, 0]
    assert {run.reason for run in runs} == {"a step waits for the device at head.py:7"}


def test_what_one_has_replaced_all_capture_anew(agree: Callable[[], Agree]) -> None:
    recorders = [Recorder() for _ in range(WORLD)]
    keepers, runs = made(agree, recorders)
    together(runs)
    keepers[2].total = keepers[2].total.clone()
    together(runs, 1)
    assert [recorder.captured for recorder in recorders] == [2, 2, 2]
    assert {float(keeper.total) for keeper in keepers} == {24.0}


def test_a_replay_that_differs_on_one_is_given_up_by_all(agree: Callable[[], Agree]) -> None:
    class Still(Recorder):
        def __call__(self, work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
            row = torch.full((1, 1), -1.0)
            super().__call__(work)
            return lambda: StepLosses(row, row, row)

    recorders = [Recorder(), Recorder(), Still()]
    keepers = [Keeper() for _ in recorders]
    runs = [
        CapturedBlocks(
            keeper.work, recorder, [keeper], None, Checks(changes=lambda k=keeper: [k.total]), agree=agree()
        )
        for keeper, recorder in zip(keepers, recorders, strict=True)
    ]
    together(runs, 6)
    assert all(str(run.reason).startswith("a replay is not what single steps are") for run in runs)


def test_who_has_something_against_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    agreed = agreed_by(Ranks(0, 2))
    assert agreed is not None
    monkeypatch.setattr(Ranks, "all_have", lambda self, own: [own, Against("it reads back", True)])
    assert agreed(None) == Against("it reads back (on rank 1 of 2)")
    assert agreed_by(ALONE) is None


def test_what_fails_in_a_capture_is_no_lost_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(distributed, "all_reduce", refuse)
    with pytest.raises(LostRankError):
        Ranks(0, 2).total(torch.ones(1))
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with pytest.raises(RuntimeError, match="not permitted when stream is capturing"):
        Ranks(0, 2).total(torch.ones(1))


def test_single_steps_are_not_watched_over() -> None:
    """No store is opened: nobody would listen at its other end."""
    with watched_over(None, Ranks(0, 2)):
        pass
    keeper, cpu = Keeper(), torch.device("cpu")
    parts = BlockInParts(lambda given: [], keeper.work, lambda start, stop: lambda: None)

    def captured(work: Work) -> CapturedBlocks:
        return CapturedBlocks(work, Recorder(), [keeper], "a reason")

    with watched_over(FittingBlocks(captured, keeper.work, parts, cpu, 1), Ranks(0, 2)):
        pass
