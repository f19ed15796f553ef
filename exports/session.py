"""Opening an ONNX model in onnxruntime, and whether it looks as its metadata says. No torch, no onnx."""

from __future__ import annotations

import onnxruntime

from .metadata import IMAGE, ModelCard

_TYPES = {"float32": "tensor(float)", "uint8": "tensor(uint8)", "int64": "tensor(int64)"}
_FATAL = 4


def open_session(data: bytes, *, threads: int = 0, spin: int | None = None) -> onnxruntime.InferenceSession:
    """Open a model on the CPU; onnxruntime's own exceptions pass through, its log lines do not.

    `threads` cores compute (0: all). Between two pieces of work their threads spin for `spin` microseconds
    (None: as long as onnxruntime likes, which is slow as soon as others need the cores).
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads
    if spin is not None:
        options.add_session_config_entry("session.intra_op.spin_duration_us", str(spin))
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def interface_problem(session: onnxruntime.InferenceSession, card: ModelCard) -> str | None:
    """Return how the model's inputs and outputs differ from the card, or None when they agree."""
    inputs: dict[str, tuple[str, tuple[int, ...]]] = {IMAGE: (_TYPES[card.pixels], card.image.shape)}
    inputs |= {spec.name: (_TYPES["int64"], ()) for spec in card.inputs}
    outputs = {item.name: (_TYPES["float32"], item.target.output_shape) for item in card.outputs}
    for role, values, promised in (
        ("input", session.get_inputs(), inputs),
        ("output", session.get_outputs(), outputs),
    ):
        names = [value.name for value in values]
        if names != list(promised):
            return f"its {role}s are {', '.join(names)}, not {', '.join(promised)}"
        for value in values:
            kind, shape = promised[value.name]
            if value.type != kind:
                return f"{role} {value.name!r} is a {value.type}, not a {kind}"
            if not value.shape or isinstance(value.shape[0], int):
                fixed = value.shape[0] if value.shape else "absent"
                return f"the batch of {role} {value.name!r} is fixed ({fixed}), not dynamic"
            if tuple(value.shape[1:]) != tuple(shape):
                return f"{role} {value.name!r} has shape {value.shape}, not {['batch', *shape]}"
    return None
