"""The collector of cycles rests inside a block, and nowhere else."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import torch

from mtl.core.base.collection import uncollected
from mtl.core.base.errors import ComponentError, UsageError
from mtl.exports import onnx_model


@pytest.fixture(autouse=True)
def _on() -> Iterator[None]:
    yield
    gc.enable()


def test_the_collector_rests_inside_and_works_again_whatever_happens() -> None:
    with pytest.raises(UsageError), uncollected():
        refuse_with(gc.isenabled())
    assert gc.isenabled()


def refuse_with(enabled: bool) -> None:
    """Fail inside the block, where the collector must be off."""
    assert not enabled
    raise UsageError("inside")


def test_blocks_inside_each_other_end_with_the_outermost() -> None:
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    with uncollected():
        pass
    assert not gc.isenabled()


def test_what_is_there_for_good_is_set_aside_before_it_works_again(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[bool] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(gc.isenabled()))
    with uncollected():
        pass
    assert frozen == []
    with uncollected(for_good=True):
        pass
    assert frozen == [False]
    assert gc.isenabled()


def test_what_lasts_is_old_after_the_block_and_not_gone_through_again() -> None:
    gc.collect()
    with uncollected():
        kept = [[] for _ in range(3)]
    old = {id(item) for item in gc.get_objects(generation=2)}
    assert {id(item) for item in kept} <= old


def test_a_model_is_traced_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(torch.onnx, "export", lambda *given, **settings: seen.append(gc.isenabled()))
    with pytest.raises(ComponentError, match="no ONNX program"):
        onnx_model.traced(torch.nn.Identity(), (torch.zeros(2),), 20)
    assert seen == [False]
    assert gc.isenabled()
