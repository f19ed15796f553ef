"""Opening an ONNX model in onnxruntime, and whether it looks as its metadata says. No torch, no onnx."""

from __future__ import annotations

import os
import threading
from functools import lru_cache

import onnxruntime

from ..core.base.errors import VerificationError
from ..core.base.shapes import BATCH, shown_shape
from .metadata import IMAGE, ModelCard
from .seal import unbroken
from .wire import refuse_hazards

MOST_MEMORY = 8 * 2**30
"""Bytes that a model that is trusted may use for weights and numbers, where the machine has twice as many."""

ALLOWED = 384 * 2**20
"""Bytes that a stranger's model may use for numbers unless a person allows more."""

_NO_MEMORY = ("AllocateRawInternal", "bad_alloc", "bad allocation")
"""What onnxruntime says then."""

_FOLDED = "optimization.constant_folding_max_output_size_in_bytes"

_OPENING = threading.Lock()
"""The memory that is registered is the process's: one session is opened at a time."""

_TYPES = {"float32": "tensor(float)", "uint8": "tensor(uint8)", "int64": "tensor(int64)"}
_FATAL = 4
_AS_REQUESTED = 1
"""Strategy of the memory: it grows by what is asked for, not to twice its size each time."""


def check_seal(data: bytes, name: str) -> None:
    """Raise `VerificationError` when an exported file holds other bytes than those that were written."""
    if unbroken(data) is False:
        raise VerificationError(
            f"{name} is damaged, or was changed since it was exported: its sum does not agree",
            hint="export the run again",
        )


def allowed(data: bytes, numbers: int = ALLOWED) -> int:
    """Return the memory that a stranger's model may use: for its weights, and `numbers` bytes beside them."""
    return numbers + 4 * len(data)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether onnxruntime failed because a model wanted more memory than it may use."""
    return any(words in str(error) for words in _NO_MEMORY)


def open_session(
    data: bytes, *, threads: int = 0, spin: int | None = None, memory: int = MOST_MEMORY
) -> onnxruntime.InferenceSession:
    """Open a model on the CPU; onnxruntime's own exceptions pass through, its log lines do not.

    `threads` cores compute (0: all). Between two pieces of work their threads spin for `spin` microseconds
    (None: as long as onnxruntime likes, which is slow as soon as others need the cores). A model that reads
    other files or may run without end is a `ValueError`; one that needs more than `memory` bytes, or half
    of the machine's, fails when it is opened or run.
    """
    refuse_hazards(data)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.use_env_allocators", "1")
    # What is computed when a model is opened is beyond the memory that bounds its runs.
    options.add_session_config_entry(_FOLDED, str(2 * len(data)))
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads
    if spin is not None:
        options.add_session_config_entry("session.intra_op.spin_duration_us", str(spin))
    with _OPENING:
        _bound_memory(memory)
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def run_options() -> onnxruntime.RunOptions:
    """Return options for runs of an opened model that give back, when they end, the memory they needed.

    Every run takes such options: without them, what the largest run needed stays with the process.
    """
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


@lru_cache(maxsize=1)
def _bound_memory(most: int) -> None:
    """Give the sessions that are opened next one memory of bounded size, unless the last ones have the same.

    They keep it when another one is registered. Sessions that share one give more of it back.
    """
    most = min(most, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg(most, _AS_REQUESTED, -1, -1))


def interface_problem(session: onnxruntime.InferenceSession, card: ModelCard) -> str | None:
    """Return how the model's inputs and outputs differ from the card, or None when they agree."""
    inputs: dict[str, tuple[str, tuple[int, ...]]] = {}
    if card.image:
        inputs[IMAGE] = (_TYPES[card.pixels], card.image.shape)
    inputs |= {spec.name: (_TYPES[spec.dtype], spec.shape) for spec in card.inputs}
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
                wanted = shown_shape([BATCH, *shape])
                return f"{role} {value.name!r} has shape {shown_shape(value.shape)}, not {wanted}"
    return None
