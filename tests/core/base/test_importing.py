"""Torch is imported without what its import does for nobody."""

from __future__ import annotations

import gc
import inspect
import sys

import pytest
from torch._library import utils

from mtl.core.base.errors import UsageError
from mtl.core.base.importing import brief_imports

WHOLE = inspect.getframeinfo


def test_torch_gets_the_place_of_a_caller_as_ever_and_no_source_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[object] = []
    found = inspect.findsource
    monkeypatch.setattr(inspect, "findsource", lambda thing: read.append(thing) or found(thing))
    outside, line = utils.get_source(1), sys._getframe().f_lineno
    assert (outside, len(read)) == (f"{__file__}:{line}", 1)
    with brief_imports():
        inside, line = utils.get_source(1), sys._getframe().f_lineno
    assert (inside, len(read)) == (f"{__file__}:{line}", 1)


def test_anybody_else_gets_the_source_too() -> None:
    with brief_imports():
        told = inspect.getframeinfo(sys._getframe())
    assert told.code_context is not None
    assert "inspect.getframeinfo(sys._getframe())" in told.code_context[0]


def test_everything_is_as_it_was_after_blocks_in_each_other_and_an_error() -> None:
    with pytest.raises(UsageError), brief_imports():
        refuse()
    assert gc.isenabled()
    assert inspect.getframeinfo is WHOLE


def refuse() -> None:
    """Fail inside a block, after another one in it."""
    with brief_imports():
        pass
    assert not gc.isenabled()
    assert inspect.getframeinfo is not WHOLE
    raise UsageError("inside")
