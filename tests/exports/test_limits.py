"""What a stranger's model file may take, and how it is told that it takes more."""

from __future__ import annotations

import threading

import pytest

from mtl.core.base.errors import UsageError
from mtl.exports.limits import MEBIBYTE, in_time, memory_option
from mtl.exports.session import ALLOWED


def test_a_file_that_takes_too_long_is_named_with_the_option_that_allows_more():
    told = threading.Event()
    with pytest.raises(UsageError, match=r"m\.onnx did not answer within 0\.05 s\n  hint: .*--timeout"):
        in_time(0.05, "m.onnx", lambda: told.wait(20), stop=told.set)
    assert told.is_set()


def test_the_option_leaves_what_is_left_without_it():
    (option,) = memory_option()(lambda memory: memory).__click_params__
    assert option.default * MEBIBYTE == ALLOWED
