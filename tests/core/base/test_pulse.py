"""Who is not heard of any more ends the others, who may be waiting for a device for ever."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from threading import Event

import pytest

from mtl.core.base.pulse import Pulse
from mtl.core.base.ranks import Ranks


class Memory:
    """Keeps values for threads of this process; `gone` as one that another process kept."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.gone = False

    def set(self, key: str, value: str, /) -> None:
        if self.gone:
            raise RuntimeError("Connection reset by peer")
        self.values[key] = value.encode()

    def get(self, key: str, /) -> bytes:
        return self.values[key]

    def check(self, keys: list[str], /) -> bool:
        return all(key in self.values for key in keys)


class Heard:
    """Remembers what was told when another one was gone."""

    def __init__(self) -> None:
        self.text, self._told = "", Event()

    def __call__(self, text: str) -> None:
        self.text = text
        self._told.set()

    def within(self, seconds: float) -> bool:
        return self._told.wait(seconds)


def begun(rank: int, store: Memory, lost: Heard) -> Pulse:
    return Pulse(Ranks(rank, 2), store, lost, beat=0.02, patience=0.3)


def test_who_falls_silent_is_gone_for_the_others() -> None:
    store, lost = Memory(), Heard()
    first, second = begun(0, store, lost), begun(1, store, Heard())
    assert not lost.within(0.5)
    second.stop()
    assert lost.within(5)
    assert lost.text == "rank 0 of 2 has lost another one: rank 1 was not heard of any more"
    first.stop()


def test_who_was_never_heard_of_is_gone_too() -> None:
    lost = Heard()
    first = begun(0, Memory(), lost)
    assert lost.within(5)
    first.stop()


def test_who_is_done_may_fall_silent() -> None:
    store, lost = Memory(), Heard()
    first, second = begun(0, store, lost), begun(1, store, Heard())
    second.stop(done=True)
    assert not lost.within(0.6)
    first.stop()


def test_without_who_keeps_the_store_all_end() -> None:
    store, lost = Memory(), Heard()
    second = begun(1, store, lost)
    store.gone = True
    assert lost.within(5)
    assert "rank 0 was not heard of" in lost.text
    second.stop()


PROGRAM = """
import threading, torch
from mtl.core.base.ranks import join_ranks
from mtl.core.base.pulse import pulse
ranks, _ = join_ranks(torch.device("cpu"))
with pulse(ranks):
    print("on", flush=True)
    threading.Event().wait()  # as for a sum that never comes
"""


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_process_ends_the_other_within_half_a_minute(killed: int) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    where = {"MASTER_ADDR": "localhost", "MASTER_PORT": port, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | where | {"RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
    processes[killed].kill()
    began = time.monotonic()
    _, told = processes[1 - killed].communicate(timeout=60)
    assert time.monotonic() - began < 30
    assert processes[1 - killed].returncode == 5
    assert f"rank {killed} was not heard of any more" in told
    processes[killed].communicate()
