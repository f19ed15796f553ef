"""What takes too long is not waited for."""

from __future__ import annotations

import threading
import time

import pytest

from mtl.core.base.time_limit import TooLate, within


def test_what_is_done_in_time_is_returned_and_what_fails_fails() -> None:
    assert within(10, lambda: "done") == "done"
    with pytest.raises(SystemExit, match="3"):
        within(10, lambda: (_ for _ in ()).throw(SystemExit(3)))


def test_what_is_late_is_told_to_stop_and_left_behind() -> None:
    told = threading.Event()
    began = time.monotonic()
    with pytest.raises(TooLate):
        within(0.05, lambda: told.wait(20), told.set)
    assert time.monotonic() - began < 10
    assert told.is_set()
