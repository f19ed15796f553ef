"""A file that claims to be an export: what it holds, what it says about itself, and how it is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import onnx
from numpy.typing import NDArray

from ..core.base.errors import MtlError, VerificationError
from ..core.discovery.answer_forms import Forms
from .frame import check_frame
from .graphs import inner_graphs, opset_of
from .metadata import PREFIX, ModelCard
from .runtimes import Run, open_runtime, run_session
from .seal import KEY, unbroken
from .session import MOST_MEMORY, check_seal, interface_problem, open_session


class Candidate:
    """An ONNX file as bytes, opened in onnxruntime on the CPU, and run there or in another runtime.

    In onnxruntime it may use `memory` bytes. `forms` of answers are known beside those of installed plugins.
    Every failure is a `VerificationError` of one line that starts with `name`; a runtime that is not
    installed is a `MissingRequirementError`.
    """

    def __init__(
        self,
        data: bytes,
        name: str,
        runtime: str = "onnxruntime",
        memory: int = MOST_MEMORY,
        forms: Forms | None = None,
    ) -> None:
        self.name = name
        self.data = data
        self.runtime = runtime
        try:
            check_seal(data, name)
            self.session = open_session(data, memory=memory)
            self.model = onnx.load_model_from_string(data)
            onnx.checker.check_model(data, full_check=True)
            self.properties: Mapping[str, str] = {
                item.key: item.value for item in self.model.metadata_props if item.key != KEY
            }
            self.card = ModelCard.from_properties(self.properties, forms)
        except VerificationError:
            raise
        except Exception as error:  # foreign parsers raise what they like; none of it may pass
            raise VerificationError(f"{name} is not a valid export: {reason(error)}") from error
        if unbroken(data) is None:
            raise VerificationError(f"{name} has no sum: it was written by an earlier mtl, or changed since")
        self._run = self._opened(data)

    @property
    def opset(self) -> int:
        """The version of ONNX's operators."""
        return opset_of(self.model)

    def check_contents(self) -> None:
        """Raise when there is more than computation: paths, traces, side files, foreign operators."""
        foreign = sorted({opset.domain for opset in self.model.opset_import} - {"", "ai.onnx"})
        foreign += [function.name for function in self.model.functions]
        if foreign:
            raise VerificationError(f"{self.name} needs operators beyond ONNX's own: {', '.join(foreign)}")
        for item in self.model.metadata_props:
            if not item.key.startswith(PREFIX):
                raise VerificationError(f"{self.name} holds foreign metadata {item.key!r}")
        if self.model.doc_string:
            raise VerificationError(f"{self.name} holds a documentation string")
        for part, where in _parts(self.model.graph):
            if part.doc_string or part.metadata_props:
                raise VerificationError(
                    f"{self.name} holds notes of the exporter (paths, stack traces) at {where}"
                )
            if isinstance(part, onnx.TensorProto) and part.data_location == onnx.TensorProto.EXTERNAL:
                raise VerificationError(f"{self.name} keeps {where} in a file of its own")

    def check_interface(self) -> None:
        """Raise when the inputs or outputs are not those the metadata promises, batch dimension included.

        Nor may there be anything else around the operators than an export has, or an operator for nothing.
        """
        if problem := interface_problem(self.session, self.card):
            raise VerificationError(f"{self.name}: {problem}")
        check_frame(self.model, self.card, self.opset, self.name)

    def run(self, feed: Mapping[str, NDArray[Any]], case: str = "real samples") -> dict[str, NDArray[Any]]:
        """Return the outputs by name."""
        try:
            return self._run(feed)
        except Exception as error:  # the runtimes' errors share no base class
            raise VerificationError(f"{self.name} cannot be run ({case}): {reason(error)}") from error

    def _opened(self, data: bytes) -> Run:
        if self.runtime == "onnxruntime":
            return run_session(self.session)
        try:
            return open_runtime(self.runtime, data)
        except MtlError:
            raise
        except Exception as error:  # the runtimes' errors share no base class
            raise VerificationError(f"{self.name} is refused by {self.runtime}: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """Return one line that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]


def _parts(graph: onnx.GraphProto) -> Iterator[tuple[Any, str]]:
    yield graph, "the graph"
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield value, f"value {value.name!r}"
    for tensor in graph.initializer:
        yield tensor, f"weight {tensor.name!r}"
    for node in graph.node:
        yield node, f"node {node.name!r}"
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t, f"a constant of node {node.name!r}"
        for inner in inner_graphs(node):
            yield from _parts(inner)
