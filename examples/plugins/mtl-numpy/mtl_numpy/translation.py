"""From a model to the text of a Python file and the arrays that it reads."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from mtl.contracts import ExportSubject, UsageError

from . import operators

HEAD = '''"""A model that mtl trained, for NumPy alone; its weights are in the .npz file beside it."""

from pathlib import Path
'''
BODY = '''

def predict({inputs}, weights=None):
    """Return the predictions by task; `image` is float32 [B, C, H, W] in 0..1."""
    w = np.load(Path(__file__).with_suffix(".npz")) if weights is None else weights
{lines}
    return {{{answers}}}
'''
LEFT_OUT = {"device", "layout", "pin_memory", "memory_format", "non_blocking", "implicit"}
"""Words that say where and how torch keeps a tensor, not what is in it."""


@dataclass(frozen=True)
class Translation:
    """The text of the file, and its arrays by name."""

    text: str
    weights: Mapping[str, np.ndarray]


class Predicts(nn.Module):
    """The model with its predictions as answer, in the order of the tasks."""

    def __init__(self, subject: ExportSubject) -> None:
        super().__init__()
        self.model, self.targets = subject.model, subject.targets

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        raw = self.model(image, inputs)
        return tuple(target.predict(raw[task]) for task, target in self.targets.items())


def translated(subject: ExportSubject) -> Translation:
    """Return a model as NumPy; raise `UsageError` for an operation that is not known."""
    samples = {name: torch.from_numpy(column[:2]) for name, column in subject.samples.items()}
    image = samples.pop("image").float() / 255
    given = {item.name: samples[item.name] for item in subject.inputs}
    batch = {0: torch.export.Dim("batch", min=1, max=2**20)}
    shapes = (batch, dict.fromkeys(given, batch))
    with torch.no_grad():
        program = torch.export.export(Predicts(subject).eval(), (image, given), dynamic_shapes=shapes)
        program = program.run_decompositions()
    return _written(subject, program)


def _written(subject: ExportSubject, program: Any) -> Translation:
    signature = program.graph_signature
    stated = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    values = {**program.state_dict, **program.constants}
    weights: dict[str, np.ndarray] = {}
    lines: list[str] = []
    inputs: list[str] = []
    returned: list[str] = []
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in stated:
            key = stated[node.name]
            weights[key] = values[key].detach().cpu().numpy()
            lines.append(f"    {node.name} = w[{key!r}]")
        elif node.op == "placeholder":
            inputs.append(node.name)
        elif node.op == "call_function":
            lines.append(f"    {node.name} = {_call(node)}")
        elif node.op == "output":
            returned = [item.name for item in node.args[0]]
    names = ["image", *(item.name for item in subject.inputs)]
    lines = [
        f"    {node} = {name}" for node, name in zip(inputs, _arguments(names), strict=True) if node != name
    ] + lines
    answers = ", ".join(f"{task!r}: {name}" for task, name in zip(subject.targets, returned, strict=True))
    body = BODY.format(inputs=", ".join(_arguments(names)), lines="\n".join(lines), answers=answers)
    return Translation(HEAD + inspect.getsource(operators).split('"""', 2)[2] + body, weights)


def _arguments(names: list[str]) -> list[str]:
    """Return names of arguments: those of inputs may be anything."""
    return [name if name == "image" else f"input_{place}" for place, name in enumerate(names)]


def _call(node: fx.Node) -> str:
    schema = getattr(node.target, "_schema", None)
    name = schema.name.partition("::")[2] if schema is not None else node.target.__name__
    if not hasattr(operators, f"op_{name}") or (name == "convolution" and node.args[6]):
        raise UsageError(
            f"the model needs {node.target}, which mtl-numpy does not know",
            hint="choose another exporter: onnx",
        )
    if name == "convolution" and len(node.args[3]) != 2:
        raise UsageError(
            "mtl-numpy knows convolutions of pictures alone", hint="choose another exporter: onnx"
        )
    named = [f"{key}={_text(value)}" for key, value in node.kwargs.items() if key not in LEFT_OUT]
    return f"op_{name}({', '.join([*map(_text, node.args), *named])})"


def _text(value: Any) -> str:
    """Return a value of the graph as Python."""
    if isinstance(value, fx.Node):
        return value.name
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, torch.dtype):
        return f"np.{str(value).removeprefix('torch.').replace('bool', 'bool_')}"
    if isinstance(value, float) and not np.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)
