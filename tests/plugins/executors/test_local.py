"""The executor of this machine: a process for each place, each with its device."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.base.errors import MissingRequirementError, UsageError
from mtl.core.contracts import Job, JobEnding, Seat, Work
from mtl.core.testing.executor_checks import JOBS, perform
from mtl.plugins.executors import local
from mtl.plugins.executors.local import Local

from .conftest import compared, ends, tables


def seats(executor: Local, work: Work, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the devices of the processes that would be started."""
    found: list[str] = []

    def noted(jobs: Iterator[Job], seats: list[Seat], perform: local.Perform) -> Iterator[JobEnding]:
        found.extend(seat.device for seat in seats)
        return iter(())

    monkeypatch.setattr(local, "_in_processes", noted)
    list(executor.execute(iter(JOBS), work))
    return found


def test_each_process_has_a_device_of_the_pool_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Local(devices=("cpu:0", "cpu"))
    assert seats(pool, Work(perform, "cpu", tmp_path), monkeypatch) == ["cpu:0", "cpu"]
    assert seats(pool, Work(perform, "cpu", tmp_path, at_once=3), monkeypatch) == ["cpu:0", "cpu", "cpu:0"]


def test_where_cuda_is_asked_for_each_process_has_a_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    three = Work(perform, "cuda", tmp_path, at_once=3)
    assert seats(Local(), three, monkeypatch) == ["cuda:0", "cuda:1", "cuda:0"]
    one = Work(perform, "cuda:1", tmp_path, at_once=2)
    assert seats(Local(), one, monkeypatch) == ["cuda:1", "cuda:1"]


def test_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    work = Work(perform, "cpu", tmp_path)
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        list(Local(devices=("gpu",)).execute(iter(JOBS), work))
    if not torch.cuda.is_available():
        with pytest.raises(MissingRequirementError):
            list(Local(devices=("cuda:0",)).execute(iter(JOBS), work))


def test_one_job_needs_no_other_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_in_processes", None)
    (ending,) = Local().execute(iter(JOBS[:1]), Work(perform, "cpu", tmp_path, at_once=4))
    assert ending == perform(JOBS[0], Seat("cpu"))


HELD: list[Any] = []


def hold_a_lock(job: Job, seat: Seat) -> JobEnding:
    """Make a named lock, as tqdm does, keep it, and tell its name; the last job waits for ever."""
    lock = multiprocessing.get_context("spawn").RLock()
    HELD.append(lock)
    if job == JOBS[-1]:
        time.sleep(600)
    return JobEnding(job.key, where=lock._semlock.name)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="looks where Linux keeps semaphores")
def test_processes_give_back_what_they_took_at_rest_and_at_work() -> None:
    found = local._in_processes(iter(JOBS), [Seat("cpu"), Seat("cpu")], hold_a_lock)
    names = [next(found).where.lstrip("/") for _ in JOBS[1:]]
    kept = [Path(f"/dev/shm/sem.{name}") for name in names]
    assert all(path.exists() for path in kept)
    found.close()
    assert not any(path.exists() for path in kept)


@pytest.mark.slow
def test_a_pool_of_devices_reaches_the_same(sequential: Path, tmp_path: Path) -> None:
    assert compared(tmp_path / "c", {"name": "local", "devices": ["cpu", "cpu:0"]}) == 0
    assert ends(tmp_path / "c") == [1] * 24
    assert list(tables(tmp_path / "c")) == list(tables(sequential))
