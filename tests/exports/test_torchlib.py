"""A model is traced without what torch does over and over and nobody asks for, to the same bytes."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import onnxscript
import pytest
from onnxscript import opset18, values
from onnxscript._internal import main
from onnxscript.function_libs.torch_lib import ops, registration
from torch._export import utils

from mtl.core.base.errors import UsageError
from mtl.exports import onnx_model
from mtl.exports.export import Export
from mtl.exports.onnx_model import build_model
from mtl.exports.torchlib import (
    networks_unimported,
    operators_listed_once,
    scripts_translated_late,
    sources_unread,
)

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
    monkeypatch.setattr(onnx_model, "lean_tracing", nullcontext)
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


def added(x, alpha: float = 2.0):  # type: ignore[no-untyped-def]
    """A function that onnxscript translates: its annotations are its own."""
    return opset18.Add(x, alpha)


def test_a_script_is_translated_when_it_is_asked_for_and_then_as_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    translated: list[str] = []
    check = main.script_check

    def counted(definition, *rest, **named):  # type: ignore[no-untyped-def]
        translated.append(definition.name)
        return check(definition, *rest, **named)

    monkeypatch.setattr(main, "script_check", counted)
    domain = values.Opset("tests", 1)
    as_ever = onnxscript.script(domain)(added)
    with scripts_translated_late():
        late = onnxscript.script(domain)(added)
    assert (late.name, late.function_ir.domain, late.op_signature) == ("added", "tests", as_ever.op_signature)
    assert (translated, main.script_check) == (["added"], counted)
    assert late.to_function_proto() == as_ever.to_function_proto()
    assert late.function_ir.meta == as_ever.function_ir.meta
    assert translated == ["added", "added"]
    assert copy.copy(late.function_ir).name == "added"


def test_a_library_of_networks_is_imported_when_something_is_asked_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "networkx.py").write_text("class DiGraph: 'the one'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "networkx", raising=False)
    with networks_unimported():
        import networkx as named

        assert isinstance(named.DiGraph, type)
        assert "networkx" in sys.modules
        assert not hasattr(named, "__file__")
    assert "networkx" not in sys.modules
    assert named.DiGraph.__doc__ == "the one"
    assert sys.modules["networkx"].DiGraph is named.DiGraph
    with networks_unimported():
        assert sys.modules["networkx"].DiGraph is named.DiGraph


def test_what_is_asked_of_it_in_the_block_is_imported_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "networkx.py").write_text("class Graph: 'another'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "networkx", raising=False)
    with networks_unimported():
        from networkx import Graph

        assert Graph.__doc__ == "another"
    assert sys.modules["networkx"].Graph is Graph
