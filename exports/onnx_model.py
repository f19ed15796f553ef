"""From a trained model to an ONNX model: outputs named after the tasks, nothing in it but the computation."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
from collections.abc import Iterator, Mapping, Sequence

import onnx
import torch
from torch import Tensor, nn

from ..core.base.errors import ComponentError, UsageError
from ..core.base.importing import brief_imports
from ..core.contracts import ExportSubject, Form
from .export import Export
from .frame import BATCH, PRODUCER
from .graphs import inner_graphs
from .metadata import IMAGE
from .seal import KEY as SEAL
from .seal import sealed
from .torchlib import lean_tracing

_LARGEST = 2**31 - 2**20


def build_model(export: Export) -> onnx.ModelProto:
    """Return the float32 ONNX model of an export, metadata included; the same weights give the same bytes.

    Raises `UsageError` when names clash or the model is too large for one file, and `ComponentError` when
    the model breaks its contract or cannot be traced.
    """
    export = export.in_float32()
    subject = export.subject
    check_names(subject)
    frozen = copy.deepcopy(subject.model).cpu().eval().to(memory_format=torch.contiguous_format)
    _check_size(frozen)
    wrapped = Exported(frozen, export).eval()
    example = example_of(export)
    check_outputs(frozen, subject)
    model = traced(wrapped, example, export.opset)
    clean(model, subject.input_names, tuple(subject.targets))
    onnx.helper.set_model_props(model, export.card.to_properties())
    return model


def file_of(model: onnx.ModelProto) -> bytes:
    """Return the model as the bytes of a file, its sum at the end in place of an older one."""
    if any(item.key == SEAL for item in model.metadata_props):
        bare = onnx.ModelProto()
        bare.CopyFrom(model)
        kept = [item for item in model.metadata_props if item.key != SEAL]
        del bare.metadata_props[:]
        bare.metadata_props.extend(kept)
        model = bare
    return sealed(model.SerializeToString(deterministic=True))


def check_names(subject: ExportSubject) -> None:
    """Raise `UsageError` unless the names of inputs and tasks are all different, and there is a task."""
    if not subject.targets:
        raise UsageError("there is no task to export")
    # A task may not have that name, whether there is an image or not: it stands for one everywhere.
    seen = {IMAGE: "the input image"}
    for spec in subject.inputs:
        if spec.name in seen:
            raise UsageError(f"input {spec.name!r} has the name of {seen[spec.name]}; each needs its own")
        seen[spec.name] = f"the input {spec.name!r}"
    for task in subject.targets:
        if task in seen:
            raise UsageError(
                f"task {task!r} has the name of {seen[task]}; in the exported file each needs its own",
                hint="give the task another name in the recipe",
            )


class Exported(nn.Module):
    """The model as users meet it: positional inputs, pixels of the chosen type, a tuple of answers.

    Where there is no image, the first input is a vector.
    """

    def __init__(self, model: nn.Module, export: Export) -> None:
        super().__init__()
        self.model = model
        self.pixels = export.pixels
        self.raw = export.raw
        self.names = tuple(spec.name for spec in export.subject.inputs)
        self.pictured = bool(export.subject.image)
        self.targets: Mapping[str, Form] = dict(export.subject.targets)

    def forward(self, first: Tensor, *extra: Tensor) -> tuple[Tensor, ...]:
        """Return the answers in the order of `targets`."""
        image = first if self.pictured else first.new_zeros(first.shape[0], 0, 0, 0)
        if not self.pictured:
            extra = (first, *extra)
        elif self.pixels == "uint8":
            image = image.float() / 255.0
        raw = self.model(image, dict(zip(self.names, extra, strict=True)))
        if self.raw:
            return tuple(raw[task] for task in self.targets)
        return tuple(target.predict(raw[task]) for task, target in self.targets.items())


def example_of(export: Export) -> tuple[Tensor, ...]:
    """Return inputs to trace a model with, in order."""
    # Two samples: torch.export would take a batch of one for a constant.
    subject = export.subject
    pixels = torch.uint8 if export.pixels == "uint8" else torch.float32
    image = (torch.zeros((2, *subject.image.shape), dtype=pixels),) if subject.image else ()
    return (*image, *_zeros(subject).values())


def _zeros(subject: ExportSubject) -> dict[str, Tensor]:
    """Return zeros for two samples, for each input beside the image."""
    return {
        spec.name: torch.zeros((2, *spec.shape), dtype=getattr(torch, spec.dtype)) for spec in subject.inputs
    }


def _check_size(model: nn.Module) -> None:
    size = sum(value.numel() * value.element_size() for value in model.state_dict().values())
    if size > _LARGEST:
        raise UsageError(f"the model holds {size / 2**30:.1f} GiB; one ONNX file holds less than 2 GiB")


def check_outputs(model: nn.Module, subject: ExportSubject) -> None:
    """Raise `ComponentError` unless the model answers every task in its form."""
    image = torch.zeros((2, *subject.image.kept_shape))
    with torch.inference_mode():
        raw = model(image, _zeros(subject))
    for task, target in subject.targets.items():
        if task not in raw:
            raise ComponentError(f"the model has no output for task {task!r}")
        expected = (2, *target.output_shape)
        if tuple(raw[task].shape) != expected:
            raise ComponentError(
                f"the output of task {task!r} has shape {list(raw[task].shape)} for two samples, "
                f"not {list(expected)}"
            )


def traced(model: nn.Module, example: tuple[Tensor, ...], opset: int) -> onnx.ModelProto:
    """Return a model as torch's exporter writes it; raise `ComponentError` where it cannot."""
    dynamic = {0: torch.export.Dim.DYNAMIC}
    extra = (dynamic,) * (len(example) - 1)
    try:
        with _quiet(), brief_imports(), lean_tracing():
            program = torch.onnx.export(
                model,
                example,
                dynamo=True,
                # One entry per parameter of forward; a `*extra` that gets nothing is none.
                dynamic_shapes=(dynamic, extra) if extra else (dynamic,),
                opset_version=opset,
                external_data=False,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().splitlines()
        # A header that ends in a colon says nothing without the line below it.
        text = " ".join(reason[:2]) if reason[0].endswith(":") else reason[0]
        raise ComponentError(f"torch cannot export the model to ONNX: {text}") from error
    if program is None:
        raise ComponentError("torch returned no ONNX program")
    # torch declares its own copy of the protocol buffer's type.
    found: object = program.model_proto
    if not isinstance(found, onnx.ModelProto):
        raise ComponentError("torch returned no ONNX model")
    return found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's progress and graph dumps off the terminal; its errors still arrive as exceptions."""
    loggers = [
        logger
        for name, logger in list(logging.Logger.manager.loggerDict.items())
        if isinstance(logger, logging.Logger) and name.partition(".")[0] == "torch" and not logger.disabled
    ]
    try:
        for logger in loggers:
            logger.disabled = True
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        for logger in loggers:
            logger.disabled = False


def clean(model: onnx.ModelProto, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Rename everything by role and drop whatever is not computation: paths, traces, metadata.

    `inputs` and `outputs` are the names that the graph's get, in order.
    """
    graph = model.graph
    names = _new_names(graph, inputs, outputs)
    symbols = {value.type.tensor_type.shape.dim[0].dim_param for value in graph.input}
    for value in (*graph.input, *graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param in symbols:
                dimension.dim_param = BATCH
    for value in graph.output:
        # However the tracer writes it: the gate runs several batches.
        if value.type.tensor_type.shape.dim and value.type.tensor_type.shape.dim[0].dim_param:
            value.type.tensor_type.shape.dim[0].dim_param = BATCH
    _rewrite(graph, names)
    model.producer_name, model.producer_version, graph.name = PRODUCER, "", PRODUCER
    model.ClearField("doc_string")
    del model.metadata_props[:]
    used = {node.domain for node in graph.node}
    for opset in [opset for opset in model.opset_import if opset.domain not in used and opset.domain]:
        model.opset_import.remove(opset)
    # The oldest layout that has these operators: runtimes refuse files for a newer one alone.
    model.ir_version = onnx.helper.find_min_ir_version_for(list(model.opset_import))


def _new_names(graph: onnx.GraphProto, inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, str]:
    names = dict(zip((value.name for value in graph.input), inputs, strict=True))
    names |= dict(zip((value.name for value in graph.output), outputs, strict=True))
    taken = set(names.values())

    def give(old: str, new: str) -> None:
        if old and old not in names:
            while new in taken:
                new += "_"
            names[old] = new
            taken.add(new)

    for tensor in graph.initializer:
        weight = tensor.name.startswith("model.")
        # A part of a model keeps it inside: `model.model.`.
        bare = tensor.name.removeprefix("model.").removeprefix("model.")
        give(tensor.name, bare if weight else f"constant_{len(taken)}")
    for part in _graphs(graph):
        for local in (*part.input, *part.initializer):
            give(local.name, f"value_{len(taken)}")
        for node in part.node:
            for name in node.output:
                give(name, f"value_{len(taken)}")
    return names


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for inner in inner_graphs(node):
            yield from _graphs(inner)


def _rewrite(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    count = 0
    for part in _graphs(graph):
        del part.value_info[:]
        for thing in (part, *part.input, *part.output, *part.initializer, *part.node):
            thing.ClearField("doc_string")
            del thing.metadata_props[:]
        for value in (*part.input, *part.output, *part.initializer):
            value.name = names[value.name]
        for node in part.node:
            node.name = f"{node.op_type.lower()}_{count}"
            count += 1
            node.input[:] = [names[name] if name else name for name in node.input]
            node.output[:] = [names[name] if name else name for name in node.output]
