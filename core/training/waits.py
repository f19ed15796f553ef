"""Notices where a step waits for a CUDA device, before a graph is tried that could not hold it."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ..base.frames import line_outside_torch

_WORDS = "synchronizing CUDA operation"
"""The words of torch's warning; that the mode is a prototype is another one."""


@contextmanager
def noted_waits() -> Iterator[list[str]]:
    """Give a list that, in the block, gets `FILE:LINE` of everything that waits for the device.

    What waits in a backward pass is known by the line that began the pass. Other warnings are shown as they
    would have been. Explicit `torch.cuda.synchronize()` is not among what torch notices.
    """
    found: list[str] = []
    shown = warnings.showwarning
    mode = torch.cuda.get_sync_debug_mode()

    def show(message: Any, category: Any, filename: str, lineno: int, *more: Any) -> None:
        if _WORDS in str(message):
            found.append(line_outside_torch(traceback.extract_stack(), (__file__, warnings.__file__)))
        elif "prototype feature" not in str(message):
            shown(message, category, filename, lineno, *more)

    with warnings.catch_warnings():
        # Each must come, whatever was shown before or is an error elsewhere.
        warnings.filterwarnings("always", message=f".*{_WORDS}")
        warnings.filterwarnings("ignore", message=".*prototype feature")
        warnings.showwarning = show  # type: ignore[assignment]
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield found
        finally:
            torch.cuda.set_sync_debug_mode(mode)
