"""A model is traced without what torch does over and over and nobody asks for, to the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from onnxscript import values
from onnxscript.function_libs.torch_lib import ops, registration
from torch._export import utils

from mtl.core.base.errors import UsageError
from mtl.exports import onnx_model
from mtl.exports.export import Export
from mtl.exports.onnx_model import build_model
from mtl.exports.torchlib import operators_listed_once, sources_unread

from .conftest import tiny_subject

READ = vars(values.TracedOnnxFunction)["function_ir"]


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    assert vars(values.TracedOnnxFunction)["function_ir"] is READ


def test_a_function_has_the_domain_that_its_source_gives_it() -> None:
    assert ops
    registered = registration.default_registry.items()
    found = [function for _, named in registered for function in named.overloads]
    traced = [function for function in found if isinstance(function, values.TracedOnnxFunction)]
    assert len(traced) > 100
    domains = [function.function_ir.domain for function in traced[:5]]
    with sources_unread():
        assert [function.function_ir.domain for function in traced[:5]] == domains
        assert {function.function_ir.domain for function in traced} == set(domains)


def test_a_block_inside_another_and_an_error_change_nothing() -> None:
    with pytest.raises(UsageError), sources_unread(), sources_unread():
        raise UsageError("inside")


def test_a_library_that_does_it_otherwise_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "TracedOnnxFunction", None)
    with sources_unread():
        pass
    monkeypatch.undo()


@pytest.mark.usefixtures("traced_anew")
def test_the_file_is_the_same_with_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    made = build_model(Export(tiny_subject())).SerializeToString(deterministic=True)
    monkeypatch.setattr(onnx_model, "sources_unread", nullcontext)
    monkeypatch.setattr(onnx_model, "operators_listed_once", nullcontext)
    assert build_model(Export(tiny_subject())).SerializeToString(deterministic=True) == made


def test_operators_are_listed_once_in_a_block_and_as_often_as_asked_outside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed: list[bool] = []

    def listing() -> None:
        listed.append(True)

    monkeypatch.setattr(utils, "_materialize_cpp_cia_ops", listing)
    for times in (1, 2):
        with operators_listed_once():
            for _ in range(3):
                utils._materialize_cpp_cia_ops()
        assert (len(listed), utils._materialize_cpp_cia_ops) == (times, listing)
