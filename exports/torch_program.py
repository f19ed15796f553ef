"""A model as a program of `torch.export`: traced, stripped, written as bytes, and read back."""

from __future__ import annotations

import copy
import io
import json
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core.base.errors import ComponentError, VerificationError
from ..core.contracts import Arrays
from ..core.discovery.answer_forms import Forms
from .candidate import reason
from .export import Export
from .metadata import ModelCard
from .onnx_model import Exported, check_names, check_outputs, example_of

CARD = "mtl.json"
"""The name of the metadata inside the file."""

_NOTES = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node")
_SOURCE_PATH = re.compile(rb"[\w.-]+\.py\b")


class _Named(nn.Module):
    """The model as users meet it, its answers by task."""

    def __init__(self, exported: Exported) -> None:
        super().__init__()
        self.exported = exported

    def forward(self, first: Tensor, *extra: Tensor) -> dict[str, Tensor]:
        return dict(zip(self.exported.targets, self.exported(first, *extra), strict=True))


def build_program(export: Export, batch: int | None = None) -> torch.export.ExportedProgram:
    """Return the traced model without notes of where it was made; weights that nothing reads are emptied.

    It takes any batch. Or one size only, `batch`: for other runtimes, whose converters drop such weights
    themselves, and fail at empty ones.
    Raises `ComponentError` when the model breaks its contract or cannot be traced.
    """
    check_names(export.subject)
    frozen = copy.deepcopy(export.subject.model).cpu().eval()
    check_outputs(frozen, export.subject)
    example = example_of(export)
    dynamic: Any = {0: torch.export.Dim.DYNAMIC}
    shapes: Any = (dynamic, (dynamic,) * (len(example) - 1)) if len(example) > 1 else (dynamic,)
    if batch is not None:
        example, shapes = tuple(value[:1].expand(batch, *value.shape[1:]) for value in example), None
    named = _Named(Exported(frozen, export)).eval()
    try:
        program = torch.export.export(named, example, dynamic_shapes=shapes, strict=False)
    except Exception as error:  # the tracer lets through whatever the model raises
        raise ComponentError(f"torch cannot export the model: {reason(error)}") from error
    _strip(program)
    if batch is None:
        _empty_unread(program)
    return program


def program_bytes(program: torch.export.ExportedProgram, card: ModelCard) -> bytes:
    """Return the file; the same program gives the same bytes."""
    stream = io.BytesIO()
    torch.export.save(program, stream, extra_files={CARD: json.dumps(card.to_properties())})
    return stream.getvalue()


class Program:
    """A `.pt2` file as bytes, read back; every failure is a `VerificationError` that starts with `name`."""

    def __init__(self, data: bytes, name: str, forms: Forms | None = None) -> None:
        self.name = name
        self.data = data
        refuse_code(data, name)
        found = {CARD: ""}
        try:
            with warnings.catch_warnings():
                # A damaged file must not speak twice.
                warnings.simplefilter("ignore")
                program = torch.export.load(io.BytesIO(data), extra_files=found)
            self._module = program.module()
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                texts = [archive.read(item) for item in archive.namelist() if item.endswith(".json")]
            self._source = next((path[0] for text in texts if (path := _SOURCE_PATH.search(text))), None)
            self.properties = _text_pairs(found[CARD])
            self.card = ModelCard.from_properties(self.properties, forms)
        except Exception as error:  # the reader raises whatever a damaged file leads it to
            raise VerificationError(f"{name} is not a valid export: {reason(error)}") from error

    def check_contents(self) -> None:
        """Raise when the file names the source files it was made from."""
        if self._source is not None:
            raise VerificationError(f"{self.name} holds the path of a source file: {self._source.decode()}")

    def check_interface(self) -> None:
        """A program has no interface of its own beside the model's; a wrong one cannot be run."""

    def run(self, feed: Arrays, case: str = "real samples") -> dict[str, NDArray[Any]]:
        """Return the outputs by name."""
        tensors = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in feed.items()}
        try:
            with torch.inference_mode():
                outputs = self._module(*(tensors[name] for name in self.card.input_names))
            return {str(name): value.numpy() for name, value in outputs.items()}
        except Exception as error:  # a traced program raises what torch's operators raise
            raise VerificationError(f"{self.name} cannot be run ({case}): {reason(error)}") from error


def refuse_code(data: bytes, name: str) -> None:
    """Raise `VerificationError` when loading a `.pt2` file could run code that it brings.

    torch unpickles whatever such an archive says is pickled, and what it cannot load as plain tensors.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            # torch packs nothing: what would unpack to more than the file is none of its own.
            if sum(item.file_size for item in archive.infolist()) > len(data):
                raise ValueError("it is packed")
            texts = [json.loads(archive.read(item)) for item in names if item.endswith(".json")]
            tensors = [archive.read(item) for item in names if item.endswith(".pt")]
            plain = any(PurePosixPath(item).name == "archive_format" for item in names)
    except Exception as error:  # a damaged archive raises what it likes
        raise VerificationError(f"{name} is not a valid export: {reason(error)}") from error
    unsafe = len(names) != len(set(names)) or not plain or any("aotinductor" in item for item in names)
    if unsafe or any(map(_pickles, texts)) or not all(map(_holds_tensors, tensors)):
        raise VerificationError(
            f"{name} could run code when it is loaded: it holds more than tensors and a program",
            hint="mtl never writes such a file",
        )


def _pickles(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value.get("use_pickle")) or any(map(_pickles, value.values()))
    return isinstance(value, list) and any(map(_pickles, value))


def _holds_tensors(data: bytes) -> bool:
    try:
        torch.load(io.BytesIO(data), weights_only=True)
    except Exception:  # whatever is wrong with it, torch would go on to unpickle it
        return not data
    return True


def _strip(program: torch.export.ExportedProgram) -> None:
    graph = program.graph_module.graph
    graph.eliminate_dead_code()
    program.graph_module.recompile()
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                for note in _NOTES:
                    node.meta.pop(note, None)


def _empty_unread(program: torch.export.ExportedProgram) -> None:
    signature, graph = program.graph_signature, program.graph_module.graph
    weights = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    read = {weights[node.name] for node in graph.nodes if node.name in weights and node.users}
    for name in set(program.state_dict) - read:
        empty = torch.zeros(0, dtype=program.state_dict[name].dtype)
        old = program.state_dict[name]
        program.state_dict[name] = nn.Parameter(empty, False) if isinstance(old, nn.Parameter) else empty


def _text_pairs(text: str | bytes) -> Mapping[str, str]:
    pairs = json.loads(text)
    if not isinstance(pairs, dict) or not all(isinstance(value, str) for value in pairs.values()):
        raise ValueError("it has no mtl metadata")
    return pairs
